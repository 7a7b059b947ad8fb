package event_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/queries"
)

// An index over the text of events is left to whoever runs the database. The one that is documented must be the one that
// the queries can use.
func TestTheDocumentedIndexServesSearchesForText(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/architecture.md")
	require.NoError(t, err)
	block := regexp.MustCompile("(?s)```sql\\n(.*?)```").FindSubmatch(document)
	require.NotNil(t, block)
	d := dbtest.New(t)
	for statement := range strings.SplitSeq(strings.TrimSpace(string(block[1])), ";") {
		if statement = strings.TrimSpace(statement); statement != "" {
			_, err := d.Pool.Exec(t.Context(), statement)
			require.NoError(t, err, statement)
		}
	}
	require.NoError(t, pgx.BeginFunc(t.Context(), d.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(t.Context(), "SET LOCAL enable_seqscan = off")
		require.NoError(t, err)
		arguments := []any{pgx.QueryExecModeExec, nil, nil, nil, nil, nil, nil, nil, nil, nil, "%flow-77%"}
		rows, err := tx.Query(t.Context(), "EXPLAIN "+queries.EventSearchCount, arguments...)
		require.NoError(t, err)
		plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		require.Contains(t, strings.Join(plan, "\n"), "events_text_idx")
		return nil
	}))
}

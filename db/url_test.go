package db_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/dbtest"
)

func TestMigrateTakesAPoolsURL(t *testing.T) {
	t.Parallel()
	url := dbtest.New(t).DSN
	separator := "?"
	if strings.Contains(url, "?") {
		separator = "&"
	}
	url += separator + "pool_max_conns=3"
	require.NoError(t, db.Migrate(t.Context(), url, slog.New(slog.DiscardHandler)))
	version, dirty, err := db.SchemaVersion(t.Context(), url)
	require.NoError(t, err)
	require.False(t, dirty)
	require.Positive(t, version)
}

package fleet_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	exchange "github.com/pennonhq/pennon/control/fleet"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

func node(d *dbtest.Database, name string) *exchange.Exchange {
	return &exchange.Exchange{
		Pool: d.Pool, Registry: fleet.New(fleet.Config{Node: name}), Logger: slog.New(slog.DiscardHandler), Gap: time.Millisecond,
	}
}

func names(t *testing.T, e *exchange.Exchange) (names []string) {
	t.Helper()
	reports, err := e.Reports(t.Context())
	require.NoError(t, err)
	for _, report := range reports {
		names = append(names, report.Node)
	}
	return names
}

func TestEachNodeAnswersForAll(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	one, two := node(d, "one"), node(d, "two")
	require.Equal(t, []string{"one"}, names(t, one))
	edge := two.Registry.Join(fleet.Edge{InstanceID: "edge-1", Scopes: []token.Scope{token.NewScope("production", "*")}})
	edge.Ack(replica.Cursor{Revision: 7, Mark: 1})

	size, err := two.Once(t.Context())
	require.NoError(t, err)
	require.Positive(t, size)
	require.Equal(t, []string{"one", "two"}, names(t, one))
	reports, err := one.Reports(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(7), reports[1].Edges[0].Held())
	require.WithinDuration(t, time.Now(), reports[1].ReportedAt, time.Minute)

	size, err = two.Once(t.Context())
	require.NoError(t, err)
	require.Zero(t, size, "nothing has changed")
	edge.Leave()
	size, err = two.Once(t.Context())
	require.NoError(t, err)
	require.Positive(t, size)
}

func TestLargeReportsArePacked(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	one, two := node(d, "one"), node(d, "two")
	for i := range 1000 {
		two.Registry.Join(fleet.Edge{InstanceID: fmt.Sprint("edge-", i)})
	}
	size, err := two.Once(t.Context())
	require.NoError(t, err)
	require.Less(t, size, 40_000, "a thousand edges")
	reports, err := one.Reports(t.Context())
	require.NoError(t, err)
	require.Len(t, reports[1].Edges, 1000)
}

func TestDeadNodesAreNotBelieved(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	one, two, three := node(d, "one"), node(d, "two"), node(d, "three")
	for _, e := range []*exchange.Exchange{two, three} {
		_, err := e.Once(t.Context())
		require.NoError(t, err)
	}
	_, err := d.Pool.Exec(t.Context(), `UPDATE fleet_reports SET reported_at = now() - interval '61 seconds' WHERE node = 'two'`)
	require.NoError(t, err)
	require.Equal(t, []string{"one", "three"}, names(t, one))

	_, err = d.Pool.Exec(t.Context(), `UPDATE fleet_reports SET reported_at = now() - interval '11 minutes' WHERE node = 'two'`)
	require.NoError(t, err)
	_, err = one.Once(t.Context())
	require.NoError(t, err)
	var rows int
	require.NoError(t, d.Pool.QueryRow(t.Context(), `SELECT count(*) FROM fleet_reports`).Scan(&rows))
	require.Equal(t, 2, rows, "one and three")
}

func TestReportThatCannotBeReadIsLeftOut(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	_, err := d.Pool.Exec(t.Context(), `INSERT INTO fleet_reports (node, report) VALUES ('a', 'x'), ('b', '{"node": 1}'), ('c', '{"node": "c", "more": 1}')`)
	require.NoError(t, err)
	require.Equal(t, []string{"one", "c"}, names(t, node(d, "one")))
}

func TestNodeTellsOfItselfUntilItStops(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	one, two := node(d, "one"), node(d, "two")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- two.Run(ctx) }()
	eventually(t, func() bool { return len(names(t, one)) == 2 })

	two.Registry.Join(fleet.Edge{InstanceID: "edge-1"})
	eventually(t, func() bool {
		reports, err := one.Reports(t.Context())
		require.NoError(t, err)
		return len(reports) == 2 && len(reports[1].Edges) == 1
	})
	cancel()
	require.NoError(t, <-done)
	require.Equal(t, []string{"one"}, names(t, one), "it has taken its row away")
}

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	require.Eventually(t, done, 20*time.Second, 5*time.Millisecond)
}

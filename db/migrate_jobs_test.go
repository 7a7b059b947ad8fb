package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/dbtest"
)

func TestServersThatStartTogetherMigrateTheJobQueueOnce(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	require.NoError(t, db.MigrateDown(t.Context(), d.DSN, 0))
	var group errgroup.Group
	for range 5 {
		group.Go(func() error { return db.Migrate(t.Context(), d.DSN, quiet()) })
	}
	require.NoError(t, group.Wait())
	var versions, distinct int
	require.NoError(t, d.Pool.QueryRow(t.Context(), "SELECT count(*), count(DISTINCT version) FROM river_migration").Scan(&versions, &distinct))
	require.Equal(t, distinct, versions)
	require.NotZero(t, versions)
}

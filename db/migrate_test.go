package db_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/dbtest"
)

func TestOnlyASchemaThatIsNotCurrentNeedsADirectConnection(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	pooled := dbtest.PgBouncer(t, d, dbtest.TransactionPooling)
	require.NoError(t, db.Migrate(t.Context(), pooled, quiet()), "there is nothing to do")

	run(t, d, `UPDATE schema_migrations SET dirty = true`)
	require.ErrorIs(t, db.Migrate(t.Context(), pooled, quiet()), db.ErrPooledMigration, "a migration has failed or is running")
	require.ErrorContains(t, db.Migrate(t.Context(), d.DSN, quiet()), "Dirty database version")

	run(t, d, `UPDATE schema_migrations SET dirty = false, version = version - 1`)
	require.ErrorIs(t, db.Migrate(t.Context(), pooled, quiet()), db.ErrPooledMigration)

	run(t, d, `UPDATE schema_migrations SET version = version + 1; DELETE FROM river_migration WHERE version = (SELECT max(version) FROM river_migration)`)
	require.ErrorIs(t, db.Migrate(t.Context(), pooled, quiet()), db.ErrPooledMigration, "the job queue is older")
}

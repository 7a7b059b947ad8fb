package dbtest_test

import (
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

func TestNewGivesEachTestItsOwnSeededDatabase(t *testing.T) {
	t.Parallel()
	first, second := dbtest.New(t), dbtest.New(t)
	_, err := first.Pool.Exec(t.Context(), "INSERT INTO features (name, project) VALUES ('mine', 'default')")
	require.NoError(t, err)
	require.Equal(t, 1, count(t, first, "features"))
	require.Equal(t, 0, count(t, second, "features"))
	require.Equal(t, 2, count(t, second, "environments"))
}

func TestTxIsRolledBack(t *testing.T) {
	t.Parallel()
	for range 2 {
		t.Run("InsertsTheSameKey", func(t *testing.T) {
			tx := dbtest.Tx(t)
			_, err := tx.Exec(t.Context(), "INSERT INTO features (name, project) VALUES ('mine', 'default')")
			require.NoError(t, err)
		})
	}
}

func TestPgBouncerPoolsInTheModeAskedFor(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	for _, mode := range []dbtest.PoolMode{dbtest.SessionPooling, dbtest.TransactionPooling} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			conn, err := pgx.Connect(t.Context(), dbtest.PgBouncer(t, d, mode))
			require.NoError(t, err)
			var backend uint32
			require.NoError(t, conn.QueryRow(t.Context(), "SELECT pg_backend_pid()::bigint").Scan(&backend))
			require.NotEqual(t, conn.PgConn().PID(), backend)
			require.NoError(t, conn.Close(t.Context()))
		})
	}
}

func count(t *testing.T, d *dbtest.Database, table string) (n int) {
	t.Helper()
	require.NoError(t, d.Pool.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&n))
	return n
}

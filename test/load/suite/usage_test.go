package suite

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/test/load/seed"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

func TestBellHearsAFlagWriteAndNotAUsageWrite(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	flags := seed.Flags(1)
	require.NoError(t, seed.Pennon(t.Context(), database.DSN, flags))
	bell, err := listen(t.Context(), database.DSN)
	require.NoError(t, err)
	defer bell.close()
	conn, err := pgx.Connect(t.Context(), database.DSN)
	require.NoError(t, err)
	defer conn.Close(context.Background())

	_, err = conn.Exec(t.Context(), "INSERT INTO feature_last_seen (feature, environment, last_seen_at) VALUES ($1, $2, now())",
		flags[0].Name, seed.Environment)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "UPDATE feature_environments SET enabled = NOT enabled")
	require.NoError(t, err)
	// Notifications arrive in commit order, so by the time the flag write's is here the other's would be.
	require.Eventually(t, func() bool { return bell.rung.Load() > 0 }, 10*time.Second, time.Millisecond)
	require.EqualValues(t, 1, bell.rung.Load())
}

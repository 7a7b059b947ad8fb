package seed_test

import (
	"context"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/test/load/seed"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

func TestPennonLoadsFlagsAsOneChange(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	require.NoError(t, seed.Pennon(t.Context(), database.DSN, seed.Flags(400)))

	conn, err := pgx.Connect(t.Context(), database.DSN)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	for query, want := range map[string]int{
		"SELECT count(*) FROM features":                                      400,
		"SELECT count(*) FROM feature_environments":                          400,
		"SELECT count(*) FROM feature_strategies":                            800,
		"SELECT count(DISTINCT mark) FROM change_log WHERE kind = 'feature'": 1,
	} {
		var got int
		require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&got))
		require.Equal(t, want, got, query)
	}
}

package setting

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/fault"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

func TestOriginsAreWhatBrowsersSend(t *testing.T) {
	t.Parallel()
	for _, valid := range []string{"*", "https://a.b", "https://a.b:8443", "https://*.a.b", "http://localhost:3000", "capacitor://localhost", "http://[::1]:3000"} {
		require.True(t, validOrigin(valid), valid)
	}
	for _, invalid := range []string{
		"", "nope", "https://", "https://a.b/", "https://a.b/x", "https://A.b", "https://a.b:443", "http://a.b:80", "https://u@a.b",
		"https://a.b?x", "https://a.b#x", "https://a.b,https://c.d", "//a.b", "null", "https://a b", "https://" + strings.Repeat("a", 300),
	} {
		require.False(t, validOrigin(invalid), invalid)
	}
}

func TestFrontendOriginsAreKeptWithTheirHistory(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	ctx := access.WithActor(t.Context(), access.System())

	_, known, err := FrontendOrigins(ctx, tx)
	require.NoError(t, err)
	require.False(t, known)

	require.NoError(t, SetFrontendOrigins(ctx, tx, []string{"https://a.b", "*"}))
	require.NoError(t, SetFrontendOrigins(ctx, tx, []string{"https://a.b", "*"}), "the same again")
	origins, known, err := FrontendOrigins(ctx, tx)
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, []string{"https://a.b", "*"}, origins)

	require.NoError(t, SetFrontendOrigins(ctx, tx, nil))
	origins, known, err = FrontendOrigins(ctx, tx)
	require.NoError(t, err)
	require.True(t, known)
	require.Empty(t, origins)

	require.Equal(t, []string{"setting-created", "setting-updated"}, eventTypes(ctx, t, tx))
	require.Equal(t, fault.Invalid, fault.As(SetFrontendOrigins(ctx, tx, []string{"nope"})).Kind)
}

func eventTypes(ctx context.Context, t *testing.T, tx pgx.Tx) []string {
	t.Helper()
	rows, err := tx.Query(ctx, "SELECT type FROM events ORDER BY id")
	require.NoError(t, err)
	types, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return types
}

package apitoken_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/control/apitoken"
	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/dbtest"
)

func ensure(ctx context.Context, d *dbtest.Database, initial apitoken.Initial, log *strings.Builder) error {
	return db.InTx(ctx, d.Pool, func(tx pgx.Tx) error {
		return apitoken.Ensure(ctx, tx, initial, slog.New(slog.NewTextHandler(log, nil)))
	})
}

func stored(t *testing.T, d *dbtest.Database) []string {
	t.Helper()
	rows, err := d.Pool.Query(t.Context(), `SELECT kind || ' ' || secret FROM api_tokens ORDER BY kind, secret`)
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return found
}

func TestParseInitial(t *testing.T) {
	t.Parallel()
	for name, lists := range map[string][3]string{
		"NoToken":                       {"garbage", "", ""},
		"AnAdminTokenOfOneEnvironment":  {"*:development.aaaaaaaaaaaa", "", ""},
		"AnAdminTokenOfOneProject":      {"default:*.aaaaaaaaaaaa", "", ""},
		"AClientTokenOfAllEnvironments": {"", "*:*.aaaaaaaaaaaa", ""},
		"AFrontendTokenWithoutRandom":   {"", "", "default:development."},
		"AListOfProjectsItDoesNotKnow":  {"", "[]:development.aaaaaaaaaaaa", ""},
		"OneTokenOfTwoKinds":            {"", "*:development.aaaaaaaaaaaa", "*:development.aaaaaaaaaaaa"},
	} {
		t.Run("Refuses"+name, func(t *testing.T) {
			t.Parallel()
			_, err := apitoken.ParseInitial(lists[0], lists[1], lists[2])
			require.Error(t, err)
			require.NotContains(t, err.Error(), "aaaaaaaaaaaa", "secrets are not shown")
		})
	}
	t.Run("TakesBlanksAndRepetitions", func(t *testing.T) {
		t.Parallel()
		_, err := apitoken.ParseInitial(" *:*.one , ,*:*.one,", "", " ")
		require.NoError(t, err)
	})
}

func TestEnsure(t *testing.T) {
	t.Parallel()
	initial, err := apitoken.ParseInitial("*:*.adminsecret", "default:development.backend,*:production.backend", "*:development.frontend")
	require.NoError(t, err)
	all := []string{
		"admin *:*.adminsecret", "client *:production.backend", "client default:development.backend", "frontend *:development.frontend",
	}

	t.Run("CreatesWhatIsMissingOnEveryStart", func(t *testing.T) {
		t.Parallel()
		d, log := dbtest.New(t), &strings.Builder{}
		require.NoError(t, ensure(t.Context(), d, initial, log))
		require.Equal(t, all, stored(t, d))
		_, err := d.Pool.Exec(t.Context(), `DELETE FROM api_tokens WHERE secret = '*:production.backend'`)
		require.NoError(t, err)
		require.NoError(t, ensure(t.Context(), d, initial, log))
		require.Equal(t, all, stored(t, d))
		var events int
		require.NoError(t, d.Pool.QueryRow(t.Context(), `SELECT count(*) FROM events WHERE type = 'api-token-created' AND created_by_user_id = -1337`).Scan(&events))
		require.Equal(t, 5, events)
		require.NotContains(t, log.String(), "adminsecret")
	})
	t.Run("MayRunOnSeveralServersAtOnce", func(t *testing.T) {
		t.Parallel()
		d := dbtest.New(t)
		var group errgroup.Group
		for range 8 {
			group.Go(func() error { return ensure(t.Context(), d, initial, &strings.Builder{}) })
		}
		require.NoError(t, group.Wait())
		require.Equal(t, all, stored(t, d))
	})
	t.Run("LeavesOutWhatHasNoEnvironmentOrProject", func(t *testing.T) {
		t.Parallel()
		d, log := dbtest.New(t), &strings.Builder{}
		initial, err := apitoken.ParseInitial("", "nope:development.one,default:nope.two,default:production.three", "")
		require.NoError(t, err)
		require.NoError(t, ensure(t.Context(), d, initial, log))
		require.Equal(t, []string{"client default:production.three"}, stored(t, d))
		require.Contains(t, log.String(), "Project=nope does not exist")
		require.Contains(t, log.String(), "Environment=nope does not exist")
	})
}

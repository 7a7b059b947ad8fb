package e2e

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

// bucketOf is a report of one yes for each flag.
func bucketOf(app string, flags ...string) string {
	var toggles []string
	for _, flag := range flags {
		toggles = append(toggles, fmt.Sprintf(`"%s":{"yes":1,"no":0,"variants":{"red":1}}`, flag))
	}
	now := time.Now().UTC().Format(time.RFC3339)
	return fmt.Sprintf(`{"appName":"%s","instanceId":"i","bucket":{"start":"%s","stop":"%s","toggles":{%s}}}`, app, now, now, strings.Join(toggles, ","))
}

// setAway takes the database away from everybody but this function, or brings it back.
func setAway(t *testing.T, database *dbtest.Database, away bool) {
	t.Helper()
	config := database.Pool.Config().ConnConfig.Copy()
	name := config.Database
	config.Database = "postgres"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	_, err = conn.Exec(t.Context(), fmt.Sprintf(`ALTER DATABASE %s ALLOW_CONNECTIONS %t`, pgx.Identifier{name}.Sanitize(), !away))
	require.NoError(t, err)
	if away {
		_, err = conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name)
		require.NoError(t, err)
	}
}

func yesOf(t *testing.T, database *dbtest.Database, app string) (yes, red int64) {
	t.Helper()
	require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT
		(SELECT coalesce(sum(yes), 0)::bigint FROM client_metrics WHERE app_name = $1),
		(SELECT coalesce(sum(count), 0)::bigint FROM client_metrics_variants WHERE app_name = $1)`, app).Scan(&yes, &red))
	return yes, red
}

func TestReportsAreTakenWhileTheDatabaseIsAwayAndStoredOnceItIsBack(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	s := start(t, database)
	s.call(http.MethodGet, "/api/frontend", frontendToken, nil) // both tokens are known before

	const reporters, reports = 4, 50
	report := func(phase int) {
		var group errgroup.Group
		for reporter := range reporters {
			group.Go(func() error {
				for i := range reports {
					body := bucketOf("shop", "f", fmt.Sprintf("f-%d-%d-%d", phase, reporter, i))
					path, token, want := "/api/client/metrics", clientToken, http.StatusAccepted
					if i%2 == 1 {
						path, token, want = "/api/frontend/client/metrics", frontendToken, http.StatusOK
					}
					if got := s.call(http.MethodPost, path, token, body); got.status != want {
						return fmt.Errorf("%s answered %d: %s", path, got.status, got.body)
					}
				}
				return nil
			})
		}
		require.NoError(t, group.Wait())
	}
	report(0)
	setAway(t, database, true)
	report(1)
	require.Equal(t, http.StatusAccepted, s.call(http.MethodPost, "/api/client/register", clientToken,
		`{"appName":"late","started":1,"interval":1,"strategies":[]}`).status)
	require.Equal(t, http.StatusOK, s.call(http.MethodGet, "/api/client/features", clientToken, nil).status)
	setAway(t, database, false)
	report(2)
	const all = 3 * reporters * reports * 2
	require.Eventually(t, func() bool {
		yes, _ := yesOf(t, database, "shop")
		return yes == all
	}, patience, 20*time.Millisecond)
	s.stop()
	yes, red := yesOf(t, database, "shop")
	require.Equal(t, []int64{all, all}, []int64{yes, red}, "once, and no more than once")
	var late int
	require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT count(*) FROM client_applications WHERE app_name = 'late'`).Scan(&late))
	require.Equal(t, 1, late)
}

func TestReportsAreStoredWhenTheServerStops(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	s := start(t, database, func(c *server.Config) { c.FlushInterval = time.Hour })
	require.Equal(t, http.StatusAccepted, s.call(http.MethodPost, "/api/client/metrics", clientToken, bucketOf("shop", "f")).status)
	yes, _ := yesOf(t, database, "shop")
	require.Zero(t, yes)
	s.stop()
	yes, _ = yesOf(t, database, "shop")
	require.Equal(t, int64(1), yes)
}

func TestReportsMayBeCompressed(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	s := start(t, database)
	var compressed bytes.Buffer
	writer := gzip.NewWriter(&compressed)
	_, err := io.WriteString(writer, bucketOf("shop", "f"))
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.Equal(t, http.StatusAccepted, s.call(http.MethodPost, "/api/client/metrics", clientToken, compressed.String(), "Content-Encoding", "gzip").status)
	require.Equal(t, http.StatusOK, s.call(http.MethodPost, "/api/frontend/client/metrics", frontendToken, compressed.String(), "Content-Encoding", "gzip").status)
	require.Equal(t, http.StatusBadRequest, s.call(http.MethodPost, "/api/client/metrics", clientToken, "nothing of the kind", "Content-Encoding", "gzip").status)
	require.Eventually(t, func() bool {
		yes, _ := yesOf(t, database, "shop")
		return yes == 2
	}, patience, 20*time.Millisecond)
}

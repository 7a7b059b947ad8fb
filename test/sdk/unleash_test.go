//go:build unix

package sdk

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/edge"
	"github.com/pennonhq/pennon/test/load/system"
)

// anEdgeOfUnleash is the path of these tests in the words of the report.
const anEdgeOfUnleash = "an edge of unleash-server " + system.PeerVersion

// startUnleash runs the published Unleash server on a database of its own until the test ends, and returns its address.
func startUnleash(t *testing.T) string {
	t.Helper()
	root, err := scriptFolder(filepath.Join("..", ".."))
	require.NoError(t, err)
	peer, err := system.InstallPeer(t.Context(), filepath.Join(cache(t, "bench"), "unleash-server-"+system.PeerVersion),
		filepath.Join(root, "test", "load", "peer"))
	require.NoError(t, err)

	database := dbtest.New(t)
	_, err = database.Pool.Exec(t.Context(), "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
	require.NoError(t, err)
	at, err := pgx.ParseConfig(database.DSN)
	require.NoError(t, err)
	server, err := peer.StartOn(system.Database{Host: at.Host, Port: int(at.Port), User: at.User, Name: at.Database}, t.TempDir(),
		"INIT_ADMIN_API_TOKENS="+adminToken, "INIT_BACKEND_API_TOKENS="+clientToken)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, server.Alive())
		server.Kill()
	})
	require.NoError(t, server.Ready(t.Context(), "/health"))
	return "http://" + server.Addr
}

// behindUnleash starts an Unleash server with an edge in front of it.
func behindUnleash(t *testing.T) *fleet {
	t.Helper()
	unleash := startUnleash(t)
	f := newEdges(t, unleash, unleash, func(c *edge.Config) { c.MaxStreams, c.Revalidation = maxStreams, 100*time.Millisecond })
	f.target = "unleash"
	return f
}

// TestSpecificationBehindAnEdgeOfUnleash gives SDKs of an Unleash server what that server has not: streams and deltas.
func TestSpecificationBehindAnEdgeOfUnleash(t *testing.T) {
	t.Parallel()
	f := behindUnleash(t)
	require.Equal(t, edge.Full, f.newest.(*edging).Upstream().Status()[0].Mode, "there is nothing better")
	requireSpecification(t, f, anEdgeOfUnleash)
}

// TestSDKModesBehindAnEdgeOfUnleash lives through all scenarios there.
func TestSDKModesBehindAnEdgeOfUnleash(t *testing.T) {
	t.Parallel()
	f := behindUnleash(t)
	requireScenarios(t, f, anEdgeOfUnleash, []failing{
		{"revokes", "did not see a switch to polling in time", "unleash-server calls a deleted token valid for minutes when edges ask"},
		{"drains", "resumes where the last one stopped", "each edge counts revisions by itself where it has them from nobody"},
	})

	unleash := f.adminURL()
	askAdmin(t, unleash, http.MethodPost, "/projects/default/features", map[string]any{"name": "used"})
	now := time.Now().UTC().Format(time.RFC3339)
	report := `{"appName":"counting","instanceId":"1","bucket":{"start":"` + now + `","stop":"` + now + `","toggles":{"used":{"yes":3,"no":1}}}}`
	status, body, _ := f.newest.(*edging).call(t, http.MethodPost, "/api/client/metrics", clientToken, report)
	require.Equal(t, http.StatusAccepted, status, body)
	require.Eventually(t, func() bool {
		return strings.Contains(string(askAdmin(t, unleash, http.MethodGet, "/client-metrics/features/used", nil)), `"counting"`)
	}, patience, pollInterval, "usage of an application that has not registered, without variants, arrives")
}

//go:build unix

package sdk

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
	"github.com/pennonhq/pennon/test/load/system"
)

// behindUnleashEdge is the path of these tests in the words of the report.
const behindUnleashEdge = "Unleash Edge " + system.UnleashEdgeVersion

// unleashEdge answers where Unleash Edge is. Building it takes about ten minutes, so it is not built here: without it the
// report says that these tests were not run.
func unleashEdge(t *testing.T) (binary string, found bool) {
	t.Helper()
	binary = os.Getenv("UNLEASH_EDGE")
	if binary == "" {
		binary = filepath.Join(cache(t, "unleash-edge"), "bin", "unleash-edge")
	}
	if _, err := os.Stat(binary); err != nil {
		t.Log("not run: the tests behind " + behindUnleashEdge + ", which takes ten minutes to build (make test-edge)")
		return "", false
	}
	return binary, true
}

// foreign is an Unleash Edge under test.
type foreign struct{ *system.Process }

func (f foreign) URL() string { return "http://" + f.Addr }

func (f foreign) stop() error {
	f.Stop()
	return nil
}

// startUnleashEdge runs Unleash Edge in front of the server at upstream until the test ends. It asks for changes each second,
// which is as often as it can.
func startUnleashEdge(t *testing.T, binary, upstream string, port int) serving {
	t.Helper()
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	if port == 0 {
		free, err := system.FreeAddr()
		require.NoError(t, err)
		addr = free
	}
	host, at, _ := strings.Cut(addr, ":")
	process, err := system.Start(system.Command{
		Name: "unleash-edge", Path: binary, Args: []string{"edge"}, Addr: addr, Log: t.TempDir(),
		Env: []string{
			"UPSTREAM_URL=" + upstream, "TOKENS=" + clientToken, "INTERFACE=" + host, "PORT=" + at,
			"FEATURES_REFRESH_INTERVAL_SECONDS=1", "METRICS_INTERVAL_SECONDS=1", "TOKEN_REVALIDATION_INTERVAL_SECONDS=1",
		},
	})
	require.NoError(t, err)
	t.Cleanup(process.Kill)
	require.NoError(t, process.Ready(t.Context(), system.EdgeReady))
	return foreign{process}
}

// newUnleashEdges is a fleet of Unleash Edges in front of the server at upstream.
func newUnleashEdges(t *testing.T, binary, adminURL, upstream string) *fleet {
	t.Helper()
	f := &fleet{t: t, adminURL: func() string { return adminURL }, join: func(port int) serving {
		return startUnleashEdge(t, binary, upstream, port)
	}}
	return f.begin()
}

// TestSpecificationBehindUnleashEdge is TestClientSpecification by polling, which is all that it has.
func TestSpecificationBehindUnleashEdge(t *testing.T) {
	t.Parallel()
	binary, found := unleashEdge(t)
	if !found {
		return
	}
	upstream := start(t, dbtest.New(t))
	settings := newUnleashEdges(t, binary, upstream.URL(), upstream.URL()).settings()
	settings["PENNON_BEHIND"], settings["PENNON_MODES"] = behindUnleashEdge, "polling"
	// These reach SDKs as {"UNKNOWN": "..."}, and segments are never inlined for SDKs that do not know them.
	settings["PENNON_ALTERING"] = `["SEMVER_GTE","SEMVER_LTE","REGEX","IN_CIDR"]`
	requireCases(t, RunNode(t, "spec.mjs", settings, nil), 1)
}

// TestSDKModesBehindUnleashEdge lives through all scenarios. Those that want a stream or a delta end in its own answers.
func TestSDKModesBehindUnleashEdge(t *testing.T) {
	t.Parallel()
	binary, found := unleashEdge(t)
	if !found {
		return
	}
	upstream := start(t, dbtest.New(t))
	requireScenarios(t, newUnleashEdges(t, binary, upstream.URL(), upstream.URL()), behindUnleashEdge, []failing{
		{"deltas", "/api/client/delta responded FILE_NOT_FOUND (404)", "the open build has no deltas: 404"},
		{"resumes", "warn: Forbidden", "the open build has no streams: 403"},
		{"rehydrates", "gets a hydration", "the open build has no streams: 403"},
		{"refuses", "403", "it refuses with 403 and no word"},
		{"stops", "responded 403", "it refuses unknown tokens with 403"},
		{"revokes", "responded 403", "it refuses revoked tokens with 403"},
		{"restarts", "warn: Forbidden", "the open build has no streams: 403"},
		{"drains", "warn: Forbidden", "the open build has no streams: 403"},
		{"sheds", "a stream is answered with 403", "the open build has no streams: 403"},
	})
}

// TestBrowserSDKBehindUnleashEdge runs Unleash's browser SDK, by GET and POST.
func TestBrowserSDKBehindUnleashEdge(t *testing.T) {
	t.Parallel()
	binary, found := unleashEdge(t)
	if !found {
		return
	}
	upstream := start(t, dbtest.New(t), withSoonUsage)
	settings := newUnleashEdges(t, binary, upstream.URL(), upstream.URL()).settings()
	settings["PENNON_TARGET"] = "unleash-edge"
	require.Len(t, RunIn(t, "browser", "poll.mjs", settings, nil).Checks, 3*6+1)
}

// TestUnleashEdgeAsksOurServer goes through what Unleash Edge asks of its upstream: it is what ours must answer.
func TestUnleashEdgeAsksOurServer(t *testing.T) {
	t.Parallel()
	binary, found := unleashEdge(t)
	if !found {
		return
	}
	database := dbtest.New(t)
	withTokens := []func(*server.Config){withFrontend, withSoonUsage}
	upstream := start(t, database, withTokens...)
	upstream.flag(t, "steady", true)
	watched := watch(t, upstream.URL())
	e := startUnleashEdge(t, binary, watched.url, 0)
	call := func(method, path, secret, body string) (int, string) {
		status, answer, _ := exchangeWith(t, e.URL(), method, path, secret, body)
		return status, answer
	}
	holds := func(name string) func() bool {
		return func() bool {
			_, body := call(http.MethodGet, "/api/client/features", clientToken, "")
			return strings.Contains(body, `"name":"`+name+`"`)
		}
	}
	require.Eventually(t, holds("steady"), patience, pollInterval)
	require.Eventually(t, func() bool { return watched.notModified.Load() > 1 }, patience, pollInterval, "nothing new is a 304")

	status, body := call(http.MethodPost, "/edge/validate", "", `{"tokens":["`+clientToken+`","*:development.nobody"]}`)
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, clientToken)
	require.NotContains(t, body, "nobody")

	status, body = call(http.MethodPost, "/api/client/register", clientToken,
		`{"appName":"registered","instanceId":"1","sdkVersion":"some-sdk:1.0.0","strategies":["default"],"started":"2026-11-22T08:00:00Z","interval":1000}`)
	require.Equal(t, http.StatusAccepted, status, body)
	now := time.Now().UTC().Format(time.RFC3339)
	status, body = call(http.MethodPost, "/api/client/metrics", clientToken,
		`{"appName":"counted","instanceId":"1","bucket":{"start":"`+now+`","stop":"`+now+`","toggles":{"steady":{"yes":3,"no":1,"variants":{"red":2}}}}}`)
	require.Equal(t, http.StatusAccepted, status, body)
	require.Eventually(t, func() bool {
		return strings.Contains(string(upstream.admin(t, http.MethodGet, "/metrics/applications", nil)), `"registered"`)
	}, patience, pollInterval)
	require.Eventually(t, func() bool {
		usage := string(upstream.admin(t, http.MethodGet, "/client-metrics/features/steady", nil))
		return strings.Contains(usage, `"counted"`) && strings.Contains(usage, `"yes":3,"no":1`)
	}, patience, pollInterval, "once, however often it asks")

	var made struct{ Secret string }
	require.NoError(t, json.Unmarshal(upstream.admin(t, http.MethodPost, "/api-tokens", map[string]any{
		"tokenName": "short", "type": "backend", "environment": "development", "projects": []string{"default"},
	}), &made))
	status, body = call(http.MethodGet, "/api/client/features", made.Secret, "")
	require.Equal(t, http.StatusOK, status, body)
	upstream.admin(t, http.MethodDelete, "/api-tokens/"+url.PathEscape(made.Secret), nil)
	require.Eventually(t, func() bool {
		status, _ := call(http.MethodGet, "/api/client/features", made.Secret, "")
		return status == http.StatusForbidden
	}, patience, pollInterval, "a token that our server does not know any more is refused")

	port := upstream.port(t)
	require.NoError(t, upstream.stop())
	status, _ = call(http.MethodGet, "/api/client/features", clientToken, "")
	require.Equal(t, http.StatusOK, status)
	upstream = start(t, database, append(withTokens, func(c *server.Config) { c.Port = port })...)
	upstream.flag(t, "after", true)
	require.Eventually(t, holds("after"), patience, pollInterval)
}

// watched stands between an edge and its server and counts answers.
type watched struct {
	url         string
	notModified atomic.Int64
}

func watch(t *testing.T, upstream string) *watched {
	t.Helper()
	target, err := url.Parse(upstream)
	require.NoError(t, err)
	w := &watched{}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			if r.StatusCode == http.StatusNotModified {
				w.notModified.Add(1)
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	front := httptest.NewServer(proxy)
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	w.url = front.URL
	return w
}

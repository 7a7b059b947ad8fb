//go:build unix

package sdk

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/edge"
	"github.com/pennonhq/pennon/edge/storage"
	"github.com/pennonhq/pennon/server"
)

const edgeFrontendToken = "*:development.sdk-frontend"

func withFrontend(c *server.Config) { c.FrontendTokens = []string{edgeFrontendToken} }

// call sends a request to an edge and returns status, body and headers. Headers are in pairs.
func (r *edging) call(t *testing.T, method, path, secret, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	return exchangeWith(t, r.URL(), method, path, secret, body, headers...)
}

// hold waits until the edge has a flag that was made just before it started: the server may have told of it a moment later.
func (r *edging) hold(t *testing.T, flag string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, body, _ := r.call(t, http.MethodGet, "/api/client/features", clientToken, "")
		return strings.Contains(body, `"name":"`+flag+`"`)
	}, patience, pollInterval)
}

// TestAnEdgeServesTheWholeDataPlane calls each of its APIs once, with the token that fits and with one that does not.
func TestAnEdgeServesTheWholeDataPlane(t *testing.T) {
	t.Parallel()
	upstream := start(t, dbtest.New(t), withFrontend, withSoonUsage)
	upstream.flag(t, "on", true)
	upstream.flag(t, "off", false)
	upstream.turn(t, "on", true)
	upstream.turn(t, "off", false)
	e := startEdge(t, upstream.URL(), true, func(c *edge.Config) { c.BasePath = "base"; c.Pretrusted = []string{"legacy@development"} })
	require.Eventually(t, func() bool {
		_, body, _ := e.call(t, http.MethodGet, "/api/client/features/off", clientToken, "")
		return strings.Contains(body, `"enabled":false`)
	}, patience, pollInterval)

	for _, served := range []struct{ method, path, secret, body, holds string }{
		{http.MethodGet, "/api/client/features", clientToken, "", `"name":"off"`},
		{http.MethodGet, "/api/client/delta", clientToken, "", `"type":"hydration"`},
		{http.MethodGet, "/api/frontend", edgeFrontendToken, "", `"name":"on"`},
		{http.MethodPost, "/api/frontend", "legacy", `{"context":{"userId":"1"}}`, `"name":"on"`},
		{http.MethodGet, "/api/frontend/all", edgeFrontendToken, "", `"name":"off"`},
		{http.MethodGet, "/api/proxy", edgeFrontendToken, "", `"name":"on"`},
		{http.MethodGet, "/proxy", edgeFrontendToken, "", `"name":"on"`},
		{http.MethodPost, "/api/frontend/stream/ticket", edgeFrontendToken, `{"context":{}}`, `"ticket"`},
		{http.MethodPost, "/ofrep/v1/evaluate/flags", edgeFrontendToken, `{"context":{"targetingKey":"1"}}`, `"key":"on"`},
		{http.MethodPost, "/edge/validate", "", `{"tokens":["` + clientToken + `","nobody","` + edgeFrontendToken + `"]}`, `"type":"frontend"`},
		{http.MethodGet, "/health", "", "", "GOOD"},
		{http.MethodGet, "/ready", "", "", "GOOD"},
		{http.MethodGet, "/internal-backstage/health", "", "", `{"status":"OK"}`},
		{http.MethodGet, "/internal-backstage/ready", "", "", `"READY"`},
		{http.MethodGet, "/internal-backstage/info", "", "", `"package_version":"test"`},
		{http.MethodGet, "/internal-backstage/tokens", "", "", `"mode":"link"`},
		{http.MethodGet, "/internal-backstage/features", clientToken, "", `{"development":{"version":2`},
	} {
		status, body, header := e.call(t, served.method, served.path, served.secret, served.body)
		require.Equal(t, http.StatusOK, status, served.path+" "+body)
		require.Contains(t, body, served.holds, served.path)
		require.Equal(t, "test", header.Get("X-Edge-Version"))
		require.NotContains(t, body, "sdk-client\",\"mode", "secrets are not shown")
	}
	for _, refused := range []struct {
		path, secret string
		status       int
		says         string
	}{
		{"/api/client/features", edgeFrontendToken, http.StatusForbidden, "expected a backend token, got a frontend token"},
		{"/api/frontend", clientToken, http.StatusForbidden, "expected a frontend token, got a backend token"},
		{"/api/client/features", adminToken, http.StatusForbidden, "got an admin token"},
		{"/api/client/features", "*:development.nobody", http.StatusUnauthorized, "valid token"},
		{"/api/client/features", "", http.StatusUnauthorized, "valid token"},
		{"/internal-backstage/features", "", http.StatusUnauthorized, "valid token"},
	} {
		status, body, _ := e.call(t, http.MethodGet, refused.path, refused.secret, "")
		require.Equal(t, refused.status, status, refused.path)
		require.Contains(t, body, refused.says)
	}

	status, body, _ := e.call(t, http.MethodPost, "/api/client/metrics", clientToken, `{"appName":"edged","instanceId":"1","bucket":{"start":"`+
		time.Now().UTC().Format(time.RFC3339)+`","stop":"`+time.Now().UTC().Format(time.RFC3339)+`","toggles":{"on":{"yes":3,"no":1}}}}`)
	require.Equal(t, http.StatusAccepted, status, body)
	require.NoError(t, e.stop(), "what is left is sent")
	require.Eventually(t, func() bool {
		return strings.Contains(string(upstream.admin(t, http.MethodGet, "/client-metrics/features/on", nil)), `"edged"`)
	}, patience, pollInterval)
}

// TestAnEdgeStartsWithoutItsServer keeps a backup, loses the server, and starts again.
func TestAnEdgeStartsWithoutItsServer(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	upstream := start(t, database, withFrontend)
	upstream.flag(t, "kept", true)
	folder := t.TempDir()
	keep := func(c *edge.Config) { c.Storage = storage.OpenFolder(folder) }
	e := startEdge(t, upstream.URL(), true, keep)
	e.hold(t, "kept")
	status, _, _ := e.call(t, http.MethodGet, "/api/frontend", edgeFrontendToken, "")
	require.Equal(t, http.StatusOK, status)
	require.NoError(t, e.stop())
	content, err := os.ReadFile(filepath.Join(folder, "pennon-edge.json"))
	require.NoError(t, err)
	require.NotContains(t, string(content), "sdk-client")
	port := upstream.port(t)
	require.NoError(t, upstream.stop())

	e = startEdge(t, upstream.URL(), false, keep)
	require.Eventually(t, func() bool {
		status, body, _ := e.call(t, http.MethodGet, "/api/client/features", clientToken, "")
		require.Contains(t, []int{http.StatusOK, http.StatusServiceUnavailable}, status, body)
		return status == http.StatusOK && strings.Contains(body, `"name":"kept"`)
	}, patience, pollInterval)
	status, body, _ := e.call(t, http.MethodGet, "/api/frontend", edgeFrontendToken, "")
	require.Equal(t, http.StatusOK, status, body)
	status, _, _ = e.call(t, http.MethodGet, "/api/client/features", "*:development.nobody", "")
	require.Equal(t, http.StatusServiceUnavailable, status, "who cannot be asked about is not refused")

	upstream = start(t, database, withFrontend, func(c *server.Config) { c.Port = port })
	upstream.flag(t, "new", false)
	require.Eventually(t, func() bool {
		_, body, _ := e.call(t, http.MethodGet, "/api/client/features", clientToken, "")
		return strings.Contains(body, `"name":"new"`) && strings.Contains(body, `"name":"kept"`)
	}, patience, pollInterval)
	require.Eventually(t, func() bool {
		status, _, _ := e.call(t, http.MethodGet, "/api/client/features", "*:development.nobody", "")
		return status == http.StatusUnauthorized
	}, patience, pollInterval)
}

// TestAnEdgeServesThroughAnOutage kills the server under an edge with a stream open on it.
func TestAnEdgeServesThroughAnOutage(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	upstream := start(t, database)
	upstream.flag(t, "steady", true)
	e := startEdge(t, upstream.URL(), true)
	e.hold(t, "steady")
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, e.URL()+"/api/client/streaming", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", clientToken)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	require.Equal(t, http.StatusOK, response.StatusCode)
	lines := make(chan string, 64)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
			if data, ok := strings.CutPrefix(scanner.Text(), "data:"); ok {
				lines <- data
			}
		}
	}()
	require.Contains(t, <-lines, `"steady"`)

	port := upstream.port(t)
	require.NoError(t, upstream.stop())
	status, body, _ := e.call(t, http.MethodGet, "/api/client/features", clientToken, "")
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, `"steady"`)
	upstream = start(t, database, func(c *server.Config) { c.Port = port })
	upstream.flag(t, "after", true)
	var delta struct {
		Events []struct {
			Type    string
			Feature struct{ Name string }
		}
	}
	for data := range lines {
		require.NoError(t, json.Unmarshal([]byte(data), &delta))
		require.NotEmpty(t, delta.Events)
		require.Equal(t, "feature-updated", delta.Events[0].Type, "the stream below never breaks nor starts anew")
		if delta.Events[0].Feature.Name == "after" {
			break
		}
	}
}

func TestAnEdgeKeepsCallersOut(t *testing.T) {
	t.Parallel()
	upstream := start(t, dbtest.New(t))
	e := startEdge(t, upstream.URL(), true, func(c *edge.Config) {
		c.AuthHeader = "X-Token"
		c.Deny = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		c.Hide = edge.BackstageHidden{Features: true, Tokens: true}
	})
	status, _, _ := e.call(t, http.MethodGet, "/api/client/features", clientToken, "")
	require.Equal(t, http.StatusUnauthorized, status, "the token is elsewhere")
	status, _, _ = e.call(t, http.MethodGet, "/api/client/features", "x", "", "X-Token", clientToken)
	require.Equal(t, http.StatusOK, status)
	for _, path := range []string{"/internal-backstage/tokens", "/internal-backstage/features"} {
		status, _, _ = e.call(t, http.MethodGet, path, "", "")
		require.Equal(t, http.StatusNotFound, status)
	}
	denied := startEdge(t, upstream.URL(), true, func(c *edge.Config) { c.Deny = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} })
	status, body, _ := denied.call(t, http.MethodGet, "/health", "", "")
	require.Equal(t, http.StatusForbidden, status)
	require.Empty(t, body)
}

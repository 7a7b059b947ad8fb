package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

func TestFrontendAPIFollowsTheFlags(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.New(t))
	s.createFlag("f")
	ask := func(headers ...string) answer {
		return s.call(http.MethodGet, "/api/frontend?userId=7", frontendToken, nil, headers...)
	}
	require.Eventually(t, func() bool { return string(ask().body) != `{"toggles":[]}` }, patience, time.Millisecond)
	on := ask()
	require.Equal(t, http.StatusOK, on.status)
	require.Contains(t, string(on.body), `"name":"f","enabled":true`)
	require.Equal(t, http.StatusNotModified, ask("If-None-Match", on.header.Get("ETag")).status)
	require.Equal(t, http.StatusNotFound, s.call(http.MethodGet, "/api/frontend/all", frontendToken, nil).status, "it has to be enabled")

	s.admin(http.StatusOK, http.MethodPost, "/projects/default/features/f/environments/development/off", nil)
	require.Eventually(t, func() bool {
		off := ask("If-None-Match", on.header.Get("ETag"))
		return off.status == http.StatusOK && string(off.body) == `{"toggles":[]}`
	}, patience, time.Millisecond)
}

func TestOriginsOfTheFrontendAPIChangeOnEveryServerAtOnce(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	configured := func(c *server.Config) { c.FrontendOrigins = []string{"https://configured.example"} }
	one, two := start(t, database, configured), start(t, database, configured)
	allowed := func(s *running, origin string) string {
		preflight := s.call(http.MethodOptions, "/api/frontend", "", nil, "Origin", origin, "Access-Control-Request-Headers", "authorization")
		require.Equal(t, http.StatusNoContent, preflight.status)
		return preflight.header.Get("Access-Control-Allow-Origin")
	}
	for _, s := range []*running{one, two} {
		require.Equal(t, "https://configured.example", allowed(s, "https://configured.example"))
		require.Empty(t, allowed(s, "https://a.example"))
	}
	set := func(example string, origins ...string) {
		one.admin(http.StatusNoContent, http.MethodPost, "/ui-config/cors", map[string]any{"frontendApiOrigins": origins})
		for _, s := range []*running{one, two} {
			require.Eventually(t, func() bool { return allowed(s, example) == example }, patience, time.Millisecond)
			require.Empty(t, allowed(s, "https://configured.example"))
		}
	}
	set("https://www.a.example", "https://www.a.example")
	set("https://www.b.example", "https://*.b.example", "https://a.example")

	three := start(t, database, configured)
	require.Equal(t, "https://www.b.example", allowed(three, "https://www.b.example"), "a new server reads what is set")
}

func TestTheCallersAddressComesFromTrustedProxies(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.New(t), func(c *server.Config) {
		var err error
		c.TrustProxy, err = api.ParseTrust("loopback")
		require.NoError(t, err)
	})
	s.admin(http.StatusCreated, http.MethodPost, "/projects/default/features", map[string]any{"name": "f"})
	s.admin(http.StatusOK, http.MethodPost, "/projects/default/features/f/environments/development/strategies", map[string]any{
		"name": "remoteAddress", "parameters": map[string]string{"IPs": "10.1.2.3"},
	})
	s.admin(http.StatusOK, http.MethodPost, "/projects/default/features/f/environments/development/on", nil)
	body := func(forwarded string) string {
		return string(s.call(http.MethodGet, "/api/frontend", frontendToken, nil, "X-Forwarded-For", forwarded).body)
	}
	require.Eventually(t, func() bool { return body("10.1.2.3") != `{"toggles":[]}` }, patience, time.Millisecond)
	require.NotContains(t, body("10.1.2.3, 10.9.9.9"), `"f"`)
}

func TestClientsOfTheLegacyProxyNeedAnotherAddressOnly(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.New(t), func(c *server.Config) { c.ProxyKeys = map[string]string{"old-key": "development"} })
	s.createFlag("f")
	get := func(path, key string) answer { return s.call(http.MethodGet, path, key, nil) }
	require.Eventually(t, func() bool { return string(get("/proxy", "old-key").body) != `{"toggles":[]}` }, patience, time.Millisecond)
	for _, key := range []string{"old-key", frontendToken, "Bearer " + frontendToken} {
		got := get("/proxy?userId=7", key)
		require.Equal(t, http.StatusOK, got.status, key)
		require.Contains(t, string(got.body), `"name":"f","enabled":true`)
		require.Equal(t, "public, max-age=2", got.header.Get("Cache-Control"))
	}
	for _, key := range []string{"", "other-key", clientToken, adminToken} {
		require.Equal(t, http.StatusUnauthorized, get("/proxy", key).status, key)
	}
	require.Equal(t, http.StatusNotImplemented, get("/proxy/all", "old-key").status)
	require.Equal(t, "ok", string(get("/proxy/health", "").body))
	require.Contains(t, string(get("/proxy/internal-backstage/prometheus", "").body), "unleash_proxy_up 1")
	require.Contains(t, string(get("/proxy/client/features", clientToken).body), `"name":"f"`)
	require.Equal(t, http.StatusUnauthorized, get("/proxy/client/features", frontendToken).status)
	require.Contains(t, string(get("/proxy/nope", "").body), "<pre>Cannot GET /proxy/nope</pre>")

	s.call(http.MethodPost, "/proxy", "old-key", `{"toggles":["f"],"context":{"appName":"shop"}}`)
	require.Eventually(t, func() bool {
		usage := s.admin(http.StatusOK, http.MethodGet, "/client-metrics/features/f", nil)
		return strings.Contains(string(usage.body), `"shop"`)
	}, patience, 10*time.Millisecond)
}

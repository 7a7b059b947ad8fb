package e2e

import (
	"net/http"
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
	set := func(origins, example string) {
		_, err := database.Pool.Exec(t.Context(), `INSERT INTO settings (name, content) VALUES ('unleash.frontend', $1)
			ON CONFLICT (name) DO UPDATE SET content = excluded.content`, `{"frontendApiOrigins":[`+origins+`]}`)
		require.NoError(t, err)
		for _, s := range []*running{one, two} {
			require.Eventually(t, func() bool { return allowed(s, example) == example }, patience, time.Millisecond)
			require.Empty(t, allowed(s, "https://configured.example"))
		}
	}
	set(`"https://www.a.example"`, "https://www.a.example")
	set(`"https://*.b.example", "https://a.example"`, "https://www.b.example")

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

package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
)

func TestOriginsAllow(t *testing.T) {
	t.Parallel()
	origins := api.NewOrigins("https://a.example", "HTTP://localhost:3000/", "https://*.apps.example", "https://*bad.example", "*.worse.example", "")
	for origin, want := range map[string]bool{
		"https://a.example":                      true,
		"https://A.example":                      true,
		"http://a.example":                       false,
		"https://a.example:8443":                 false,
		"http://localhost:3000":                  true,
		"http://localhost":                       false,
		"https://one.apps.example":               true,
		"https://two.one.apps.example":           true,
		"https://apps.example":                   false,
		"https://.apps.example":                  false,
		"https://evil.example/.apps.example":     false,
		"https://evil.example:443@.apps.example": false,
		"https://evilapps.example":               false,
		"https://xbad.example":                   false,
		"https://x.worse.example":                false,
		"null":                                   false,
		"":                                       false,
	} {
		require.Equal(t, want, origins.Allow(origin), origin)
	}
	origins.Set([]string{"https://b.example"})
	require.False(t, origins.Allow("https://a.example"))
	require.True(t, origins.Allow("https://b.example"))
	origins.Set([]string{"https://b.example", "*"})
	require.True(t, origins.Allow("https://a.example"))
	origins.Set(nil)
	require.False(t, origins.Allow("https://b.example"))
}

func TestCORS(t *testing.T) {
	t.Parallel()
	inner := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("flags")) })
	ask := func(cors api.CORS, method, origin string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/api/frontend", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Headers", "authorization,unleash-appname")
		w := httptest.NewRecorder()
		cors.Middleware(inner).ServeHTTP(w, r)
		return w
	}

	t.Run("AnswersPreflightsAsUnleashDoes", func(t *testing.T) {
		t.Parallel()
		w := ask(api.CORS{Origins: api.NewOrigins("*")}, http.MethodOptions, "https://a.example")
		require.Equal(t, http.StatusNoContent, w.Code)
		require.Empty(t, w.Body.String())
		require.Equal(t, http.Header{
			"Access-Control-Allow-Origin":      {"*"},
			"Access-Control-Allow-Credentials": {"true"},
			"Access-Control-Allow-Headers":     {"authorization,unleash-appname"},
			"Access-Control-Allow-Methods":     {"GET, POST"},
			"Access-Control-Expose-Headers":    {"ETag"},
			"Access-Control-Max-Age":           {"86400"},
			"Content-Length":                   {"0"},
			"Vary":                             {"Origin, Access-Control-Request-Headers"},
		}, w.Header())
	})

	t.Run("NamesTheOriginOfAList", func(t *testing.T) {
		t.Parallel()
		cors := api.CORS{Origins: api.NewOrigins("https://a.example"), MaxAge: time.Minute}
		w := ask(cors, http.MethodGet, "https://a.example")
		require.Equal(t, "flags", w.Body.String())
		require.Equal(t, "https://a.example", w.Header().Get("Access-Control-Allow-Origin"))
		require.Equal(t, "Origin", w.Header().Get("Vary"))
		require.Equal(t, "60", ask(cors, http.MethodOptions, "https://a.example").Header().Get("Access-Control-Max-Age"))
	})

	t.Run("DoesNotNameAnyOther", func(t *testing.T) {
		t.Parallel()
		w := ask(api.CORS{Origins: api.NewOrigins("https://a.example")}, http.MethodGet, "https://b.example")
		require.Equal(t, http.StatusOK, w.Code)
		require.NotContains(t, w.Header(), "Access-Control-Allow-Origin")
		require.Equal(t, "Origin", w.Header().Get("Vary"))
	})
}

package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/edge"
)

func TestEdgeCommand(t *testing.T) {
	t.Parallel()
	needed := []string{"edge", "--upstream-url=http://127.0.0.1:1", "--tokens=*:development.secret"}
	with := func(flags ...string) []string { return append(needed[:len(needed):len(needed)], flags...) }

	t.Run("SaysWhatIsMissingAndWhatContradictsItself", func(t *testing.T) {
		t.Parallel()
		code, _, errs := pennon(t.Context(), "edge", "--strict", "--dynamic")
		require.Equal(t, 1, code)
		for _, part := range []string{"UPSTREAM_URL", "TOKENS", "exclude each other"} {
			require.Contains(t, errs, part)
		}
	})

	t.Run("RefusesWhatItCannotDoAndSaysWhatDoesIt", func(t *testing.T) {
		t.Parallel()
		for flag, remedy := range map[string]string{
			"--redis-url=http://cache":        "rediss",
			"--redis-url=redis://a,redis://b": "--redis-mode cluster",
			"--pkcs12-identity-file=a.p12":    "--pkcs12-identity-file: open a.p12",
			"--unleash-client-secret=secret":  "TOKENS",
			"--tls-enable":                    "--tls-server-key",
			"--redirect-http-to-https":        "--tls-enable",
			"--proxy-trusted-servers=::1":     "--trust-proxy",
			"--allow-list=nowhere":            "CIDR",
			"--custom-client-headers=x":       "name:value",
			"--pretrusted-tokens=x":           "<secret>@<environment>",
			"-m0":                             "at least one second",
		} {
			code, _, errs := pennon(t.Context(), with(flag, "--port=0", "--interface=127.0.0.1")...)
			require.Equal(t, 1, code, flag)
			require.Contains(t, errs, remedy, flag)
		}
	})

	t.Run("WarnsOfWhatDoesNothing", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		code, out, errs := pennon(ctx, with("--port=0", "--interface=127.0.0.1", "--workers=4", "--sentry-dsn=x", "--log-format=json")...)
		require.Zero(t, code, errs)
		require.Contains(t, out, "The edge is listening on http://127.0.0.1:")
		require.Contains(t, errs, `"option":"--workers"`)
		require.Contains(t, errs, `"option":"--sentry-dsn"`)
	})
}

func TestOfflineCommand(t *testing.T) {
	t.Parallel()
	code, _, errs := pennon(t.Context(), "offline", "--client-tokens=x")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "BOOTSTRAP_FILE")
	file := filepath.Join(t.TempDir(), "flags.json")
	require.NoError(t, os.WriteFile(file, []byte(`{"flag":{"enabled":true}}`), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	code, out, errs := pennon(ctx, "offline", "-b", file, "-c", "x", "--port=0", "--interface=127.0.0.1")
	require.Zero(t, code, errs)
	require.Contains(t, out, "http://127.0.0.1:")
}

func TestEdgeIsProbed(t *testing.T) {
	t.Parallel()
	ready := `{"status":"NOT_READY"}`
	probed := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/base/internal-backstage/health":
			_, _ = w.Write([]byte(`{"status":"OK"}`))
		case "/base/internal-backstage/ready":
			_, _ = w.Write([]byte(ready))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(probed.Close)
	code, out, _ := pennon(t.Context(), "health", "--edge-url", probed.URL+"/base/")
	require.Zero(t, code)
	require.Contains(t, out, "OK")
	code, _, _ = pennon(t.Context(), "ready", "-e", probed.URL+"/base")
	require.Equal(t, 1, code, "200 alone is not enough")
	ready = `{"status":"READY","stalenessSeconds":0.1}`
	code, _, _ = pennon(t.Context(), "ready", "-e", probed.URL+"/base")
	require.Zero(t, code)
	code, _, _ = pennon(t.Context(), "health", "-e", probed.URL+"/elsewhere")
	require.Equal(t, 1, code)
}

// TestEdgeOptions reads the variables of Unleash Edge.
func TestEdgeOptions(t *testing.T) { //nolint:paralleltest // the environment is the process's
	for name, value := range map[string]string{
		"UPSTREAM_URL": "http://unleash/", "TOKENS": "a:b.c, d:e.f", "PRETRUSTED_TOKENS": "x@development", "DYNAMIC": "true",
		"FEATURES_REFRESH_INTERVAL_SECONDS": "1", "METRICS_INTERVAL_SECONDS": "2", "TOKEN_REVALIDATION_INTERVAL_SECONDS": "3",
		"BACKUP_FOLDER": "backup", "DELTA": "true", "UPSTREAM_AUTH_HEADER": "X-Up", "EDGE_AUTH_HEADER": "X-Edge",
		"CUSTOM_CLIENT_HEADERS": "a: b,c: d", "SKIP_SSL_VERIFICATION": "true", "PORT": "3064", "INTERFACE": "::", "BASE_PATH": "base",
		"APP_NAME": "app", "INSTANCE_ID": "one", "CORS_ORIGIN": "https://a.com", "CORS_ALLOWED_HEADERS": "x-a,x-b",
		"CORS_EXPOSED_HEADERS": "ETag", "CORS_METHODS": "GET", "CORS_MAX_AGE": "60", "ALLOW_LIST": "10.0.0.0/8", "DENY_LIST": "10.1.2.3",
		"TRUST_PROXY": "true", "PROXY_TRUSTED_SERVERS": "127.0.0.1", "DISABLE_ALL_ENDPOINT": "true", "DISABLE_METRICS_ENDPOINT": "true",
		"DISABLE_FEATURES_ENDPOINT": "true", "DISABLE_TOKENS_ENDPOINT": "true", "LOG_FORMAT": "pretty", "RUST_LOG": "warn,unleash_edge=debug",
		"SHUTDOWN_GRACE": "4s",
	} {
		t.Setenv(name, value)
	}
	var edges edgeRoles
	parser, err := newParser(&roles{}, streams{out: io.Discard, err: io.Discard}, func(int) {}, kong.Embed(&edges))
	require.NoError(t, err)
	_, err = parser.Parse([]string{"edge"})
	require.NoError(t, err)
	c, err := edges.Edge.config(slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	require.Equal(t, "http://unleash/", c.URL)
	require.Equal(t, []string{"a:b.c", "d:e.f"}, c.Tokens)
	require.Equal(t, []string{"x@development"}, c.Pretrusted)
	require.True(t, c.Dynamic)
	require.Equal(t, [3]time.Duration{time.Second, 2 * time.Second, 3 * time.Second}, [3]time.Duration{c.RefreshInterval, c.MetricsInterval, c.Revalidation})
	require.NotNil(t, c.Storage)
	require.Equal(t, edge.Delta, c.Prefer)
	require.Equal(t, "X-Up", c.UpstreamAuthHeader)
	require.Equal(t, "X-Edge", c.AuthHeader)
	require.Equal(t, map[string]string{"a": "b", "c": "d"}, c.Headers)
	require.True(t, c.Transport.(*http.Transport).TLSClientConfig.InsecureSkipVerify)
	require.Equal(t, 3064, c.Port)
	require.Empty(t, c.Host)
	require.Equal(t, "base", c.BasePath)
	require.Equal(t, "app one", c.AppName+" "+c.InstanceID)
	require.True(t, c.CORS.Origins.Allow("https://a.com"))
	require.False(t, c.CORS.Origins.Allow("https://b.com"))
	require.Equal(t, "x-a, x-b|ETag|GET", strings.Join([]string{c.CORS.AllowedHeaders, c.CORS.ExposedHeaders, c.CORS.Methods}, "|"))
	require.Equal(t, time.Minute, c.CORS.MaxAge)
	require.Equal(t, "10.0.0.0/8", c.Allow[0].String())
	require.Equal(t, "10.1.2.3/32", c.Deny[0].String())
	require.True(t, c.HideAll)
	require.Equal(t, edge.BackstageHidden{Metrics: true, Features: true, Tokens: true}, c.Hide)
	require.Equal(t, 4*time.Second, c.ShutdownGrace)
	require.Equal(t, "debug", levelOf(edges.Edge.Surface.Level))
}

package main

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/edge"
)

func TestProxyCommand(t *testing.T) {
	t.Parallel()

	t.Run("NamesAllThatIsMissing", func(t *testing.T) {
		t.Parallel()
		code, _, errs := pennon(t.Context(), "proxy")
		require.Equal(t, 1, code)
		for _, name := range []string{"UNLEASH_URL", "UNLEASH_API_TOKEN", "UNLEASH_PROXY_CLIENT_KEYS"} {
			require.Contains(t, errs, name)
		}
	})

	needed := []string{"proxy", "--unleash-url=http://127.0.0.1:1/api", "--unleash-api-token=x", "--client-keys=k"}

	t.Run("TellsWhatReplacesJavaScript", func(t *testing.T) {
		t.Parallel()
		for flag, remedy := range map[string]string{"--custom-strategies-file=a.js": "expressions", "--custom-enrichers-file=a.cjs": "HTTP service"} {
			code, _, errs := pennon(t.Context(), append(needed[:len(needed):len(needed)], flag)...)
			require.Equal(t, 1, code)
			require.Contains(t, errs, remedy)
			require.Contains(t, errs, "docs/proxy.md")
		}
	})

	t.Run("StartsWithoutItsUpstreamAndStopsWhenItIsTold", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		code, out, errs := pennon(ctx, append(needed[:len(needed):len(needed)], "--port=0", "--host=127.0.0.1")...)
		require.Zero(t, code, errs)
		require.Contains(t, out, "/proxy")
	})
}

// TestProxyOptions reads the variables of @unleash/proxy.
func TestProxyOptions(t *testing.T) { //nolint:paralleltest // the environment is the process's
	strategies := filepath.Join(t.TempDir(), "strategies.json")
	require.NoError(t, os.WriteFile(strategies, []byte(`[{"name":"tenant","expression":"context.userId == parameters.user"}]`), 0o600))
	for name, value := range map[string]string{
		"UNLEASH_URL": "http://unleash/api/", "UNLEASH_API_TOKEN": "token", "UNLEASH_PROXY_SECRETS": "a, b", "PROXY_PORT": "3001",
		"PROXY_BASE_PATH": "base", "UNLEASH_APP_NAME": "app", "UNLEASH_INSTANCE_ID": "one", "UNLEASH_FETCH_INTERVAL": "1000",
		"UNLEASH_METRICS_INTERVAL": "2000", "UNLEASH_METRICS_JITTER": "3000", "UNLEASH_ENVIRONMENT": "prod",
		"UNLEASH_PROJECT_NAME": "p", "UNLEASH_NAME_PREFIX": "n", "UNLEASH_TAGS": "simple:a, simple:b", "TRUST_PROXY": "TRUE",
		"CLIENT_KEY_HEADER_NAME": "x-key", "ENABLE_OAS": "t", "ENABLE_ALL_ENDPOINT": "1", "CORS_ORIGIN": "https://a.com,https://b.com",
		"CORS_METHODS": "GET", "CORS_ALLOWED_HEADERS": "x-a, x-b", "CORS_EXPOSED_HEADERS": "ETag, x-c", "CORS_CREDENTIALS": "true",
		"CORS_MAX_AGE": "60", "CORS_PREFLIGHT_CONTINUE": "true", "CORS_OPTIONS_SUCCESS_STATUS": "200",
		"HTTP_OPTIONS_REJECT_UNAUTHORIZED": "false", "EXP_BOOTSTRAP_URL": "http://boot", "EXP_BOOTSTRAP_AUTHORIZATION": "key",
		"EXP_SERVER_SIDE_SDK_CONFIG_TOKENS": "s1,s2", "UNLEASH_CUSTOM_STRATEGIES_FILE": strategies, "LOG_LEVEL": "fatal", "JSON_LOGGER": "yes",
	} {
		t.Setenv(name, value)
	}
	var grammar roles
	parser, err := newParser(&grammar, streams{out: t.Output(), err: t.Output()}, func(int) {})
	require.NoError(t, err)
	_, err = parser.Parse([]string{"proxy"})
	require.NoError(t, err)
	config, err := grammar.Proxy.config(slog.New(slog.DiscardHandler))
	require.NoError(t, err)

	require.Contains(t, config.Strategies, "tenant")
	require.True(t, config.CORS.Origins.Allow("https://b.com"))
	require.False(t, config.CORS.Origins.Any())
	require.Equal(t, "x-a, x-b", config.CORS.AllowedHeaders)
	require.Equal(t, "ETag, x-c", config.CORS.ExposedHeaders)
	require.Equal(t, time.Minute, config.CORS.MaxAge)
	require.True(t, config.CORS.Credentials && config.CORS.Continue)
	require.Equal(t, 200, config.CORS.SuccessStatus)
	require.Equal(t, []string{"a", "b"}, config.ClientKeys)
	require.Equal(t, []string{"s1", "s2"}, config.ServerTokens)
	require.Equal(t, 3001, config.Port)
	require.Equal(t, edge.Filter{Project: "p", NamePrefix: "n", Tags: []string{"simple:a", "simple:b"}}, config.Filter)
	require.Equal(t, edge.Bootstrap{URL: "http://boot", Authorization: "key"}, config.Bootstrap)
	require.Equal(t, []time.Duration{time.Second, 2 * time.Second, 3 * time.Second},
		[]time.Duration{config.RefreshInterval, config.MetricsInterval, config.MetricsJitter})
	require.True(t, config.EnableAll && config.EnableOAS && config.Insecure)
	require.Equal(t, []string{"http://unleash/api/", "token", "base", "app", "one", "prod", "x-key"},
		[]string{config.URL, config.Token, config.BasePath, config.AppName, config.InstanceID, config.Environment, config.KeyHeader})
}

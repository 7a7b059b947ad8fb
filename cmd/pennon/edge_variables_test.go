package main

import (
	"bytes"
	"io"
	"log/slog"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// TestEdgeUnderstandsEveryVariableOfUnleashEdge sets each variable alone, beside those that an edge cannot do without. It has
// to be taken, or the answer has to say what is wrong or what does the same here.
func TestEdgeUnderstandsEveryVariableOfUnleashEdge(t *testing.T) { //nolint:paralleltest // the environment is the process's
	id := newIdentity(t)
	for _, test := range []struct{ name, value, says string }{
		{"PORT", "3063", ""},
		{"INTERFACE", "0.0.0.0", ""},
		{"BASE_PATH", "/edge", ""},
		{"TLS_ENABLE", "true", "--tls-server-key"},
		{"TLS_SERVER_KEY", id.key, ""},
		{"TLS_SERVER_CERT", id.cert, ""},
		{"TLS_SERVER_PORT", "3043", ""},
		{"REDIRECT_HTTP_TO_HTTPS", "true", "--tls-enable"},
		{"CORS_ORIGIN", "https://a.example", ""},
		{"CORS_ALLOWED_HEADERS", "x-a", ""},
		{"CORS_MAX_AGE", "60", ""},
		{"CORS_EXPOSED_HEADERS", "ETag", ""},
		{"CORS_METHODS", "GET", ""},
		{"ALLOW_LIST", "10.0.0.0/8", ""},
		{"DENY_LIST", "10.0.0.0/8", ""},
		{"WORKERS", "4", "can be left out"},
		{"INSTANCE_ID", "one", ""},
		{"CLIENT_ID", "one", "can be left out"},
		{"APP_NAME", "edge", ""},
		{"TRUST_PROXY", "true", ""},
		{"PROXY_TRUSTED_SERVERS", "10.0.0.1", "--trust-proxy"},
		{"DISABLE_ALL_ENDPOINT", "true", ""},
		{"EDGE_REQUEST_TIMEOUT", "5", "time limits of their own"},
		{"EDGE_KEEPALIVE_TIMEOUT", "5", "time limits of their own"},
		{"LOG_FORMAT", "json", ""},
		{"LOG_FORMAT", "plain", ""},
		{"LOG_FORMAT", "pretty", ""},
		{"RUST_LOG", "debug", ""},
		{"EDGE_AUTH_HEADER", "X-Auth", ""},
		{"UPSTREAM_AUTH_HEADER", "X-Auth", ""},
		{"TOKEN_HEADER", "X-Auth", ""},
		{"DISABLE_METRICS_BATCH_ENDPOINT", "true", ""},
		{"DISABLE_METRICS_ENDPOINT", "true", ""},
		{"DISABLE_FEATURES_ENDPOINT", "true", ""},
		{"DISABLE_TOKENS_ENDPOINT", "true", ""},
		{"DISABLE_INSTANCE_DATA_ENDPOINT", "true", ""},
		{"SENTRY_DSN", "https://sentry", "errors are in the log"},
		{"SENTRY_TRACING_RATE", "0.1", "errors are in the log"},
		{"SENTRY_DEBUG", "true", "errors are in the log"},
		{"SENTRY_ENABLE_LOGS", "true", "errors are in the log"},
		{"DATADOG_URL", "https://datadog", "let Prometheus scrape"},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://otel", "let Prometheus scrape"},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "let Prometheus scrape"},
		{"EDGE_DEFER_TOKEN_VALIDATION", "1", "can be left out"},
		{"BACKUP_FOLDER", t.TempDir(), ""},
		{"METRICS_INTERVAL_SECONDS", "60", ""},
		{"FEATURES_REFRESH_INTERVAL_SECONDS", "15", ""},
		{"TOKEN_REVALIDATION_INTERVAL_SECONDS", "3600", ""},
		{"PRETRUSTED_TOKENS", "legacy@development", ""},
		{"CUSTOM_CLIENT_HEADERS", "X-A: b", ""},
		{"SKIP_SSL_VERIFICATION", "true", ""},
		{"PKCS8_CLIENT_CERTIFICATE_FILE", id.cert, "go together"},
		{"PKCS8_CLIENT_KEY_FILE", id.key, "go together"},
		{"PKCS12_IDENTITY_FILE", id.pfx2, "password"},
		{"PKCS12_PASSPHRASE", "x", ""},
		{"PEM_CERT_FILE", id.both, ""},
		{"UPSTREAM_CERTIFICATE_FILE", id.cert, ""},
		{"UPSTREAM_REQUEST_TIMEOUT", "5", ""},
		{"UPSTREAM_SOCKET_TIMEOUT", "5", ""},
		{"CLIENT_KEEPALIVE_TIMEOUT", "15", ""},
		{"REDIS_URL", "redis://cache", ""},
		{"REDIS_URL", "redis://a,redis://b", "--redis-mode cluster"},
		{"REDIS_MODE", "cluster", ""},
		{"REDIS_PASSWORD", "x", ""},
		{"REDIS_USERNAME", "x", ""},
		{"REDIS_PORT", "6379", ""},
		{"REDIS_HOST", "cache", ""},
		{"REDIS_SECURE", "true", ""},
		{"REDIS_SCHEME", "rediss", ""},
		{"REDIS_READ_CONNECTION_TIMEOUT_MILLISECONDS", "2000", ""},
		{"REDIS_WRITE_CONNECTION_TIMEOUT_MILLISECONDS", "2000", ""},
		{"S3_BUCKET_NAME", "flags", ""},
		{"S3_FORCE_PATH_STYLE", "true", ""},
		{"PROMETHEUS_REMOTE_WRITE_URL", "https://prometheus", "let Prometheus scrape"},
		{"PROMETHEUS_PUSH_INTERVAL", "60", "let Prometheus scrape"},
		{"PROMETHEUS_USERNAME", "x", "let Prometheus scrape"},
		{"PROMETHEUS_PASSWORD", "x", "let Prometheus scrape"},
		{"PROMETHEUS_USER_ID", "x", "let Prometheus scrape"},
		{"CONSUMPTION", "true", "can be left out"},
		{"EC2_INSTANCE_ID", "x", "can be left out"},
		{"UNLEASH_CLIENT_SECRET", "x", "TOKENS"},
		{"DESIRED_ENVIRONMENTS", "x", "TOKENS"},
		{"DESIRED_PROJECTS", "x", "TOKENS"},
		{"STREAMING", "true", ""},
		{"DELTA", "true", ""},
	} {
		t.Run(test.name+"="+test.value, func(t *testing.T) { //nolint:paralleltest // as above
			for _, required := range [][2]string{{"UPSTREAM_URL", "http://unleash"}, {"TOKENS", "*:development.secret"}, {test.name, test.value}} {
				t.Setenv(required[0], required[1])
			}
			var edges edgeRoles
			parser, err := newParser(&roles{}, streams{out: io.Discard, err: io.Discard}, func(int) {}, kong.Embed(&edges))
			require.NoError(t, err)
			_, err = parser.Parse([]string{"edge"})
			require.NoError(t, err)
			var log bytes.Buffer
			_, err = edges.Edge.config(slog.New(slog.NewTextHandler(&log, nil)))
			said := log.String()
			if err != nil {
				said += err.Error()
			}
			if test.says == "" {
				require.Empty(t, said)
			}
			require.Contains(t, said, test.says)
		})
	}
	t.Run("OneBackupOnly", func(t *testing.T) { //nolint:paralleltest // as above
		t.Setenv("REDIS_HOST", "cache")
		t.Setenv("S3_BUCKET_NAME", "flags")
		code, _, errs := pennon(t.Context(), "edge", "-u", "http://unleash", "-t", "*:development.secret", "-p0", "-b", t.TempDir())
		require.Equal(t, 1, code)
		require.Contains(t, errs, "a backup is kept in one place: give one of --backup-folder, --redis-url or --redis-host, --s3-bucket-name")
	})
}

package e2e

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

// TestNoSecretReachesTheLogOrTheEvents has the server log all it can, in health and with its tables gone, and then looks for
// the random parts of every token that was used.
func TestNoSecretReachesTheLogOrTheEvents(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	secretOf := func(scope, name string) string { return scope + "." + name + strings.Repeat("7", 40) }
	adminSecret, clientSecret, frontendSecret := secretOf("*:*", "canary-admin"), secretOf("*:development", "canary-client"), secretOf("*:development", "canary-frontend")
	log := &logged{}
	r := start(t, database, func(c *server.Config) {
		c.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c.AdminTokens, c.ClientTokens, c.FrontendTokens = []string{adminSecret}, []string{clientSecret}, []string{frontendSecret}
	})
	secrets := []string{adminSecret, clientSecret, frontendSecret, secretOf("*:development", "canary-unknown"), "user:canary-personal", "canary-bytes\xff\xfe", "Bearer canary-bearer", secretOf("[]:nowhere", "canary-long") + strings.Repeat("7", 5000)}

	created := r.ask(http.MethodPost, "/api/admin/api-tokens", adminSecret, sent{`{"tokenName":"t","type":"client","environment":"development","projects":["default"]}`, jsonType})
	require.Equal(t, http.StatusCreated, created.status, string(created.body))
	var made struct{ Secret string }
	require.NoError(t, json.Unmarshal(created.body, &made))
	require.NotEmpty(t, made.Secret)
	secrets = append(secrets, made.Secret)

	use := func() {
		for _, secret := range secrets {
			for _, path := range []string{"/api/client/features", "/api/client/streaming", "/api/frontend", "/api/admin/projects", "/nowhere"} {
				r.ask(http.MethodGet, path, secret, sent{})
			}
			r.ask(http.MethodPost, "/api/client/metrics", secret, sent{`{"appName":"a"}`, jsonType})
			r.ask(http.MethodPost, "/edge/validate", "", sent{asJSON(map[string]any{"tokens": []string{secret}}), jsonType})
			r.ask(http.MethodPost, "/edge/validate", "", sent{`{"tokens":["` + secret + `"`, jsonType})
			if path := "/api/admin/api-tokens/" + strings.NewReplacer("\xff", "%ff", "\xfe", "%fe", " ", "%20").Replace(secret); secret != adminSecret && secret != clientSecret {
				r.ask(http.MethodPut, path, adminSecret, sent{`{"expiresAt":"2099-01-01T00:00:00Z"}`, jsonType})
				r.ask(http.MethodGet, path, adminSecret, sent{})
			}
		}
	}
	use()
	r.ask(http.MethodPost, "/api/admin/api-tokens", adminSecret, sent{asJSON(map[string]any{"tokenName": "t", "type": "client", "secret": made.Secret, "environment": made.Secret}), jsonType})
	r.ask(http.MethodDelete, "/api/admin/api-tokens/"+made.Secret, adminSecret, sent{})

	var events string
	require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT coalesce(string_agg(e::text, ' '), '') FROM events e`).Scan(&events))
	require.Contains(t, events, "api-token-created")
	require.Contains(t, events, "api-token-deleted")

	for _, statement := range []string{
		`ALTER TABLE api_tokens RENAME COLUMN secret_hash TO gone`, // every query for tokens fails
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
	} {
		_, err := database.Pool.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	use()
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "level=WARN") }, patience, 10*time.Millisecond, "the server does log")
	got := r.ask(http.MethodGet, "/api/client/features", secretOf("*:development", "canary-new"), sent{})
	require.Equal(t, http.StatusServiceUnavailable, got.status, string(got.body))

	for _, text := range []string{log.String(), events} {
		for _, word := range []string{"canary", strings.Repeat("7", 12), made.Secret, random(made.Secret)} {
			if at := strings.Index(text, word); at >= 0 {
				require.Fail(t, "a secret was written", "%s", text[max(0, at-300):min(len(text), at+200)])
			}
		}
	}
	t.Logf("%d lines logged", strings.Count(log.String(), "\n"))
}

// random is the part of a secret that is one.
func random(secret string) string {
	_, part, _ := strings.Cut(secret, ".")
	return part[:12]
}

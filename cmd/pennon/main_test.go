package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
)

func TestMain(m *testing.M) {
	// Options of the machine that runs the tests must not leak into them.
	for _, name := range []string{"DATABASE_URL", "DATABASE_DIRECT_URL", "DATABASE_HOST", "PORT", "HTTP_PORT", "UNLEASH_URL", "LOG_LEVEL", "PENNON_URL", "PENNON_TOKEN", "UNLEASH_API_TOKEN"} {
		_ = os.Unsetenv(name)
	}
	os.Exit(dbtest.Run(m))
}

// pennon runs a command line and returns its exit code and what it wrote.
func pennon(ctx context.Context, args ...string) (code int, out, errs string) {
	var stdout, stderr bytes.Buffer
	code = run(ctx, args, streams{out: &stdout, err: &stderr})
	return code, stdout.String(), stderr.String()
}

func TestCommandLine(t *testing.T) {
	t.Parallel()

	t.Run("HelpNamesEveryRole", func(t *testing.T) {
		t.Parallel()
		code, out, _ := pennon(t.Context(), "--help")
		require.Zero(t, code)
		for _, role := range []string{"serve", "migrate", "token", "openapi", "config", "health", "ready", "version", "flags", "envs", "import"} {
			require.Contains(t, out, role)
		}
	})

	t.Run("NonsenseIsRefusedWithAHint", func(t *testing.T) {
		t.Parallel()
		code, _, errs := pennon(t.Context(), "srve")
		require.Equal(t, 2, code)
		require.Contains(t, errs, "srve")
		require.Contains(t, errs, "pennon --help")
	})

	t.Run("ServingWithoutADatabaseNamesTheRemedies", func(t *testing.T) {
		t.Parallel()
		code, _, errs := pennon(t.Context(), "serve")
		require.Equal(t, 1, code)
		require.Contains(t, errs, "DATABASE_URL")
		require.Contains(t, errs, "--dev")
	})

	t.Run("VersionIsPrinted", func(t *testing.T) {
		t.Parallel()
		code, out, _ := pennon(t.Context(), "version")
		require.Zero(t, code)
		require.Equal(t, "pennon "+version+"\n", out)
	})

	t.Run("OpenAPIIsTheCommittedDocument", func(t *testing.T) {
		t.Parallel()
		code, out, errs := pennon(t.Context(), "openapi")
		require.Zero(t, code, errs)
		committed, err := os.ReadFile(filepath.Join("..", "..", "openapi", "openapi.yaml"))
		require.NoError(t, err)
		require.Equal(t, string(committed), out, "run 'make generate'")
	})

	t.Run("ConfigurationDocsAreTheCommandLine", func(t *testing.T) {
		t.Parallel()
		code, out, errs := pennon(t.Context(), "config", "--markdown")
		require.Zero(t, code, errs)
		committed, err := os.ReadFile(filepath.Join("..", "..", "docs", "configuration.md"))
		require.NoError(t, err)
		require.Equal(t, string(committed), out, "run 'make generate'")
	})
}

func TestProbes(t *testing.T) {
	t.Parallel()
	ready := http.StatusOK
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/base/ready" {
			w.WriteHeader(ready)
		}
		_, _ = w.Write([]byte(`{"health":"GOOD"}`))
	}))
	defer target.Close()

	code, out, _ := pennon(t.Context(), "health", "--url", target.URL+"/base/")
	require.Zero(t, code)
	require.JSONEq(t, `{"health":"GOOD"}`, out)
	code, _, _ = pennon(t.Context(), "ready", "--url", target.URL+"/base")
	require.Zero(t, code)
	ready = http.StatusServiceUnavailable
	code, _, errs := pennon(t.Context(), "ready", "--url", target.URL+"/base")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "503")
	target.Close()
	code, _, _ = pennon(t.Context(), "health", "--url", target.URL)
	require.Equal(t, 1, code)
}

func TestTokens(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	on := []string{"--database-url", database.DSN}

	code, secret, errs := pennon(t.Context(), append([]string{"token", "create", "ci", "--type", "backend", "-e", "production", "-p", "default"}, on...)...)
	require.Zero(t, code, errs)
	require.True(t, strings.HasPrefix(secret, "default:production."), secret)

	code, out, errs := pennon(t.Context(), append([]string{"token", "list", "--json"}, on...)...)
	require.Zero(t, code, errs)
	var listed []map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &listed))
	require.Len(t, listed, 1)
	require.Equal(t, "ci", listed[0]["tokenName"])
	require.NotContains(t, out, strings.TrimSpace(secret))

	code, _, errs = pennon(t.Context(), append([]string{"token", "create", "bad", "-e", "nowhere"}, on...)...)
	require.Equal(t, 1, code)
	require.Contains(t, errs, "nowhere")

	code, _, errs = pennon(t.Context(), append([]string{"token", "revoke", "ci"}, on...)...)
	require.Zero(t, code, errs)
	code, _, errs = pennon(t.Context(), append([]string{"token", "revoke", "ci"}, on...)...)
	require.Equal(t, 1, code)
	require.Contains(t, errs, "ci")
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	on := []string{"--database-url", database.DSN}

	code, out, errs := pennon(t.Context(), append([]string{"migrate"}, on...)...)
	require.Zero(t, code, errs)
	require.Contains(t, out, "schema version")
	code, _, errs = pennon(t.Context(), append([]string{"migrate", "down"}, on...)...)
	require.Equal(t, 1, code)
	require.Contains(t, errs, "--yes")
}

//go:build unix

package docs

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

const (
	adminToken    = "*:*.docs-admin"
	backendToken  = "*:production.backend-secret" // those of the pages
	frontendToken = "*:production.frontend-secret"
)

var built struct {
	once   sync.Once
	folder string
	err    error
	output []byte
}

func TestMain(m *testing.M) {
	code := dbtest.Run(m)
	if built.folder != "" {
		_ = os.RemoveAll(built.folder)
	}
	os.Exit(code)
}

// pennon builds the program, once, and returns its path.
func pennon(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		if built.folder, built.err = os.MkdirTemp("", "pennon-docs-"); built.err != nil {
			return
		}
		build := exec.Command("go", "build", "-o", filepath.Join(built.folder, "pennon"), "./cmd/pennon")
		build.Dir = filepath.Join("..", "..")
		built.output, built.err = build.CombinedOutput()
	})
	require.NoError(t, built.err, string(built.output))
	return filepath.Join(built.folder, "pennon")
}

// upstream runs the pages' server, with a flag that is on and one that is off, and returns its address.
func upstream(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	s, err := server.New(ctx, server.Config{
		Version: "test", Logger: slog.New(slog.DiscardHandler), Host: "127.0.0.1", DatabaseURL: dbtest.New(t).DSN,
		AdminTokens: []string{adminToken}, ClientTokens: []string{backendToken}, FrontendTokens: []string{frontendToken},
		ShutdownGrace: 50 * time.Millisecond,
	})
	if err != nil {
		cancel()
	}
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	require.Eventually(t, func() bool { return answers(s.URL() + "/ready") }, patience, 5*time.Millisecond)
	for _, name := range []string{"checkout", "banner"} {
		admin(t, s.URL(), "/projects/default/features", map[string]any{"name": name})
	}
	admin(t, s.URL(), "/projects/default/features/checkout/environments/production/on", nil)
	return s.URL()
}

// admin posts to the Admin API.
func admin(t *testing.T, address, path string, body any) {
	t.Helper()
	text, err := json.Marshal(body)
	require.NoError(t, err)
	status, answer := send(t, http.MethodPost, address+"/api/admin"+path, adminToken, bytes.NewReader(text))
	require.Less(t, status, 300, answer)
}

func send(t *testing.T, method, address, token string, body io.Reader) (status int, answer string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, body)
	require.NoError(t, err)
	request.Header.Set("Authorization", token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, string(text)
}

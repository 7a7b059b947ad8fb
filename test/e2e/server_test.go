// Package e2e tests the server as its users meet it: over HTTP, with psql beside it, on a real PostgreSQL.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

const (
	adminToken    = "*:*.e2e-admin"
	clientToken   = "*:development.e2e-client"
	frontendToken = "*:development.e2e-frontend"

	// patience is how long a test waits for what should take milliseconds.
	patience = 30 * time.Second
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

// running is a server under test.
type running struct {
	*server.Server

	t      testing.TB
	cancel context.CancelFunc
	done   chan error
}

// start runs a server on database until the test ends. change alters the configuration.
func start(t testing.TB, database *dbtest.Database, change ...func(*server.Config)) *running {
	t.Helper()
	config := server.Config{
		Version:        "test",
		Logger:         slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Host:           "127.0.0.1",
		DatabaseURL:    database.DSN,
		AdminTokens:    []string{adminToken},
		ClientTokens:   []string{clientToken},
		FrontendTokens: []string{frontendToken},
		ShutdownGrace:  50 * time.Millisecond,
		FlushInterval:  20 * time.Millisecond,
	}
	for _, apply := range change {
		apply(&config)
	}
	ctx, cancel := context.WithCancel(context.Background())
	s, err := server.New(ctx, config)
	if err != nil {
		cancel()
		require.NoError(t, err)
	}
	r := &running{Server: s, t: t, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- s.Run(ctx) }()
	t.Cleanup(func() { r.stop() })
	r.awaitReady()
	return r
}

// stop shuts the server down as a signal would, and waits for it.
func (r *running) stop() {
	r.t.Helper()
	r.cancel()
	select {
	case err := <-r.done:
		r.done <- nil
		require.NoError(r.t, err)
	case <-time.After(patience):
		require.Fail(r.t, "the server did not stop")
	}
}

func (r *running) awaitReady() {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		response, err := http.Get(r.URL() + "/ready")
		if err != nil {
			return false
		}
		_ = response.Body.Close()
		return response.StatusCode == http.StatusOK
	}, patience, 5*time.Millisecond)
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends a request; body may be nil, a string that is sent as it is, or anything else as JSON.
func (r *running) call(method, path, token string, body any, headers ...string) answer {
	r.t.Helper()
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = bytes.NewBufferString(body)
	default:
		text, err := json.Marshal(body)
		require.NoError(r.t, err)
		reader = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(context.Background(), method, r.URL()+path, reader)
	require.NoError(r.t, err)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(r.t, err)
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	require.NoError(r.t, err)
	return answer{status: response.StatusCode, header: response.Header, body: text}
}

// admin calls the Admin API and requires the status.
func (r *running) admin(status int, method, path string, body any) answer {
	r.t.Helper()
	got := r.call(method, "/api/admin"+path, adminToken, body)
	require.Equal(r.t, status, got.status, "%s %s: %s", method, path, got.body)
	return got
}

// createFlag makes a flag and turns it on in development.
func (r *running) createFlag(name string) {
	r.t.Helper()
	r.admin(http.StatusCreated, http.MethodPost, "/projects/default/features", map[string]any{"name": name})
	r.admin(http.StatusOK, http.MethodPost, "/projects/default/features/"+name+"/environments/development/on", nil)
}

// testWriter sends log lines to the test's output.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(bytes.TrimRight(p, "\n")))
	return len(p), nil
}

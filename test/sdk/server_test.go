//go:build unix

package sdk

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

const (
	adminToken  = "*:*.sdk-admin"
	clientToken = "*:development.sdk-client"

	// patience is how long a test waits for what should take milliseconds.
	patience = 30 * time.Second

	// pollInterval is how often a test looks again.
	pollInterval = 5 * time.Millisecond
)

// running is a server under test.
type running struct {
	*server.Server

	cancel context.CancelFunc
	done   chan error
}

// start runs a server on database until the test ends or stop is called. change alters its configuration.
func start(t *testing.T, database *dbtest.Database, change ...func(*server.Config)) *running {
	t.Helper()
	config := server.Config{
		Version:       "test",
		Logger:        slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Host:          "127.0.0.1",
		DatabaseURL:   database.DSN,
		AdminTokens:   []string{adminToken},
		ClientTokens:  []string{clientToken},
		ShutdownGrace: 50 * time.Millisecond,
	}
	for _, apply := range change {
		apply(&config)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	s, err := server.New(ctx, config)
	if err != nil {
		cancel()
		require.NoError(t, err)
	}
	r := &running{Server: s, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- s.Run(ctx) }()
	t.Cleanup(func() { require.NoError(t, r.stop()) })
	require.Eventually(t, func() bool {
		response, err := http.Get(r.URL() + "/ready")
		if err != nil {
			return false
		}
		require.NoError(t, response.Body.Close())
		return response.StatusCode == http.StatusOK
	}, patience, 5*time.Millisecond)
	return r
}

// stop shuts the server down as a signal would, and waits for it. It may be called again.
func (r *running) stop() error {
	r.cancel()
	err := <-r.done
	r.done <- nil
	return err
}

// port is where the server listens.
func (r *running) port(t *testing.T) int {
	t.Helper()
	return portOf(t, r.URL())
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	parsed, err := url.Parse(address)
	require.NoError(t, err)
	port, err := strconv.Atoi(parsed.Port())
	require.NoError(t, err)
	return port
}

// settings are the environment variables that tell a script about the server.
func (r *running) settings() map[string]string { return settingsFor(r.URL()) }

func settingsFor(address string) map[string]string {
	return map[string]string{
		"PENNON_URL":         address,
		"PENNON_ADMIN_TOKEN": adminToken,
		"PENNON_DEADLINE_MS": strconv.FormatInt(patience.Milliseconds(), 10),
	}
}

// testWriter sends log lines to the test's output.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Log(string(bytes.TrimRight(p, "\n")))
	return len(p), nil
}

// withSoonUsage has usage counted soon.
func withSoonUsage(c *server.Config) { c.FlushInterval = 20 * time.Millisecond }

// exchangeWith sends a request and returns status, body and headers of the answer. Headers are in pairs.
func exchangeWith(t *testing.T, address, method, path, secret, body string, headers ...string) (int, string, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", secret)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text), response.Header
}

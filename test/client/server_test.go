//go:build unix

// Package client_test uses the generated clients (Go, TypeScript) and the command line against a running server.
package client_test

import (
	"context"
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
	adminToken  = "*:*.client-admin"
	clientToken = "*:development.client-backend"

	// patience is how long a test waits for what should take milliseconds.
	patience = 30 * time.Second
)

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "pennon-client-test"); err != nil {
		panic(err)
	}
	code := dbtest.Run(m)
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// start runs a server until the test ends and returns its URL.
func start(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	s, err := server.New(ctx, server.Config{
		Version:       "test",
		Logger:        slog.New(slog.DiscardHandler),
		Host:          "127.0.0.1",
		DatabaseURL:   dbtest.New(t).DSN,
		AdminTokens:   []string{adminToken},
		ClientTokens:  []string{clientToken},
		ShutdownGrace: 50 * time.Millisecond,
	})
	if err != nil {
		cancel()
		require.NoError(t, err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
	require.Eventually(t, func() bool {
		response, err := http.Get(s.URL() + "/ready")
		if err != nil {
			return false
		}
		require.NoError(t, response.Body.Close())
		return response.StatusCode == http.StatusOK
	}, patience, 5*time.Millisecond)
	return s.URL()
}

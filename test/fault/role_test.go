//go:build unix

package fault

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pennonhq/pennon/edge"
	"github.com/pennonhq/pennon/edge/storage"
	"github.com/pennonhq/pennon/server"
)

// roleVariable holds the role of a child process as JSON.
const roleVariable = "PENNON_FAULT_ROLE"

// role is what a child process does. The test's own program plays it, so that its races are found, too.
type role struct {
	Port int

	Database string // of a server: for the pool
	Direct   string // of a server: for LISTEN

	Upstream     string // of an edge
	Prefer       edge.Mode
	Refresh      time.Duration
	Revalidation time.Duration
	Backup       string
}

// play does it until the process is told to end, or its parent is gone.
func play(text string) int {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3) // the parent is gone
	}()
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if err := r.run(ctx, logger); err != nil {
		logger.Error("ended", "err", err)
		return 1
	}
	return 0
}

func (r role) run(ctx context.Context, logger *slog.Logger) error {
	if r.Upstream == "" {
		s, err := server.New(ctx, server.Config{
			Version: "test", Logger: logger, Host: "127.0.0.1", Port: r.Port, DatabaseURL: r.Database, DatabaseDirectURL: r.Direct,
			AdminTokens: []string{adminToken}, ClientTokens: []string{clientToken}, FrontendTokens: []string{frontendToken},
			ShutdownGrace: 200 * time.Millisecond,
		})
		if err != nil {
			return err
		}
		return s.Run(ctx)
	}
	e, err := edge.New(ctx, edge.Config{
		Surface: edge.Surface{Version: "test", Logger: logger, Host: "127.0.0.1", Port: r.Port, ShutdownGrace: 200 * time.Millisecond},
		URL:     r.Upstream, Tokens: []string{clientToken}, Prefer: r.Prefer, RefreshInterval: r.Refresh,
		Revalidation: r.Revalidation, Storage: storage.OpenFolder(r.Backup), MetricsInterval: time.Second,
	})
	if err != nil {
		return err
	}
	return e.Run(ctx)
}

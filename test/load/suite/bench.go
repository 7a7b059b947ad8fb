// Package suite measures the bars Pennon is held to. Each area (area.go) takes its figures round by round on Pennon, on a
// bare-Go ceiling and, where it can do the same, on the published Unleash server; the rounds of all areas are interleaved
// so that a slow minute of the machine meets every system. It starts what it measures on a private PostgreSQL and ends it.
package suite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"github.com/pennonhq/pennon/db/postgres"
	"github.com/pennonhq/pennon/test/load/system"
)

// Config says what to run and where things are.
type Config struct {
	Root    string   // the repository
	Cache   string   // for binaries, the installed peer, logs; an absolute path
	Rounds  int      // of every area
	Only    []string // areas by name; empty means all
	Streams int      // subscribers of the large fan-out
	Logger  *slog.Logger
}

// Bench is what the areas share.
type Bench struct {
	Config
	*Records

	postgres  *postgres.Server
	databases databases
	bodies    map[int]string // files with the features body, by number of flags

	ceiling   string // the binary of the bare Go programs
	pennon    string
	pennonErr error // why there is no Pennon to measure
	peer      *system.Peer
	peerErr   error // why there is no Unleash server to measure

	unleashEdgeOnce sync.Once
	unleashEdge     string // the binary of Unleash Edge
	unleashEdgeErr  error  // why there is none
	unleashEdgeTook time.Duration
}

// open builds the programs and starts PostgreSQL. Only what every area needs is an error here; a server under test that
// cannot be had fails the figures that need it.
func open(ctx context.Context, config Config) (*Bench, error) {
	b := &Bench{Config: config, Records: newRecords(config.Rounds), databases: databases{}, bodies: map[int]string{}}
	if err := os.MkdirAll(config.Cache, 0o755); err != nil {
		return nil, fmt.Errorf("open benchmark: %w", err)
	}
	var err error
	if b.ceiling, err = b.build(ctx, "ceiling", "./test/load/cmd/ceiling"); err != nil {
		return nil, err
	}
	if b.pennon, err = b.build(ctx, "pennon", "./cmd/pennon"); err != nil {
		b.pennonErr = err
	}
	peerDir := filepath.Join(config.Cache, "unleash-server-"+system.PeerVersion)
	if b.peer, err = system.InstallPeer(ctx, peerDir, filepath.Join(config.Root, "test", "load", "peer")); err != nil {
		b.peerErr = err
	}
	if b.postgres, err = postgres.Start(ctx, postgres.Config{MaxConnections: 200, Logger: config.Logger}); err != nil {
		return nil, fmt.Errorf("open benchmark: %w", err)
	}
	return b, nil
}

func (b *Bench) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := b.postgres.Stop(ctx); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

// build compiles a command of this repository, as it is now, into the cache.
func (b *Bench) build(ctx context.Context, name, pkg string) (string, error) {
	binary := filepath.Join(b.Cache, name)
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", binary, pkg)
	build.Dir, build.Env = b.Root, append(os.Environ(), "CGO_ENABLED=0") // as it is released
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", pkg, err, firstLine(out))
	}
	return binary, nil
}

func firstLine(out []byte) string {
	const most = 200
	return string(out[:min(len(out), most)])
}

func (b *Bench) logs() string { return filepath.Join(b.Cache, "logs") }

// startPennon starts Pennon on a database and waits until it is ready.
func (b *Bench) startPennon(ctx context.Context, database string) (*system.Process, error) {
	if b.pennonErr != nil {
		return nil, b.pennonErr
	}
	p, err := system.StartPennon(b.pennon, b.postgres.DSN(database), b.logs())
	if err != nil {
		return nil, err
	}
	return ready(ctx, p, "/ready")
}

// startPeer starts the Unleash server on a database and waits until it is healthy. Its /ready waits for more than Pennon's
// does, so it is held to the earlier of the two.
func (b *Bench) startPeer(ctx context.Context, database string) (*system.Process, error) {
	if b.peerErr != nil {
		return nil, b.peerErr
	}
	p, err := b.peer.Start(b.postgres, database, b.logs())
	if err != nil {
		return nil, err
	}
	return ready(ctx, p, "/health")
}

func ready(ctx context.Context, p *system.Process, path string) (*system.Process, error) {
	if err := p.Ready(ctx, path); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// cpu runs work and returns the processor time p used meanwhile.
func cpu(p *system.Process, work func() error) (time.Duration, error) {
	before, err := p.CPU()
	if err != nil {
		return 0, err
	}
	workErr := work()
	after, err := p.CPU()
	return after - before, errors.Join(workErr, err, p.Alive())
}

// wait waits, or returns when ctx ends.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

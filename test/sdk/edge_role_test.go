//go:build unix

package sdk

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/edge"
)

// edging is an edge under test.
type edging struct {
	*edge.Edge

	cancel context.CancelFunc
	done   chan error
}

// startEdge runs an edge in front of the server at address until the test ends or stop is called, and waits until it is
// ready if it should become so.
func startEdge(t *testing.T, address string, ready bool, change ...func(*edge.Config)) *edging {
	t.Helper()
	config := edge.Config{
		Surface: edge.Surface{
			Version: "test", Host: "127.0.0.1", ShutdownGrace: 50 * time.Millisecond,
			Logger: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelError})),
		},
		URL: address, Tokens: []string{clientToken}, RefreshInterval: 50 * time.Millisecond, MetricsInterval: 50 * time.Millisecond,
	}
	for _, apply := range change {
		apply(&config)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	e, err := edge.New(ctx, config)
	if err != nil {
		cancel()
		require.NoError(t, err)
	}
	r := &edging{Edge: e, cancel: cancel, done: make(chan error, 1)}
	go func() { r.done <- e.Run(ctx) }()
	t.Cleanup(func() { require.NoError(t, r.stop()) })
	if ready {
		require.Eventually(t, func() bool { return e.Ready() == nil }, patience, pollInterval)
	}
	return r
}

// stop shuts the edge down as a signal would, and waits for it. It may be called again.
func (r *edging) stop() error {
	r.cancel()
	err := <-r.done
	r.done <- nil
	return err
}

// TestSpecificationBehindEdges is TestClientSpecification with an edge between the server and the SDKs, fed in each of its
// ways; and with two of them.
func TestSpecificationBehindEdges(t *testing.T) {
	t.Parallel()
	for behind, prefer := range map[string]edge.Mode{
		"one edge": edge.Link, "one edge that streams": edge.Streaming, "one edge that polls deltas": edge.Delta, "one edge that polls": edge.Full,
	} {
		t.Run(behind, func(t *testing.T) {
			t.Parallel()
			upstream := start(t, dbtest.New(t))
			requireSpecification(t, behindEdges(t, upstream, 1, func(c *edge.Config) { c.Prefer = prefer }), behind)
		})
	}
	t.Run("two edges", func(t *testing.T) {
		t.Parallel()
		requireSpecification(t, behindEdges(t, start(t, dbtest.New(t)), 2), "two edges")
	})
}

func requireSpecification(t *testing.T, f *fleet, behind string) {
	t.Helper()
	settings := f.settings()
	settings["PENNON_BEHIND"] = behind
	requireCases(t, RunNode(t, "spec.mjs", settings, nil), 3)
}

func requireCases(t *testing.T, report Report, modes int) {
	t.Helper()
	var result Specification
	report.Decode(t, &result)
	require.Len(t, result.Modes, modes)
	for mode, cases := range result.Modes {
		require.Equal(t, specificationCases, cases.Cases+cases.Inexpressible, mode)
		require.Equal(t, cases.Cases, cases.Passed, mode)
	}
}

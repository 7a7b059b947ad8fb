//go:build unix

package sdk

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
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

// divided answers what SDKs ask from the edge, and what administrators ask from the server, so that scripts need one address
// only.
func divided(t *testing.T, server, edge string) string {
	t.Helper()
	at := func(address string) *httputil.ReverseProxy {
		target, err := url.Parse(address)
		require.NoError(t, err)
		return &httputil.ReverseProxy{
			FlushInterval: -1,
			Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
			ErrorLog:      slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
		}
	}
	admins, sdks := at(server), at(edge)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/admin") {
			admins.ServeHTTP(w, r)
			return
		}
		sdks.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		front.CloseClientConnections()
		front.Close()
	})
	return front.URL
}

// TestSpecificationThroughAnEdge is TestClientSpecification with an edge between the server and the SDKs, fed in each of its
// ways; and with two of them.
func TestSpecificationThroughAnEdge(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]edge.Mode{"Streaming": edge.Streaming, "DeltaPolling": edge.Delta, "FullPolling": edge.Full} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream := start(t, dbtest.New(t))
			e := startEdge(t, upstream.URL(), true, func(c *edge.Config) { c.Prefer = mode })
			requireSpecification(t, upstream, e)
		})
	}
	t.Run("TwoEdgesInARow", func(t *testing.T) {
		t.Parallel()
		upstream := start(t, dbtest.New(t))
		first := startEdge(t, upstream.URL(), true)
		requireSpecification(t, upstream, startEdge(t, first.URL(), true))
	})
}

func requireSpecification(t *testing.T, upstream *running, e *edging) {
	t.Helper()
	settings := upstream.settings()
	settings["PENNON_URL"] = divided(t, upstream.URL(), e.URL())
	report := RunNode(t, "spec.mjs", settings, nil)
	var result Specification
	report.Decode(t, &result)
	require.Len(t, result.Modes, 3)
	for mode, cases := range result.Modes {
		require.Equal(t, specificationCases, cases.Cases+cases.Inexpressible, mode)
		require.Equal(t, cases.Cases, cases.Passed, mode)
	}
}

// TestSDKModesThroughAnEdge lets the real SDK live through what happens to edges and streams.
func TestSDKModesThroughAnEdge(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]string{
		"RegistersAndSendsMetrics":        "registers",
		"Polls":                           "polls",
		"ResumesAfterACut":                "resumes",
		"IsSentEverythingForAnIDOfNobody": "rehydrates",
		"IsRefusedWithoutTheRightToken":   "refuses",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			upstream := start(t, dbtest.New(t))
			e := startEdge(t, upstream.URL(), true)
			settings := upstream.settings()
			maps.Copy(settings, map[string]string{
				"PENNON_SCENARIOS": scenario, "PENNON_URL": divided(t, upstream.URL(), e.URL()),
			})
			report := RunNode(t, "modes.mjs", settings, nil)
			require.NotEmpty(t, report.Checks)
		})
	}
}

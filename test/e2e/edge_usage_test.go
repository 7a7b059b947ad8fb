package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/edge"
	"github.com/pennonhq/pennon/edge/storage"
	"github.com/pennonhq/pennon/server"
)

// edging is an edge under test.
type edging struct {
	*edge.Edge

	t      testing.TB
	cancel context.CancelFunc
	done   chan error
}

// startEdge runs an edge until the test ends, and waits until it is ready.
func startEdge(t testing.TB, upstream string, change ...func(*edge.Config)) *edging {
	t.Helper()
	config := edge.Config{
		Surface: edge.Surface{
			Version: "test", Host: "127.0.0.1", ShutdownGrace: 50 * time.Millisecond,
			Logger: slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelError + 1})),
		},
		URL: upstream, Tokens: []string{clientToken}, MetricsInterval: 20 * time.Millisecond, RefreshInterval: 50 * time.Millisecond,
	}
	for _, apply := range change {
		apply(&config)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	made, err := edge.New(ctx, config)
	if err != nil {
		cancel()
		require.NoError(t, err)
	}
	e := &edging{Edge: made, t: t, cancel: cancel, done: make(chan error, 1)}
	go func() { e.done <- made.Run(ctx) }()
	t.Cleanup(e.stop)
	require.Eventually(t, func() bool { return made.Ready() == nil }, patience, 5*time.Millisecond)
	return e
}

// stop shuts the edge down as a signal would, and waits for it. It may be called again.
func (e *edging) stop() {
	e.cancel()
	err := <-e.done
	e.done <- nil
	require.NoError(e.t, err)
}

// network lies between an edge and its upstreams, and does to reports of usage what networks, balancers and servers do.
type network struct {
	*httptest.Server

	upstreams []string
	proxies   []*httputil.ReverseProxy
	harm      atomic.Bool // else everything comes through
	cut       atomic.Bool // nothing comes through
	harmed    atomic.Int64
}

func newNetwork(t *testing.T, upstreams ...string) *network {
	t.Helper()
	n := &network{upstreams: upstreams}
	for _, address := range upstreams {
		target, err := url.Parse(address)
		require.NoError(t, err)
		proxy := httputil.NewSingleHostReverseProxy(target)
		proxy.FlushInterval = -1
		proxy.ErrorLog = log.New(io.Discard, "", 0)
		n.proxies = append(n.proxies, proxy)
	}
	n.Server = httptest.NewServer(http.HandlerFunc(n.serve))
	t.Cleanup(n.Close)
	return n
}

// deliver hands the request to one of the upstreams.
func (n *network) deliver(r *http.Request, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(r.Context(), r.Method, n.upstreams[rand.IntN(len(n.upstreams))]+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header = r.Header.Clone()
	return http.DefaultClient.Do(request)
}

func (n *network) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	report := strings.HasSuffix(r.URL.Path, "/metrics/bulk")
	if report && n.cut.Load() {
		panic(http.ErrAbortHandler)
	}
	if report && n.harm.Load() {
		switch harm := rand.IntN(7); harm {
		case 0, 1: // it is taken, and the connection breaks before the answer
			n.drop(n.deliver(r, body))
			panic(http.ErrAbortHandler)
		case 2: // it is taken, and a balancer says otherwise
			n.drop(n.deliver(r, body))
			w.WriteHeader(http.StatusBadGateway)
			return
		case 3: // it comes twice at the same time
			var both sync.WaitGroup
			for range 2 {
				both.Go(func() { n.drop(n.deliver(r, body)) })
			}
			both.Wait()
			panic(http.ErrAbortHandler)
		case 4:
			n.harmed.Add(1)
			w.WriteHeader([]int{http.StatusInternalServerError, http.StatusTooManyRequests, http.StatusServiceUnavailable}[rand.IntN(3)])
			return
		case 5:
			n.harmed.Add(1)
			panic(http.ErrAbortHandler)
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	n.proxies[rand.IntN(len(n.proxies))].ServeHTTP(w, r)
}

func (n *network) drop(answer *http.Response, err error) {
	n.harmed.Add(1)
	if err == nil {
		_ = answer.Body.Close()
	}
}

// report sends what an SDK does: one yes for each flag, of which variant red.
func report(t *testing.T, url, app string, flags ...string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/client/metrics", strings.NewReader(bucketOf(app, flags...)))
	require.NoError(t, err)
	request.Header.Set("Authorization", clientToken)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	require.Equal(t, http.StatusAccepted, answer.StatusCode)
}

func TestUsageThroughEdgesIsCountedExactlyOnce(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	first, second := start(t, database), start(t, database, func(c *server.Config) { c.Migrate = false })
	above := newNetwork(t, first.URL(), second.URL())
	fast := func(c *edge.Config) { c.MetricsInterval = 2 * time.Millisecond }
	upper := startEdge(t, above.URL, fast)
	between := newNetwork(t, upper.URL())
	kept := storage.OpenFolder(t.TempDir())
	lower := startEdge(t, between.URL, fast, func(c *edge.Config) { c.Storage = kept })

	above.harm.Store(true)
	between.harm.Store(true)
	sent := 0
	sendUntil := func(enough func() bool) {
		require.Eventually(t, func() bool {
			report(t, lower.URL(), "shop", "a", fmt.Sprint("f", sent%7))
			report(t, upper.URL(), "shop", "a")
			sent += 3
			return enough()
		}, patience, 2*time.Millisecond)
	}
	sendUntil(func() bool { return above.harmed.Load() > 15 && between.harmed.Load() > 15 })

	// The lower edge is restarted while nothing gets through: what it could not send, it keeps.
	between.cut.Store(true)
	sendUntil(func() bool { return true })
	lower.stop()
	lower = startEdge(t, between.URL, fast, func(c *edge.Config) { c.Storage = kept })
	sendUntil(func() bool { return true })
	between.cut.Store(false)
	harmed := between.harmed.Load()
	sendUntil(func() bool { return between.harmed.Load() > harmed+5 })

	above.harm.Store(false)
	between.harm.Store(false)
	require.Eventually(t, func() bool {
		yes, _ := yesOf(t, database, "shop")
		return yes >= int64(sent)
	}, patience, 20*time.Millisecond)
	lower.stop() // which sends all there is
	upper.stop()
	yes, red := yesOf(t, database, "shop")
	require.Equal(t, int64(sent), yes)
	require.Equal(t, int64(sent), red)
}

func TestUsageThroughAnEdgeOutlastsTheDatabase(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	s := start(t, database)
	e := startEdge(t, s.URL())
	report(t, e.URL(), "shop", "a")
	require.Eventually(t, func() bool { yes, _ := yesOf(t, database, "shop"); return yes == 1 }, patience, 10*time.Millisecond)
	setAway(t, database, true)
	for range 20 {
		report(t, e.URL(), "shop", "a", "b")
	}
	require.Eventually(t, func() bool {
		return scrape(t, e.URL()+"/internal-backstage/metrics").series[`metrics_upstream_http_errors{status_code="503"}`] > 0
	}, patience, 10*time.Millisecond)
	setAway(t, database, false)
	database.Pool.Reset()
	require.Eventually(t, func() bool {
		yes, _ := yesOf(t, database, "shop")
		return yes == 41
	}, patience, 20*time.Millisecond)
	e.stop()
	yes, _ := yesOf(t, database, "shop")
	require.Equal(t, int64(41), yes)
}

func TestTokensUsedBehindEdgesAreSeen(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	s := start(t, database)
	upper := startEdge(t, s.URL())
	lower := startEdge(t, upper.URL())
	seen := func(secret string) (times int) {
		require.NoError(t, database.Pool.QueryRow(t.Context(),
			`SELECT count(*) FROM api_token_last_seen l JOIN api_tokens t ON t.id = l.token_id WHERE t.secret_hash = sha256($1::text::bytea)`, secret).Scan(&times))
		return times
	}
	call := func(path, secret string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, lower.URL()+path, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", secret)
		answer, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, http.StatusOK, answer.StatusCode)
	}
	call("/api/frontend", frontendToken)
	lower.stop()
	upper.stop()
	s.stop() // which stores what it has seen
	require.Equal(t, 1, seen(frontendToken))
	require.Equal(t, 1, seen(clientToken), "with which the edges ask")
}

// runUntilEnd runs a role until the test ends or stop is called.
func runUntilEnd(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
	})
	t.Cleanup(stop)
	return stop
}

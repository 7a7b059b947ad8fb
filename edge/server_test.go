package edge

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/api/stream"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/token"
)

// server is an upstream of our kind whose change log a test writes.
type server struct {
	*httptest.Server

	store   *replica.Store
	links   *link.Handler
	hub     *sse.Hub
	tokens  *tokenTable
	pipes   *pipes      // nil: TCP
	without atomic.Bool // it has no link

	mu       sync.Mutex
	revision int64          // mu
	asked    map[string]int // mu; by path
}

// tokenTable is what a server knows of tokens.
type tokenTable struct {
	mu    sync.Mutex
	known map[string]*token.Token // mu
	asked map[string]int          // mu; by id: how often ByHash was asked, as it is for what is watched
}

func (t *tokenTable) Token(_ context.Context, secret string) (*token.Token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known := t.known[secret]; known != nil {
		return known, nil
	}
	return nil, fault.New(fault.Unauthenticated, "The token is not known.")
}

func (t *tokenTable) ByHash(sum [sha256.Size]byte) (*token.Token, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for secret, known := range t.known {
		if token.Hash(secret) == sum {
			t.asked[known.ID]++
			return known, true
		}
	}
	return nil, false
}

func (t *tokenTable) remove(secret string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.known, secret)
}

// watched reports whether an edge wants to be told of the token.
func watched(s *server, id string) bool {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	return s.tokens.asked[id] > 0
}

func (t *tokenTable) set(secret string, kind token.Kind, scope token.Scope) *token.Token {
	known := &token.Token{ID: tokenID(secret), Name: token.Redact(secret), Kind: kind, Scope: scope}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known[secret] = known
	return known
}

// startServer starts a server on TCP, or on pipes, which synctest knows.
func startServer(t *testing.T, through *pipes, snapshot replica.Snapshot) *server {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	s := &server{store: replica.NewStore(quiet), tokens: &tokenTable{known: map[string]*token.Token{}, asked: map[string]int{}}, asked: map[string]int{}, pipes: through}
	s.hub = sse.New(sse.Config{Logger: quiet})
	streams := stream.New(s.store, s.hub, s.tokens, 0)
	s.links = link.New(link.Config{Store: s.store, Tokens: s.tokens, Version: "test", Logger: quiet})
	a := api.New(api.Config{Version: "1", Build: "test"}, quiet)
	a.Guard("/api/client", api.RequireToken(s.tokens, token.Client))
	client.Register(a.Router, client.Dependencies{Store: s.store, Usage: unreported{}, Tokens: s.tokens, Invite: streams.Invite})
	client.RegisterEdge(a.Router, client.Dependencies{Tokens: s.tokens})
	streams.Register(a.Router)
	s.links.Register(a.Router)
	s.reset(snapshot)
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked[r.URL.Path]++
		s.mu.Unlock()
		if r.URL.Path == link.Path && s.without.Load() {
			http.NotFound(w, r)
			return
		}
		a.ServeHTTP(w, r)
	}))
	if through != nil {
		_ = s.Listener.Close()
		s.Listener = through
	}
	s.Start()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.hub.Run(ctx) }()
	t.Cleanup(func() {
		s.links.Drain(context.Background(), 0)
		s.hub.Drain(context.Background(), 0)
		s.Close()
		cancel()
		require.NoError(t, <-done)
	})
	return s
}

// reset gives the server another history.
func (s *server) reset(snapshot replica.Snapshot) {
	s.mu.Lock()
	s.revision = snapshot.Log[len(snapshot.Log)-1].Revision
	s.mu.Unlock()
	s.store.Reset(snapshot)
}

// row is the next one of the change log.
func (s *server) row(kind replica.Kind, entity, project, environment string) replica.Row {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revision++
	return replica.Row{
		Revision: s.revision, Mark: rand.Uint32N(1<<32-1) + 1, Kind: kind, Entity: entity, Project: project,
		Environment: environment, At: time.Now(),
	}
}

// put changes a flag in one environment; nil removes it.
func (s *server) put(environment, name string, feature *replica.Feature) replica.Cursor {
	project := ""
	if feature != nil {
		project = feature.Project
	}
	row := s.row(replica.KindFeature, name, project, environment)
	s.store.Apply(replica.Delta{
		Rows:     []replica.Row{row},
		Features: []replica.FeatureChange{{Environment: environment, Name: name, Feature: feature, Revision: row.Revision}},
	})
	return s.store.Cursor()
}

func (s *server) times(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

// made is a flag as a server holds it.
func made(name, project string, on bool) *replica.Feature {
	return &replica.Feature{Feature: eval.Feature{
		Name: name, Type: "release", Project: project, Enabled: on, Strategies: []eval.Strategy{{Name: "default"}},
	}}
}

// snapshot is a history of one row with an environment of flags.
func snapshotAt(revision int64, environments map[string][]replica.Feature) replica.Snapshot {
	return replica.Snapshot{
		Log:          []replica.Row{{Revision: revision, Mark: uint32(revision) + 1000, Kind: replica.KindSetting, At: time.Now()}},
		Environments: environments,
	}
}

// etag names what a scope sees.
func etag(store *replica.Store, scope token.Scope) string {
	state := store.State(scope.Environment)
	if state == nil {
		return ""
	}
	tag, _, _ := strings.Cut(state.Features(replica.FeaturesQuery{Query: replica.Query{Scope: scope}}).ETag(), ":")
	return tag
}

// wire is a transport whose connections a test can cut and listen to.
type wire struct {
	*http.Transport

	hydrations atomic.Int64 // that have come over it

	pipes *pipes // nil: TCP

	mu     sync.Mutex
	open   map[*wiretap]bool // mu
	closed bool              // mu; nothing can be reached
}

func newWire(t *testing.T) *wire {
	t.Helper()
	w := &wire{open: map[*wiretap]bool{}}
	w.Transport = &http.Transport{DialContext: w.dial, DisableCompression: true}
	t.Cleanup(w.CloseIdleConnections)
	return w
}

func (w *wire) dial(ctx context.Context, network, address string) (net.Conn, error) {
	w.mu.Lock()
	closed := w.closed
	w.mu.Unlock()
	if closed {
		return nil, net.ErrClosed
	}
	var connection net.Conn
	var err error
	if w.pipes != nil {
		connection, err = w.pipes.dial(ctx)
	} else {
		connection, err = (&net.Dialer{}).DialContext(ctx, network, address)
	}
	if err != nil {
		return nil, err
	}
	tap := &wiretap{Conn: connection, wire: w}
	w.mu.Lock()
	w.open[tap] = true
	w.mu.Unlock()
	return tap, nil
}

// cut breaks all connections; off says that no new ones can be made.
func (w *wire) cut(off bool) {
	w.mu.Lock()
	w.closed = off
	open := w.open
	w.open = map[*wiretap]bool{}
	w.mu.Unlock()
	for tap := range open {
		_ = tap.Conn.Close()
	}
}

type wiretap struct {
	net.Conn

	wire *wire
	tail string
}

const hydrationText = `{"type":"hydration"`

func (c *wiretap) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	text := c.tail + string(p[:n])
	c.wire.hydrations.Add(int64(strings.Count(text, hydrationText)))
	c.tail = text[max(0, len(text)-len(hydrationText)+1):]
	return n, err
}

func (c *wiretap) Close() error {
	c.wire.mu.Lock()
	delete(c.wire.open, c)
	c.wire.mu.Unlock()
	return c.Conn.Close()
}

// pipes are a network inside the process. They are a net.Listener.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{accept: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) dial(ctx context.Context) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.accept <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case connection := <-p.accept:
		return connection, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddress{} }

type pipeAddress struct{}

func (pipeAddress) Network() string { return "pipe" }
func (pipeAddress) String() string  { return "pennon.test:80" }

// soon is eventually in synctest's time, in which an hour is nothing.
func soon(t *testing.T, what func() bool, why ...any) {
	t.Helper()
	for waited := time.Duration(0); ; waited += time.Second {
		synctest.Wait()
		if what() {
			return
		}
		require.Less(t, waited, 2*time.Hour, why...)
		advance(time.Second)
	}
}

// eventually waits for what other goroutines bring about.
func eventually(t *testing.T, what func() bool, why ...any) {
	t.Helper()
	require.Eventually(t, what, 10*time.Second, time.Millisecond, why...)
}

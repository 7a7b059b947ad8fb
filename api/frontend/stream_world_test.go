package frontend_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/frontend"
	"github.com/pennonhq/pennon/api/push"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/ticket"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what has to come.
const patience = 20 * time.Second

// streaming is the frontend API with streams, over a store that the test changes.
type streaming struct {
	store    *replica.Store
	hub      *sse.Hub
	server   *httptest.Server
	client   http.Transport
	keys     *ticket.Keys
	revision int64

	mu      sync.Mutex
	revoked map[string]bool
}

// Token implements api.Tokens. Secrets are those of newServer, and "mine" of one project.
func (s *streaming) Token(_ context.Context, secret string) (*token.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	scope, known := map[string]token.Scope{
		"all": token.NewScope(environment, "*"), "mine": token.NewScope(environment, "mine"), "gone": token.NewScope("gone", "*"),
	}[secret]
	if !known || s.revoked[secret] {
		return nil, fault.New(fault.Unauthenticated, "unknown")
	}
	return &token.Token{ID: secret, Kind: token.Frontend, Scope: scope}, nil
}

func newStreaming(t testing.TB, config sse.Config, segments []eval.Segment, features ...replica.Feature) *streaming {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	s := &streaming{
		store: replica.NewStore(logger), hub: sse.New(config), keys: ticket.New(bytes.Repeat([]byte{1}, 32)), revision: 1, revoked: map[string]bool{},
	}
	flags := evaluation.New(s.store)
	pushed := push.New(push.Config{Store: s.store, Flags: flags, Hub: s.hub, Tokens: s})
	surface := api.New(api.Config{}, logger)
	surface.Guard("/api/frontend", api.RequireToken(s, token.Frontend))
	surface.Guard(frontend.PathStream, frontend.Tickets(s.keys))
	surface.Guard("/api/frontend", api.CORS{Origins: api.NewOrigins("*")}.Middleware)
	frontend.Register(surface.Router, frontend.Dependencies{Flags: flags, Usage: usage.NewBuffer()})
	frontend.RegisterStreams(surface.Router, frontend.StreamDependencies{Push: pushed, Tickets: s.keys})
	s.store.Reset(replica.Snapshot{
		Log:          []replica.Row{{Revision: 1, Mark: 1, Kind: replica.KindSetting, Entity: "x"}},
		Environments: map[string][]replica.Feature{environment: features},
		Segments:     segments,
	})
	s.server = httptest.NewServer(surface)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.hub.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
		s.client.CloseIdleConnections()
		s.server.Close()
	})
	return s
}

func (s *streaming) put(f replica.Feature) {
	s.revision++
	s.store.Apply(replica.Delta{
		Rows:     []replica.Row{{Revision: s.revision, Mark: uint32(s.revision), Kind: replica.KindFeature, Entity: f.Name}},
		Features: []replica.FeatureChange{{Environment: environment, Name: f.Name, Feature: &f, Revision: s.revision}},
	})
}

// send sends a request with header pairs; the body of the answer is open.
func (s *streaming) send(t testing.TB, method, path, body string, header ...string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, s.server.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := s.client.RoundTrip(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

// read is a whole answer.
func (s *streaming) read(t testing.TB, method, path, body string, header ...string) (status int, text string) {
	t.Helper()
	answer := s.send(t, method, path, body, header...)
	all, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(all)
}

// ticket asks for one.
func (s *streaming) ticket(t testing.TB, secret, body string) string {
	t.Helper()
	status, text := s.read(t, http.MethodPost, frontend.PathTicket, body, "Authorization", secret)
	require.Equal(t, http.StatusOK, status, text)
	var issued struct {
		Ticket    string
		ExpiresAt time.Time
	}
	require.NoError(t, json.Unmarshal([]byte(text), &issued))
	require.WithinDuration(t, time.Now().Add(10*time.Minute), issued.ExpiresAt, time.Minute)
	return issued.Ticket
}

// listener is a client that applies what its stream brings.
type listener struct {
	t      testing.TB
	lines  chan string
	raw    strings.Builder // every byte, when the test reads on
	id     string
	events int
	held   map[string]string
}

func (s *streaming) listen(t testing.TB, method, path, body string, header ...string) *listener {
	t.Helper()
	answer := s.send(t, method, path, body, header...)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	l := &listener{t: t, lines: make(chan string, 1000)}
	go func() {
		defer close(l.lines)
		lines := bufio.NewReader(answer.Body)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			l.lines <- line
		}
	}()
	return l
}

// next is the next event that is no comment; ok is false at the end of the stream.
func (l *listener) next() (event, data string, ok bool) {
	l.t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line, open := <-l.lines:
			l.raw.WriteString(line)
			if !open {
				return "", "", false
			}
			field, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
			switch {
			case line == "\n" && data != "":
				l.events++
				l.apply(event, data)
				return event, data, true
			case field == "id":
				l.id = text
			case field == "event":
				event = text
			case field == "data":
				data = text
			}
		case <-deadline:
			require.FailNow(l.t, "no event came")
		}
	}
}

func (l *listener) apply(event, data string) {
	l.t.Helper()
	var body struct {
		Toggles, Updated []json.RawMessage
		Removed          []string
	}
	require.NoError(l.t, json.Unmarshal([]byte(data), &body))
	if event == "hydration" {
		l.held = map[string]string{}
	}
	for _, name := range body.Removed {
		require.Contains(l.t, l.held, name)
		delete(l.held, name)
	}
	for _, toggle := range append(body.Toggles, body.Updated...) {
		var named struct{ Name string }
		require.NoError(l.t, json.Unmarshal(toggle, &named))
		l.held[named.Name] = string(toggle)
	}
}

// until reads up to the event after which the flag is held.
func (l *listener) until(name string) {
	l.t.Helper()
	for l.held[name] == "" {
		_, _, ok := l.next()
		require.True(l.t, ok, "the stream has ended")
	}
}

// open is a flag that is on for everybody; only narrows one to users.
func open(name, project string) replica.Feature {
	return replica.Feature{Feature: eval.Feature{Name: name, Project: project, Enabled: true, Strategies: []eval.Strategy{{Name: "default"}}}}
}

func only(name, project string, users ...string) replica.Feature {
	f := open(name, project)
	f.Strategies[0].Constraints = []eval.Constraint{{ContextName: "userId", Operator: "IN", Values: users}}
	return f
}

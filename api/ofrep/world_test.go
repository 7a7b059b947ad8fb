package ofrep_test

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
	"github.com/pennonhq/pennon/api/ofrep"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/openfeature"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/ticket"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

// patience is how long a test waits for what should take milliseconds.
const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tokens are those there are, by secret.
type tokens struct {
	mu       sync.Mutex
	bySecret map[string]*token.Token
}

func (s *tokens) Token(_ context.Context, secret string) (*token.Token, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if secret == "unknown-for-now" {
		return nil, fault.New(fault.Unavailable, "The database cannot be reached.")
	}
	if known := s.bySecret[secret]; known != nil {
		return known, nil
	}
	return nil, fault.New(fault.Unauthenticated, "No such token.")
}

func (s *tokens) revoke(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.bySecret, secret)
}

// world is a server of the data plane without a database.
type world struct {
	t      *testing.T
	store  *replica.Store
	hub    *sse.Hub
	tokens *tokens
	usage  *usage.Buffer
	server *httptest.Server

	mu       sync.Mutex
	revision int64
}

// setup serves features in the environment development.
func setup(t *testing.T, hub sse.Config, features ...eval.Feature) *world {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	w := &world{
		t: t, store: replica.NewStore(logger), hub: sse.New(hub), usage: usage.NewBuffer(),
		tokens: &tokens{bySecret: map[string]*token.Token{
			"web":     {ID: "web", Kind: token.Frontend, Scope: token.NewScope("development", token.All)},
			"server":  {ID: "server", Kind: token.Client, Scope: token.NewScope("development", token.All)},
			"one":     {ID: "one", Kind: token.Frontend, Scope: token.NewScope("development", "one")},
			"admin":   {ID: "admin", Kind: token.Admin, Scope: token.NewScope("", token.All)},
			"nowhere": {ID: "nowhere", Kind: token.Frontend, Scope: token.NewScope("nowhere", token.All)},
		}},
	}
	handler := ofrep.New(ofrep.Config{
		Store: w.store, Flags: evaluation.New(w.store), Hub: w.hub, Tokens: w.tokens, Tickets: ticket.New([]byte("the secret")),
		Usage: w.usage, Logger: logger, BasePath: "/base",
	})
	a := api.New(api.Config{BasePath: "/base", Version: "test"}, logger)
	a.Guard(ofrep.Prefix, handler.Guard)
	a.Guard(openfeature.PathManifest, handler.ManifestGuard)
	handler.Register(a.Router)
	w.reset(features...)

	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- w.hub.Run(ctx) }()
	w.server = httptest.NewServer(a)
	t.Cleanup(func() {
		w.server.CloseClientConnections()
		stop()
		require.NoError(t, <-ended)
		w.server.Close()
	})
	return w
}

func (w *world) row() replica.Row {
	w.revision++
	return replica.Row{Revision: w.revision, Mark: 0xabc00000 + uint32(w.revision), Kind: replica.KindFeature}
}

// reset replaces everything.
func (w *world) reset(features ...eval.Feature) { w.resetWith(nil, features...) }

func (w *world) resetWith(segments []eval.Segment, features ...eval.Feature) {
	w.mu.Lock()
	defer w.mu.Unlock()
	stored := make([]replica.Feature, 0, len(features))
	for _, f := range features {
		stored = append(stored, replica.Feature{Feature: complete(f)})
	}
	w.store.Reset(replica.Snapshot{
		Log: []replica.Row{w.row()}, Environments: map[string][]replica.Feature{"development": stored}, Segments: segments,
	})
}

// put changes flags.
func (w *world) put(features ...eval.Feature) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delta := replica.Delta{Rows: []replica.Row{w.row()}}
	for _, f := range features {
		f = complete(f)
		delta.Features = append(delta.Features, replica.FeatureChange{
			Environment: "development", Name: f.Name, Feature: &replica.Feature{Feature: f}, Revision: w.revision,
		})
	}
	w.store.Apply(delta)
}

func complete(f eval.Feature) eval.Feature {
	if f.Project == "" {
		f.Project = "default"
	}
	return f
}

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   string
}

func (w *world) send(method, path, body string, header ...string) reply {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.server.URL+"/base"+path, strings.NewReader(body))
	require.NoError(w.t, err)
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := w.server.Client().Do(request)
	require.NoError(w.t, err)
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	require.NoError(w.t, err)
	return reply{response.StatusCode, response.Header, string(read)}
}

func (w *world) post(path, body string, header ...string) reply {
	w.t.Helper()
	return w.send(http.MethodPost, path, body, append([]string{"Authorization", "web"}, header...)...)
}

// answer is what is evaluated for a flag.
type answer struct {
	Key       string
	Value     json.RawMessage
	Reason    string
	Variant   string
	ErrorCode string
	Metadata  map[string]any
}

// bulk is a whole answer.
type bulk struct {
	Flags        []answer
	EventStreams []struct {
		Type     string
		Endpoint struct{ RequestURI string }
	}
}

func (r reply) bulk(t *testing.T) (b bulk) {
	t.Helper()
	require.Equal(t, http.StatusOK, r.status, r.body)
	require.NoError(t, json.Unmarshal([]byte(r.body), &b), r.body)
	return b
}

func (r reply) answer(t *testing.T) (a answer) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(r.body), &a), r.body)
	return a
}

// event is one of a stream.
type event struct{ name, id, data, retry string }

// listener reads a stream.
type listener struct {
	t      *testing.T
	status int
	events chan event
	close  func()
}

// listen opens the stream of a bulk answer.
func (w *world) listen(uri string, header ...string) *listener {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	w.t.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.server.URL+uri, nil)
	require.NoError(w.t, err)
	request.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := w.server.Client().Do(request)
	require.NoError(w.t, err)
	l := &listener{t: w.t, status: response.StatusCode, events: make(chan event, 100), close: cancel}
	read := make(chan struct{})
	w.t.Cleanup(func() { cancel(); <-read })
	go func() {
		defer close(read)
		defer close(l.events)
		defer func() { _ = response.Body.Close() }()
		var e event
		lines := bufio.NewScanner(response.Body)
		for lines.Scan() {
			field, value, _ := bytes.Cut(lines.Bytes(), []byte(": "))
			switch string(field) {
			case "event":
				e.name = string(value)
			case "id":
				e.id = string(value)
			case "data":
				e.data = string(value)
			case "retry":
				e.retry = string(value)
			case "":
				if e != (event{}) {
					l.events <- e
				}
				e = event{}
			}
		}
	}()
	return l
}

func (l *listener) next() event {
	l.t.Helper()
	select {
	case e, ok := <-l.events:
		require.True(l.t, ok, "the stream has ended")
		return e
	case <-time.After(patience):
		require.FailNow(l.t, "no event came")
		return event{}
	}
}

// ends waits for the stream's end and returns what came before it.
func (l *listener) ends() (before []event) {
	l.t.Helper()
	for {
		select {
		case e, ok := <-l.events:
			if !ok {
				return before
			}
			before = append(before, e)
		case <-time.After(patience):
			require.FailNow(l.t, "the stream does not end")
		}
	}
}

package stream_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/stream"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience    = 20 * time.Second
	environment = "production"
)

// world is a store with a log that the test writes, and a server that streams it.
type world struct {
	t      *testing.T
	store  *replica.Store
	hub    *sse.Hub
	server *httptest.Server

	log      []replica.Row
	features map[string]replica.Feature

	mu     sync.Mutex
	tokens map[string]*token.Token
	asked  int
	revoke int // the token goes once it has been asked for so often; 0: never
}

// Token implements api.Tokens.
func (w *world) Token(_ context.Context, secret string) (*token.Token, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked++
	known := w.tokens[secret]
	if known == nil || (w.revoke > 0 && w.asked > w.revoke) {
		return nil, fault.New(fault.Unauthenticated, "unknown token")
	}
	return known, nil
}

type options struct {
	hub        sse.Config
	hydrations int
}

// setup serves the flags a (project one) and b (project two).
func setup(t *testing.T, o options) *world {
	t.Helper()
	w := unready(t, o)
	w.row(replica.KindEnvironment, environment)
	w.put("a", "one", true)
	w.put("b", "two", true)
	w.reset(false)
	return w
}

// unready is a world without state.
func unready(t *testing.T, o options) *world {
	t.Helper()
	w := &world{
		t:        t,
		store:    replica.NewStore(slog.New(slog.DiscardHandler)),
		hub:      sse.New(o.hub),
		features: make(map[string]replica.Feature),
		tokens:   make(map[string]*token.Token),
	}
	for secret, scope := range map[string]token.Scope{
		"all": token.NewScope(environment, token.All), "one": token.NewScope(environment, "one"),
		"lost": token.NewScope("nowhere", token.All),
	} {
		w.tokens[secret] = &token.Token{ID: secret, Kind: token.Client, Scope: scope}
	}
	router := chi.NewRouter()
	router.Use(api.RequireToken(w, token.Client))
	stream.New(w.store, w.hub, w, o.hydrations).Register(router)
	w.server = httptest.NewServer(router)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.hub.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
		w.server.Close()
	})
	return w
}

func (w *world) row(kind replica.Kind, entity string) replica.Row {
	revision := int64(len(w.log) + 1)
	r := replica.Row{Revision: revision, Mark: uint32(revision) | 0xabc00000, Kind: kind, Entity: entity, At: time.Now()}
	w.log = append(w.log, r)
	return r
}

// put writes a flag to the log without telling the store.
func (w *world) put(name, project string, enabled bool) replica.Delta {
	w.features[name] = replica.Feature{Feature: eval.Feature{Name: name, Project: project, Enabled: enabled}}
	return w.changed(name)
}

func (w *world) changed(name string) replica.Delta {
	r := w.row(replica.KindFeature, name)
	change := replica.FeatureChange{Environment: environment, Name: name, Revision: r.Revision}
	if f, ok := w.features[name]; ok {
		change.Feature = &f
	}
	return replica.Delta{Rows: []replica.Row{r}, Features: []replica.FeatureChange{change}}
}

// reset gives the store the whole state.
func (w *world) reset(forked bool) {
	snapshot := replica.Snapshot{Log: w.log, Forked: forked, Environments: map[string][]replica.Feature{environment: {}}}
	for _, f := range w.features {
		snapshot.Environments[environment] = append(snapshot.Environments[environment], f)
	}
	w.store.Reset(snapshot)
}

// set changes a flag and tells the store.
func (w *world) set(name, project string, enabled bool) int64 {
	delta := w.put(name, project, enabled)
	w.store.Apply(delta)
	return delta.Rows[0].Revision
}

// event is one message of a stream.
type event struct {
	Name string
	ID   string
	Data string
}

// reader reads SSE.
type reader struct {
	response *http.Response
	lines    *bufio.Reader
	state    map[string]bool
}

func (w *world) request(path, secret string, header ...string) *http.Response {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, w.server.URL+path, nil)
	require.NoError(w.t, err)
	r.Header.Set("Authorization", secret)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	require.NoError(w.t, err)
	w.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func (w *world) open(secret string, header ...string) *reader {
	w.t.Helper()
	response := w.request(stream.PathEvents, secret, header...)
	require.Equal(w.t, http.StatusOK, response.StatusCode)
	return &reader{response: response, lines: bufio.NewReader(response.Body), state: make(map[string]bool)}
}

// next reads one event and applies it as SDKs do.
func (r *reader) next() (event, error) {
	var e event
	for {
		line, err := r.lines.ReadString('\n')
		if err != nil {
			return e, err
		}
		line = strings.TrimSuffix(line, "\n")
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "event":
			e.Name = value
		case "id":
			e.ID = value
		case "data":
			e.Data = value
		case "":
			if e.Data != "" {
				return e, apply(r.state, []byte(e.Data))
			}
		}
	}
}

// apply changes a client's flags as an SDK does.
func apply(state map[string]bool, data []byte) error {
	type feature struct {
		Name    string
		Enabled bool
	}
	var body struct {
		Events []struct {
			Type        string
			EventID     int64 `json:"eventId"`
			Feature     feature
			FeatureName string
			Features    []feature
		}
	}
	if err := json.Unmarshal(data, &body); err != nil {
		return err
	}
	for _, e := range body.Events {
		switch e.Type {
		case "hydration":
			clear(state)
			for _, f := range e.Features {
				state[f.Name] = f.Enabled
			}
		case "feature-updated":
			state[e.Feature.Name] = e.Feature.Enabled
		case "feature-removed":
			delete(state, e.FeatureName)
		default:
			return fmt.Errorf("event of type %q", e.Type)
		}
	}
	return nil
}

func (w *world) next(r *reader) event {
	w.t.Helper()
	e, err := r.next()
	require.NoError(w.t, err)
	return e
}

func (w *world) eventually(condition func() bool) {
	w.t.Helper()
	require.Eventually(w.t, condition, patience, 2*time.Millisecond)
}

func (w *world) streams() int {
	n := 0
	for _, count := range w.hub.Stats().Streams {
		n += count
	}
	return n
}

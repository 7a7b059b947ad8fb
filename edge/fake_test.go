package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// fake is an upstream inside the process, so that tests run in synctest's time. Its answers are what handle says.
type fake struct {
	mu       sync.Mutex
	handle   map[string]func(*http.Request) *http.Response // mu; by path
	requests []*http.Request                               // mu
}

func newFake() *fake { return &fake{handle: map[string]func(*http.Request) *http.Response{}} }

func (f *fake) on(path string, handle func(*http.Request) *http.Response) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.handle[path] = handle
}

// RoundTrip answers, with 404 where nothing was said.
func (f *fake) RoundTrip(r *http.Request) (*http.Response, error) {
	f.mu.Lock()
	f.requests = append(f.requests, r)
	handle := f.handle[r.URL.Path]
	f.mu.Unlock()
	answer := reply(http.StatusNotFound, "")
	if handle != nil {
		answer = handle(r)
	}
	if answer == nil {
		return nil, fmt.Errorf("connection refused")
	}
	answer.Request = r
	return answer, nil
}

// asked counts the requests to a path.
func (f *fake) asked(path string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var n int
	for _, r := range f.requests {
		if r.URL.Path == path {
			n++
		}
	}
	return n
}

func (f *fake) last(path string) *http.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.requests) - 1; i >= 0; i-- {
		if f.requests[i].URL.Path == path {
			return f.requests[i]
		}
	}
	return nil
}

func reply(status int, body string, headers ...string) *http.Response {
	r := &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// always answers the same.
func always(status int, body string, headers ...string) func(*http.Request) *http.Response {
	return func(*http.Request) *http.Response { return reply(status, body, headers...) }
}

// unreachable refuses the connection.
func unreachable(*http.Request) *http.Response { return nil }

// line is a stream that a test writes to.
type line struct {
	frames chan string
	ended  chan struct{}
}

func newLine() *line { return &line{frames: make(chan string, 16), ended: make(chan struct{})} }

func (l *line) send(event, id, data string) {
	l.frames <- "event: " + event + "\nid: " + id + "\ndata: " + data + "\n\n"
}

func (l *line) answer(r *http.Request) *http.Response {
	answer := reply(http.StatusOK, "", "Content-Type", "text/event-stream")
	answer.Body = &lineBody{line: l, ctx: r.Context()}
	return answer
}

type lineBody struct {
	*line

	ctx context.Context
	had bytes.Buffer
}

func (b *lineBody) Read(p []byte) (int, error) {
	if b.had.Len() == 0 {
		select {
		case frame := <-b.frames:
			b.had.WriteString(frame)
		case <-b.ended:
			return 0, io.EOF
		case <-b.ctx.Done():
			return 0, b.ctx.Err()
		}
	}
	return b.had.Read(p)
}

func (b *lineBody) Close() error { return nil }

// rig is an Upstream that runs in front of a fake and fills a store.
type rig struct {
	*Upstream

	fake  *fake
	store *replica.Store
	stop  func()
}

const testToken = "*:development.secret"

// start runs an Upstream until the bubble's test ends. Call it within synctest.Test.
func start(t *testing.T, f *fake, change ...func(*UpstreamConfig)) *rig {
	t.Helper()
	config := UpstreamConfig{
		URL: "http://upstream/api", Tokens: []UpstreamToken{{Secret: testToken}}, Transport: f, Version: "test",
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, apply := range change {
		apply(&config)
	}
	u, err := NewUpstream(config)
	require.NoError(t, err)
	r := &rig{Upstream: u, fake: f, store: replica.NewStore(config.Logger)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- u.Run(ctx, r.store) }()
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(t, <-done)
		})
	}
	t.Cleanup(r.stop)
	synctest.Wait()
	return r
}

// flags are the names of the flags that are on or off in the environment, or nil if it is unknown.
func (r *rig) flags(t *testing.T, environment string) map[string]bool {
	t.Helper()
	state := r.store.State(environment)
	if state == nil {
		return nil
	}
	body := state.Features(replica.FeaturesQuery{Query: replica.Query{Scope: token.NewScope(environment, token.All)}})
	var answer struct {
		Features []struct {
			Name    string
			Enabled bool
		}
	}
	require.NoError(t, json.Unmarshal(body.Plain(), &answer))
	flags := map[string]bool{}
	for _, feature := range answer.Features {
		flags[feature.Name] = feature.Enabled
	}
	return flags
}

// advance lets time pass and everything settle.
func advance(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
	synctest.Wait()
}

// flag is one as an upstream sends it.
func flag(name string, on bool) string {
	return fmt.Sprintf(`{"name":%q,"type":"release","enabled":%t,"project":"default","stale":false,`+
		`"strategies":[{"name":"default","constraints":[],"parameters":{},"variants":[]}],"variants":[],"description":null,"impressionData":false}`, name, on)
}

func features(flags ...string) string {
	return `{"version":2,"features":[` + strings.Join(flags, ",") + `],"segments":[]}`
}

func hydrated(revision int, flags ...string) string {
	return fmt.Sprintf(`{"events":[{"type":"hydration","eventId":%d,"features":[%s],"segments":[]}]}`, revision, strings.Join(flags, ","))
}

func updated(revision int, flag string) string {
	return fmt.Sprintf(`{"events":[{"type":"feature-updated","eventId":%d,"feature":%s}]}`, revision, flag)
}

const (
	pathFeatures  = "/api/client/features"
	pathDelta     = "/api/client/delta"
	pathStreaming = "/api/client/streaming"
)

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}

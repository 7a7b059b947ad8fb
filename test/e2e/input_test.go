package e2e

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

var (
	inputSeed   = flag.Uint64("input.seed", 20261122, "decides what the input tests send; any must pass")
	inputBodies = flag.Int("input.bodies", 10, "how many bodies each operation is sent")
)

// logged keeps what a server logs.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func startLogged(t *testing.T, database *dbtest.Database, level slog.Level) (*running, *logged) {
	t.Helper()
	log := &logged{}
	return start(t, database, func(c *server.Config) {
		c.Logger = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: level}))
		c.FrontendAll = true
	}), log
}

// documented is an operation of the OpenAPI document.
type documented struct {
	method, path string
	*huma.Operation
}

func (o documented) public() bool { return o.Security != nil && len(o.Security) == 0 }

// secrets are the tokens that open the operation, one of each kind.
func (o documented) secrets() []string {
	switch {
	case strings.HasPrefix(o.path, "/api/client/"):
		return []string{clientToken}
	case strings.HasPrefix(o.path, "/api/frontend"):
		return []string{frontendToken}
	case strings.HasPrefix(o.path, "/ofrep/"):
		return []string{frontendToken, clientToken}
	case strings.HasPrefix(o.path, "/openfeature/") && o.method == http.MethodGet:
		return []string{adminToken, clientToken, frontendToken}
	default:
		return []string{adminToken}
	}
}

// secret is a token that opens the operation.
func (o documented) secret() string { return o.secrets()[0] }

func documentedOperations(document *huma.OpenAPI) []documented {
	var list []documented
	for path, item := range document.Paths {
		for method, o := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
			http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
		} {
			if o != nil {
				list = append(list, documented{method, path, o})
			}
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].path+list[i].method < list[j].path+list[j].method })
	return list
}

// ask sends a request and reads the answer, but of a stream only the head.
func (r *running) ask(method, path, secret string, s sent, headers ...string) answer {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, r.URL()+path, strings.NewReader(s.body))
	require.NoError(r.t, err)
	if s.contentType != "" {
		request.Header.Set("Content-Type", s.contentType)
	}
	if secret != "" {
		request.Header.Set("Authorization", secret)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request) // follows nothing
	require.NoError(r.t, err, "%s %s", method, path)
	defer func() { _ = response.Body.Close() }()
	got := answer{status: response.StatusCode, header: response.Header}
	if !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		got.body, err = io.ReadAll(response.Body)
		require.NoError(r.t, err)
	}
	return got
}

// findings collects what is wrong with answers, so that one run shows all of it.
type findings struct {
	list []string
	seen map[string]bool // by operation and status: the first of a kind is enough
}

// stopped ends one check.
type stopped struct{}

// Errorf implements require.TestingT.
func (f *findings) Errorf(format string, args ...any) {
	f.list = append(f.list, fmt.Sprintf(format, args...))
}

// FailNow implements require.TestingT.
func (f *findings) FailNow() { panic(stopped{}) }

// check runs checks of an answer and goes on when they fail.
func (f *findings) check(kind string, checks func()) {
	if f.seen[kind] {
		return
	}
	defer func() {
		switch cause := recover(); cause {
		case nil:
		case stopped{}:
			f.seen[kind] = true
		default:
			panic(cause)
		}
	}()
	checks()
}

// proper requires an answer that the document knows, and of an error the one shape errors have.
func proper(t require.TestingT, schemas huma.Registry, o documented, got answer, about string) {
	require.Less(t, got.status, 500, "%s: %s", about, got.body)
	described := o.Responses[strconv.Itoa(got.status)]
	require.NotNil(t, described, "%s: status %d is not in the document: %s", about, got.status, got.body)
	content := described.Content[jsonType]
	if content == nil {
		if described.Content == nil {
			require.Empty(t, got.body, about)
		}
		return
	}
	require.Regexp(t, `^application/json(; charset=utf-8)?$`, got.header.Get("Content-Type"), about)
	var value any
	require.NoError(t, json.Unmarshal(got.body, &value), "%s: %s", about, got.body)
	result := &huma.ValidateResult{}
	huma.Validate(schemas, content.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, value, result)
	require.Empty(t, result.Errors, "%s: %s", about, got.body)
	if got.status >= 400 {
		properError(t, o.path, got, about)
	}
}

// properError requires {message} or {name, message, details}. OpenFeature has shapes of its own: its manifest wraps the error,
// and its evaluations tell an errorCode, or errorDetails only, and nothing at all to who may not ask.
func properError(t require.TestingT, path string, got answer, about string) {
	switch {
	case strings.HasPrefix(path, "/openfeature/"):
		var wrapped struct {
			Error struct {
				Message string
				Status  int
				Details []struct{ Message string }
			}
		}
		require.NoError(t, json.Unmarshal(got.body, &wrapped), "%s: %s", about, got.body)
		require.NotEmpty(t, wrapped.Error.Message, "%s: %s", about, got.body)
		require.Equal(t, got.status, wrapped.Error.Status, about)
		for _, d := range wrapped.Error.Details {
			require.NotEmpty(t, d.Message, "%s: %s", about, got.body)
		}
		return
	case strings.HasPrefix(path, "/ofrep/"):
		if got.status == http.StatusUnauthorized || got.status == http.StatusForbidden {
			require.Empty(t, got.body, about)
			return
		}
		var failure struct{ ErrorCode, ErrorDetails, Message string }
		require.NoError(t, json.Unmarshal(got.body, &failure), "%s: %s", about, got.body)
		require.NotEmpty(t, failure.ErrorCode+failure.ErrorDetails+failure.Message, "%s: %s", about, got.body)
		return
	}
	var shape struct {
		Name, Message string
		Details       []struct{ Message string }
	}
	require.NoError(t, json.Unmarshal(got.body, &shape), "%s: %s", about, got.body)
	require.NotEmpty(t, shape.Message, "%s: %s", about, got.body)
	if shape.Name != "" {
		require.NotEmpty(t, shape.Details, "%s: %s", about, got.body)
		for _, d := range shape.Details {
			require.NotEmpty(t, d.Message, "%s: %s", about, got.body)
		}
	}
}

// settled requires that a refused request has changed nothing, and that what an accepted one has changed is in the logs.
func settled(t require.TestingT, before, after state, status int, about string) {
	if status >= 300 {
		require.Equal(t, before, after, "%s: refused with %d, and yet something was written", about, status)
		return
	}
	if before.rows != after.rows {
		require.Greater(t, after.event, before.event, "%s: changed something without an event", about)
	}
	if before.flags != after.flags {
		require.Greater(t, after.revision, before.revision, "%s: changed flags and nobody is told", about)
	}
	if before.revision != after.revision {
		require.Greater(t, after.event, before.event, "%s: a change without an event", about)
	}
}

func TestEveryOperationWithstandsAnyInput(t *testing.T) {
	t.Parallel()
	began := time.Now()
	database := dbtest.New(t)
	r, log := startLogged(t, database, slog.LevelWarn)
	document := server.OpenAPI()
	schemas := document.Components.Schemas
	g := &generator{Rand: rand.New(rand.NewPCG(*inputSeed, 1)), schemas: schemas}
	worlds, requests, accepted := 0, 0, 0
	found := &findings{seen: map[string]bool{}}
	var w *world
	var last state
	renew := func(path string) {
		worlds++
		w = newWorld(t, database, worlds)
		g.known = w.known(path, g.fresh)
		last = readState(t, database)
	}
	operations := documentedOperations(document)
	// Maintenance mode would keep everything after it from being tried.
	slices.SortStableFunc(operations, func(a, b documented) int {
		return cmp.Compare(strings.Count(a.path, "/maintenance"), strings.Count(b.path, "/maintenance"))
	})
	for _, o := range operations {
		renew(o.path)
		try := func(path string, s sent) {
			t.Helper()
			about := o.method + " " + path[:min(len(path), 200)] + " " + s.contentType + " " + s.body[:min(len(s.body), 400)]
			got := r.ask(o.method, path, o.secret(), s)
			requests++
			kind := fmt.Sprint(o.OperationID, got.status)
			found.check(kind, func() { proper(found, schemas, o, got, about) })
			if o.method == http.MethodGet {
				return
			}
			now := readState(t, database)
			found.check(kind+" state", func() { settled(found, last, now, got.status, about) })
			if last = now; got.status < 300 {
				accepted++
				renew(o.path)
			}
		}
		own := sent{}
		if o.RequestBody != nil {
			own = sent{"{}", jsonType}
			for _, s := range g.bodies(o.RequestBody.Content[contentTypeOf(o)].Schema, *inputBodies) {
				try(w.path(o.path), s)
			}
		}
		try(w.path(o.path), own)
		for range 3 {
			try(w.path(o.path)+"?"+g.query(o.Operation), own)
		}
		if strings.Contains(o.path, "{") {
			for range 5 {
				try(g.oddPath(w, o.path), own)
			}
		}
	}
	require.Empty(t, found.list)
	require.NotContains(t, log.String(), "level=ERROR")
	require.NotContains(t, log.String(), "panic")
	require.NotContains(t, log.String(), "superfluous", "an answer is written once")
	require.NotContains(t, log.String(), "could not be stored", "reports that were taken must be storable")
	t.Logf("%d operations, %d requests, %d accepted, in %s", len(documentedOperations(document)), requests, accepted, time.Since(began).Round(time.Millisecond))
}

func contentTypeOf(o documented) string {
	for contentType := range o.RequestBody.Content {
		return contentType // there is one
	}
	return jsonType
}

// oddPath puts something odd for one parameter of a path and what is there for the others.
func (g *generator) oddPath(w *world, path string) string {
	parts := strings.Split(path, "/")
	var parameters []int
	for i, part := range parts {
		if strings.HasPrefix(part, "{") {
			parameters = append(parameters, i)
		}
	}
	odd := pick(g, parameters)
	segment := pick(g, oddSegments)
	parts[odd] = "{odd}"
	return strings.Replace(w.path(strings.Join(parts, "/")), "{odd}", segment, 1)
}

func TestEveryOperationAsksForItsCredential(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	r, log := startLogged(t, database, slog.LevelWarn)
	document := server.OpenAPI()
	before := readState(t, database)
	w := &world{project: "default", environment: "development", flag: "f", parent: "p", strategy: "s", segment: "1", token: "t", tokenName: "t", tagType: "simple", contextField: "userId", strategyType: "default"}
	public := []string{}
	for _, o := range documentedOperations(document) {
		path, body := w.path(o.path), sent{}
		if o.RequestBody != nil {
			body = sent{"{}", jsonType}
		}
		if o.public() {
			public = append(public, o.method+" "+o.path)
			for _, secret := range []string{"", "nonsense"} {
				require.NotContains(t, []int{401, 403}, r.ask(o.method, path, secret, body).status, path)
			}
			continue
		}
		for _, secret := range []string{"", "nonsense", "Bearer", "*:*.", "default:development.\xff\xfe", strings.Repeat("x", 8000)} {
			got := r.ask(o.method, path, secret, body)
			require.Equal(t, http.StatusUnauthorized, got.status, "%s %s %q: %s", o.method, path, secret, got.body)
			proper(t, document.Components.Schemas, o, got, path)
		}
		for _, secret := range []string{adminToken, clientToken, frontendToken} {
			if slices.Contains(o.secrets(), secret) {
				continue
			}
			got := r.ask(o.method, path, secret, body)
			refusal := http.StatusForbidden
			if o.path == "/ofrep/v1/stream" {
				refusal = http.StatusUnauthorized // it knows tickets only
			}
			require.Equal(t, refusal, got.status, "%s %s %s: %s", o.method, path, secret, got.body)
			proper(t, document.Components.Schemas, o, got, path)
		}
	}
	require.Equal(t, []string{
		"POST /edge/validate", "GET /health", "GET /internal-backstage/impact/metrics", "GET /internal-backstage/prometheus", "GET /ready",
	}, public)
	require.Equal(t, before, readState(t, database))
	require.NotContains(t, log.String(), "level=ERROR")
}

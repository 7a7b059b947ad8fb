package link_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// tokens are the API tokens of a test.
type tokens struct {
	mu     sync.Mutex
	valid  map[[sha256.Size]byte]*token.Token
	broken bool
	asked  func(sum [sha256.Size]byte) // called before each answer; nil: nothing
}

func (ts *tokens) Token(_ context.Context, secret string) (*token.Token, error) {
	if ts.asked != nil {
		ts.asked(token.Hash(secret))
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	known := ts.valid[token.Hash(secret)]
	switch {
	case ts.broken:
		return nil, fault.New(fault.Unavailable, "no database")
	case strings.HasPrefix(secret, "denied"):
		return nil, fault.New(fault.Denied, "not served here")
	case known == nil || known.Expired(time.Now()):
		return nil, fault.New(fault.Unauthenticated, "not known")
	}
	return known, nil
}

func (ts *tokens) ByHash(sum [sha256.Size]byte) (*token.Token, bool) {
	if ts.asked != nil {
		ts.asked(sum)
	}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	known := ts.valid[sum]
	return known, known != nil && !known.Expired(time.Now())
}

// put makes the secret a token of the scope. Its ID is the secret.
func (ts *tokens) put(secret string, kind token.Kind, environment string, projects ...string) *token.Token {
	return ts.set(secret, &token.Token{ID: secret, Name: secret, Kind: kind, Scope: token.NewScope(environment, projects...)})
}

func (ts *tokens) set(secret string, known *token.Token) *token.Token {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.valid[token.Hash(secret)] = known
	return known
}

func (ts *tokens) remove(secret string) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	delete(ts.valid, token.Hash(secret))
}

// node is a server with links.
type node struct {
	*world

	tokens *tokens
	links  *link.Handler
	url    string
}

// newNode serves links of a world. The token "all" sees everything in production.
func newNode(t testing.TB, change ...func(*link.Config)) *node {
	t.Helper()
	n := &node{world: newWorld(), tokens: &tokens{valid: map[[sha256.Size]byte]*token.Token{}}}
	n.tokens.put("all", token.Client, "production", token.All)
	config := link.Config{Store: n.store, Tokens: n.tokens, Version: "1.2.3"}
	for _, f := range change {
		f(&config)
	}
	n.links = link.New(config)
	n.serve(t)
	n.reset()
	return n
}

func (n *node) serve(t testing.TB) {
	t.Helper()
	a := api.New(api.Config{}, slog.New(slog.DiscardHandler))
	a.Guard("/api/client", api.RequireToken(n.tokens, token.Client))
	n.links.Register(a.Router)
	server := httptest.NewServer(a)
	n.url = server.URL
	t.Cleanup(func() {
		cut, cancel := context.WithCancel(context.Background())
		cancel()
		n.links.Drain(cut, 0)
		server.Close()
	})
}

// edge is the other side of a link: it folds what it is sent.
type edge struct {
	t  *testing.T
	ws *websocket.Conn

	cursor string
	scopes map[int]*folded
	log    []link.LogRow // all that came since it began anew
	frames int           // of changes
	others []link.FromServer
}

// dial opens a link with the secret, and reads the welcome.
func (n *node) dial(t *testing.T, secret string) *edge {
	t.Helper()
	dialer := websocket.Dialer{HandshakeTimeout: patience}
	ws, response, err := dialer.Dial("ws"+strings.TrimPrefix(n.url, "http")+link.Path, map[string][]string{"Authorization": {secret}})
	require.NoError(t, err)
	_ = response.Body.Close()
	t.Cleanup(func() { _ = ws.Close() })
	e := &edge{t: t, ws: ws, scopes: map[int]*folded{}}
	welcome := e.read()
	require.Equal(t, link.TypeWelcome, welcome.Type)
	return e
}

// open dials and says hello.
func (n *node) open(t *testing.T, scopes ...link.Subscription) *edge {
	t.Helper()
	e := n.dial(t, "all")
	e.hello("", scopes...)
	return e
}

func (e *edge) hello(cursor string, scopes ...link.Subscription) {
	e.cursor = cursor
	e.send(link.FromEdge{Type: link.TypeHello, AppName: "edge", InstanceID: "one", Version: "1", Cursor: cursor, Scopes: scopes})
}

func (e *edge) send(frame link.FromEdge) {
	e.t.Helper()
	require.NoError(e.t, e.ws.WriteJSON(frame))
}

// read returns the next frame, and folds it if it holds changes.
func (e *edge) read() link.FromServer {
	e.t.Helper()
	frame, err := e.tryRead()
	require.NoError(e.t, err)
	return frame
}

func (e *edge) tryRead() (link.FromServer, error) {
	var frame link.FromServer
	_ = e.ws.SetReadDeadline(time.Now().Add(patience))
	_, data, err := e.ws.ReadMessage()
	if err != nil {
		return frame, err
	}
	require.NoError(e.t, json.Unmarshal(data, &frame))
	if frame.Type == link.TypeChanges {
		e.fold(&frame)
	} else {
		e.others = append(e.others, frame)
	}
	return frame, nil
}

// next reads on to the next frame of that type.
func (e *edge) next(kind string) link.FromServer {
	e.t.Helper()
	for {
		if frame := e.read(); frame.Type == kind {
			return frame
		}
	}
}

// closed reads on to the end and returns the close code.
func (e *edge) closed() int {
	e.t.Helper()
	for {
		if _, err := e.tryRead(); err != nil {
			var closed *websocket.CloseError
			require.ErrorAs(e.t, err, &closed)
			return closed.Code
		}
	}
}

// fold applies a frame as the protocol says.
func (e *edge) fold(frame *link.FromServer) {
	e.t.Helper()
	e.frames++
	if frame.Log == nil {
		e.log = nil
	} else {
		require.True(e.t, len(frame.Log) > 0 || frame.Cursor == e.cursor)
		if n := len(frame.Log); n > 0 {
			require.Equal(e.t, frame.Cursor, replica.Cursor(frame.Log[n-1]).String(), "the log ends with the cursor")
		}
	}
	e.log = append(e.log, frame.Log...)
	e.cursor = frame.Cursor
	for _, s := range frame.Scopes {
		scope := e.scopes[s.ID]
		if scope == nil {
			scope = newFolded()
			e.scopes[s.ID] = scope
		}
		scope.environment, scope.projects = s.Environment, s.Projects
		scope.apply(e.t, s.Events)
	}
}

// held are the subscriptions by which the edge resumes.
func (e *edge) held(secrets map[int]string) []link.Subscription {
	var subscriptions []link.Subscription
	for id, secret := range secrets {
		s := link.Subscription{ID: id, Token: secret}
		if known := e.scopes[id]; known != nil {
			s.Held, s.Environment, s.Projects = true, known.environment, known.projects
		}
		subscriptions = append(subscriptions, s)
	}
	return subscriptions
}

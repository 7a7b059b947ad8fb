package link_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

func TestAChangeComesInOneFrameForAllScopes(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.tokens.put("p1", token.Client, "production", "p1")
	n.tokens.put("p2", token.Client, "production", "p2")
	n.tokens.put("development", token.Client, "development", token.All)
	e := n.open(t, link.Subscription{ID: 1, Token: "all"}, link.Subscription{ID: 2, Token: "p1"},
		link.Subscription{ID: 3, Token: "p2"}, link.Subscription{ID: 4, Token: "development"})
	require.Equal(t, "1.2.3", e.others[0].Version)
	require.Positive(t, e.others[0].AckEvery)

	first := e.next(link.TypeChanges)
	require.Nil(t, first.Log, "nobody can resume from before")
	require.Len(t, first.Scopes, 4)
	require.Equal(t, link.ScopeEvents{ID: 2, Environment: "production", Projects: []string{"p1"}, Events: first.Scopes[1].Events}, first.Scopes[1])

	n.put("flag1", "p1")
	second := e.next(link.TypeChanges)
	require.Equal(t, n.store.Cursor().String(), second.Cursor)
	require.True(t, n.store.View().At().Equal(*second.At))
	require.Equal(t, []link.LogRow{link.LogRow(n.store.Cursor())}, second.Log)
	var ids []int
	for _, s := range second.Scopes {
		ids = append(ids, s.ID)
	}
	require.Equal(t, []int{1, 2, 4}, ids, "what a scope does not see is not in it")
}

func TestAScopeThatJoinsStartsWithEverything(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.tokens.put("p1", token.Client, "production", "p1")
	e := n.open(t, link.Subscription{ID: 1, Token: "all"})
	e.next(link.TypeChanges)
	before := e.cursor

	e.send(link.FromEdge{Type: link.TypeJoin, Scopes: []link.Subscription{{ID: 2, Token: "p1"}}})
	frame := e.next(link.TypeChanges)
	require.Equal(t, before, frame.Cursor)
	require.NotNil(t, frame.Log, "the others' history goes on")
	require.Empty(t, frame.Log)
	require.Len(t, frame.Scopes, 1)
	require.Equal(t, 2, frame.Scopes[0].ID)
	require.Contains(t, e.scopes[2].flags, "flag1")

	e.send(link.FromEdge{Type: link.TypeLeave, IDs: []int{1}})
	e.send(link.FromEdge{Type: link.TypeJoin, Scopes: []link.Subscription{{ID: 3, Token: "p1"}}})
	e.next(link.TypeChanges)
	n.put("flag1", "p1")
	require.Len(t, e.next(link.TypeChanges).Scopes, 2, "the scope that has left is told nothing")
}

func TestAnEdgeThatMissedNothingIsToldSoAtOnce(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	e := n.open(t, link.Subscription{ID: 1, Token: "all"})
	e.next(link.TypeChanges)
	again := n.dial(t, "all")
	again.scopes = e.scopes
	again.hello(e.cursor, again.held(map[int]string{1: "all"})...)
	frame := again.next(link.TypeChanges)
	require.Equal(t, e.cursor, frame.Cursor)
	require.NotNil(t, frame.Log)
	require.Empty(t, frame.Log)
	require.Empty(t, frame.Scopes)
}

func TestWhatAnEdgeHoldsOfAnotherScopeDoesNotCount(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.tokens.put("some", token.Client, "production", "p1")
	e := n.open(t, link.Subscription{ID: 1, Token: "some"})
	e.next(link.TypeChanges)
	n.tokens.put("some", token.Client, "production", "p1", "p2")
	n.put("flag0", "p0")
	n.put("flag0", "p0")

	again := n.dial(t, "all")
	again.scopes = e.scopes
	again.hello(e.cursor, again.held(map[int]string{1: "some"})...)
	frame := again.next(link.TypeChanges)
	require.Contains(t, string(frame.Scopes[0].Events), "hydration")
	require.Equal(t, []string{"p1", "p2"}, frame.Scopes[0].Projects)
	require.Equal(t, []link.LogRow{link.LogRow(n.store.Cursor())}, frame.Log, "nobody resumes from where something may have come and gone")
}

func TestTheLogLeavesOutWhatNobodyCanResumeFrom(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.tokens.put("p1", token.Client, "production", "p1")
	e := n.open(t, link.Subscription{ID: 1, Token: "all"})
	narrow := n.open(t, link.Subscription{ID: 1, Token: "p1"})
	e.next(link.TypeChanges)
	narrow.next(link.TypeChanges)
	// Two transactions at once: what was in the project between them, nobody knows.
	n.mu.Lock()
	n.versions["flag1"]++
	rows := []replica.Row{n.row(replica.KindFeature, "flag1", "p1"), n.row(replica.KindProject, "p9", "p9")}
	n.apply(rows, []string{"flag1"}, nil)
	n.mu.Unlock()
	require.Equal(t, []link.LogRow{{Revision: rows[1].Revision, Mark: rows[1].Mark}}, e.next(link.TypeChanges).Log)
	require.Len(t, narrow.next(link.TypeChanges).Log, 2, "who does not see the project can")
}

func TestTheFleetKnowsWhatEdgesHold(t *testing.T) {
	t.Parallel()
	registry := fleet.New(fleet.Config{})
	n := newNode(t, func(c *link.Config) {
		c.Fleet = registry
		registry.Follow(c.Store)
	})
	n.tokens.put("p1", token.Client, "production", "p1")
	edge := func(is func(fleet.EdgePart) bool) {
		t.Helper()
		require.Eventually(t, func() bool {
			edges := registry.Edges()
			return len(edges) == 1 && is(edges[0])
		}, patience, time.Millisecond)
	}
	e := n.open(t, link.Subscription{ID: 1, Token: "all"}, link.Subscription{ID: 2, Token: "p1"})
	frame := e.next(link.TypeChanges)
	edge(func(p fleet.EdgePart) bool { return p.Instance == "one" && p.App == "edge" && p.Held() == 0 })
	e.send(link.FromEdge{Type: link.TypeAck, Cursor: frame.Cursor})
	edge(func(p fleet.EdgePart) bool { return p.Held() == n.store.Cursor().Revision })
	before := n.store.Cursor().Revision
	n.put("flag1", "p1")
	frame = e.next(link.TypeChanges)
	edge(func(p fleet.EdgePart) bool { return p.Held() == before })
	e.send(link.FromEdge{Type: link.TypeAck, Cursor: frame.Cursor})
	edge(func(p fleet.EdgePart) bool { return p.Held() == n.store.Cursor().Revision })
	_ = e.ws.Close()
	require.Eventually(t, func() bool { return len(registry.Edges()) == 0 }, patience, time.Millisecond)
}

func TestARestoredHistoryStartsOver(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.tokens.put("development", token.Client, "development", token.All)
	e := n.open(t, link.Subscription{ID: 1, Token: "all"}, link.Subscription{ID: 2, Token: "development"})
	e.next(link.TypeChanges)
	n.put("flag1", "p1")
	e.next(link.TypeChanges)

	n.mu.Lock()
	n.versions["flag1"] = 7
	s := n.snapshot()
	s.Forked = true
	n.store.Reset(s)
	n.remember()
	n.mu.Unlock()
	frame := e.next(link.TypeChanges)
	require.Equal(t, n.store.Cursor().String(), frame.Cursor, "the same place, of another history")
	require.Nil(t, frame.Log)
	require.Len(t, frame.Scopes, 2)
	require.Contains(t, e.scopes[2].flags["flag1"], "version 7")

	n.mu.Lock()
	n.log, n.revision = n.log[:1], n.log[0].Revision // an older backup
	n.versions["flag1"] = 8
	n.store.Reset(n.snapshot())
	n.remember()
	n.mu.Unlock()
	frame = e.next(link.TypeChanges)
	require.Equal(t, n.store.Cursor().String(), frame.Cursor)
	require.Nil(t, frame.Log)
	require.Contains(t, e.scopes[1].flags["flag1"], "version 8")

	n.put("flag2", "p2")
	e.next(link.TypeChanges)
	require.Equal(t, truth(t, n.store.View(), token.NewScope("production", token.All)).flags, e.scopes[1].flags)
}

func TestAnEdgeThatIsFurtherThanTheServerWaitsForIt(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	e := n.open(t, link.Subscription{ID: 1, Token: "all"})
	e.next(link.TypeChanges)

	// Another server has seen this row already.
	n.mu.Lock()
	row := n.row(replica.KindFeature, "flag1", "p1")
	n.mu.Unlock()
	again := n.dial(t, "all")
	again.scopes = e.scopes
	again.hello(replica.Cursor{Revision: row.Revision, Mark: row.Mark}.String(), again.held(map[int]string{1: "all"})...)
	again.send(link.FromEdge{Type: link.TypeWatch, Tokens: []string{link.Watched(token.Hash("nobody's"), nil)}})
	again.next(link.TypeToken) // the hello has been read
	n.mu.Lock()
	n.versions["flag1"]++
	n.apply([]replica.Row{row}, []string{"flag1"}, nil)
	n.mu.Unlock()
	frame := again.next(link.TypeChanges)
	require.Equal(t, 1, again.frames)
	require.NotNil(t, frame.Log, "it goes on")
	require.Empty(t, frame.Scopes)
}

func TestAnEdgeThatKnowsWhatIsNoMoreStartsOver(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	e := n.dial(t, "all")
	e.scopes[1] = &folded{environment: "production", projects: []string{token.All}, flags: map[string]string{"gone": ""}, segments: map[int]string{}}
	e.hello("9999-00000001", e.held(map[int]string{1: "all"})...)
	frame := e.next(link.TypeChanges)
	require.Nil(t, frame.Log)
	require.NotContains(t, e.scopes[1].flags, "gone")
}

func TestTheCursorMovesWithoutNews(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(c *link.Config) { c.Heartbeat = 4 * time.Second })
	n.tokens.put("p1", token.Client, "production", "p1")
	e := n.open(t, link.Subscription{ID: 1, Token: "p1"})
	e.next(link.TypeChanges)
	n.put("flag0", "p0") // not in the scope, but in its environment
	n.put("flag0", "p0")
	frame := e.next(link.TypeChanges)
	require.Empty(t, frame.Scopes)
	require.Len(t, frame.Log, 2)
	n.silent()
	frame = e.next(link.TypeChanges)
	require.Empty(t, frame.Scopes)
	require.Equal(t, n.store.Cursor().String(), frame.Cursor)
}

func TestEnvironmentsComeAndGo(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.tokens.put("staging", token.Client, "staging", token.All)
	e := n.open(t, link.Subscription{ID: 1, Token: "all"}, link.Subscription{ID: 2, Token: "staging"})
	refused := e.next(link.TypeRefused)
	require.Equal(t, 2, refused.ID)
	require.Equal(t, http.StatusServiceUnavailable, refused.Status)
	require.NotEmpty(t, refused.Message)

	n.environment("staging", true)
	e.send(link.FromEdge{Type: link.TypeJoin, Scopes: []link.Subscription{{ID: 2, Token: "staging"}}})
	for e.scopes[2] == nil {
		e.next(link.TypeChanges)
	}
	require.Contains(t, e.scopes[2].flags, "flag1")

	n.environment("staging", false)
	require.Equal(t, 2, e.next(link.TypeRefused).ID)
	n.put("flag1", "p1")
	frame := e.next(link.TypeChanges)
	require.Len(t, frame.Scopes, 1)
	require.Equal(t, 1, frame.Scopes[0].ID)
}

func TestAnEdgeWithNothingButMissingEnvironmentsMayAskAgain(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.tokens.put("staging", token.Client, "staging", token.All)
	var all []link.Subscription
	for id := range link.MaxScopes {
		all = append(all, link.Subscription{ID: id, Token: "staging"})
	}
	e := n.open(t, all...)
	for range all {
		e.next(link.TypeRefused)
	}
	n.environment("staging", true)
	e.send(link.FromEdge{Type: link.TypeJoin, Scopes: all})
	for e.scopes[link.MaxScopes-1] == nil {
		e.next(link.TypeChanges)
	}
}

func TestRefusalsBeforeTheUpgrade(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(c *link.Config) { c.MaxLinks, c.MaxLinksPerToken = 2, 1 })
	n.tokens.put("frontend", token.Frontend, "production", token.All)
	n.tokens.put("p1", token.Client, "production", "p1")
	n.tokens.put("p2", token.Client, "production", "p2")
	status := func(secret string, header http.Header) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.url+link.Path, nil)
		require.NoError(t, err)
		request.Header = header
		request.Header.Set("Authorization", secret)
		response, err := http.DefaultTransport.RoundTrip(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		if response.StatusCode == http.StatusTooManyRequests {
			require.NotEmpty(t, response.Header.Get("Retry-After"))
		}
		return response.StatusCode
	}
	upgrade := func() http.Header {
		return http.Header{
			"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="},
		}
	}
	require.Equal(t, http.StatusUnauthorized, status("", upgrade()))
	require.Equal(t, http.StatusUnauthorized, status("nobody's", upgrade()))
	require.Equal(t, http.StatusForbidden, status("frontend", upgrade()))
	require.Equal(t, http.StatusBadRequest, status("all", http.Header{}))
	n.open(t, link.Subscription{ID: 1, Token: "all"})
	require.Equal(t, http.StatusTooManyRequests, status("all", upgrade()), "one a token")
	e := n.dial(t, "p1")
	require.Equal(t, http.StatusTooManyRequests, status("p2", upgrade()), "two in all")
	require.NoError(t, e.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(patience)))
	require.Equal(t, websocket.CloseNormalClosure, e.closed())
	require.Eventually(t, func() bool { return n.links.Links() == 1 }, patience, time.Millisecond, "the place is free again")
	n.dial(t, "p2")

	empty := newWorld()
	n.world = empty
	n.links = link.New(link.Config{Store: empty.store, Tokens: n.tokens})
	n.serve(t)
	require.Equal(t, http.StatusServiceUnavailable, status("all", upgrade()), "nothing is loaded yet")
}

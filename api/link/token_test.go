package link_test

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/token"
)

func TestAScopeLeavesWithItsToken(t *testing.T) {
	t.Parallel()
	for state, status := range map[link.TokenState]int{
		link.Revoked: http.StatusUnauthorized, link.Expired: http.StatusUnauthorized, link.Changed: http.StatusServiceUnavailable,
	} {
		t.Run(string(state), func(t *testing.T) {
			t.Parallel()
			n := newNode(t)
			n.tokens.put("p1", token.Client, "production", "p1")
			e := n.open(t, link.Subscription{ID: 1, Token: "all"}, link.Subscription{ID: 2, Token: "p1"})
			e.next(link.TypeChanges)
			n.tokens.remove("p1")
			n.links.TokenChanged("p1", state)
			n.put("flag1", "p1")
			refused := e.next(link.TypeRefused)
			require.Equal(t, 2, refused.ID)
			require.Equal(t, status, refused.Status)
			require.Equal(t, 1, e.frames, "nothing came before it")
			for e.cursor != n.store.Cursor().String() {
				for _, s := range e.next(link.TypeChanges).Scopes {
					require.Equal(t, 1, s.ID)
				}
			}
			if state == link.Changed { // it sees something else now
				n.tokens.put("p1", token.Client, "production", "p2")
				e.send(link.FromEdge{Type: link.TypeJoin, Scopes: []link.Subscription{{ID: 2, Token: "p1"}}})
				require.Equal(t, []string{"p2"}, e.next(link.TypeChanges).Scopes[0].Projects)
			}
		})
	}
}

func TestALinkWithoutScopesEnds(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.tokens.put("p1", token.Client, "production", "p1")
	e := n.open(t, link.Subscription{ID: 1, Token: "all"}, link.Subscription{ID: 2, Token: "p1"})
	e.next(link.TypeChanges)
	n.tokens.remove("p1")
	n.links.TokenChanged("p1", link.Revoked)
	n.tokens.remove("all")
	n.links.TokenChanged("all", link.Revoked)
	require.Equal(t, sse.Revoked.Code(), e.closed())
	require.Len(t, e.others, 3, "the welcome, and why each scope left")

	n.tokens.put("all", token.Client, "production", token.All)
	e = n.open(t, link.Subscription{ID: 1, Token: "nobody's"})
	require.Equal(t, sse.Revoked.Code(), e.closed())
	require.Equal(t, http.StatusUnauthorized, e.others[1].Status)
}

func TestTokensThatCannotBeScopesAreRefused(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.tokens.put("frontend", token.Frontend, "production", token.All)
	e := n.open(t, link.Subscription{ID: 1, Token: "all"}, link.Subscription{ID: 2, Token: "frontend"},
		link.Subscription{ID: 3, Token: "denied"}, link.Subscription{ID: 4, Token: "nobody's"}, link.Subscription{ID: 5})
	statuses := map[int]int{}
	for range 4 {
		refused := e.next(link.TypeRefused)
		statuses[refused.ID] = refused.Status
		require.NotEmpty(t, refused.Message)
	}
	require.Equal(t, map[int]int{2: 403, 3: 403, 4: 401, 5: 401}, statuses)

	n.tokens.mu.Lock()
	n.tokens.broken = true
	n.tokens.mu.Unlock()
	e.send(link.FromEdge{Type: link.TypeJoin, Scopes: []link.Subscription{{ID: 6, Token: "all"}}})
	require.Equal(t, http.StatusServiceUnavailable, e.next(link.TypeRefused).Status)
}

func TestATokenThatIsRevokedWhileItJoinsIsRefused(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.tokens.put("p1", token.Client, "production", "p1")
	var asked atomic.Int32
	n.tokens.asked = func(sum [32]byte) {
		if sum == token.Hash("p1") && asked.Add(1) == 2 { // it was good the first time
			n.tokens.remove("p1")
			n.links.TokenChanged("p1", link.Revoked)
		}
	}
	e := n.open(t, link.Subscription{ID: 1, Token: "all"}, link.Subscription{ID: 2, Token: "p1"})
	require.Equal(t, 2, e.next(link.TypeRefused).ID)
	require.Len(t, e.next(link.TypeChanges).Scopes, 1)
}

func TestAScopeExpiresWithItsToken(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	known := n.tokens.put("short", token.Client, "production", "p1")
	known.ExpiresAt = time.Now().Add(300 * time.Millisecond)
	e := n.open(t, link.Subscription{ID: 1, Token: "all"}, link.Subscription{ID: 2, Token: "short"})
	e.next(link.TypeChanges)
	require.Eventually(t, func() bool { return known.Expired(time.Now()) }, patience, time.Millisecond)
	n.put("flag1", "p1") // before anybody says that it has expired
	require.Equal(t, http.StatusUnauthorized, e.next(link.TypeRefused).Status)
	require.Len(t, e.next(link.TypeChanges).Scopes, 1)
}

func TestWatchedTokensAreToldOfAtOnce(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	e := n.open(t, link.Subscription{ID: 1, Token: "all"})
	other := n.open(t, link.Subscription{ID: 1, Token: "all"})
	var names []string
	for i := range 4 {
		secret := fmt.Sprint("frontend", i)
		n.tokens.put(secret, token.Frontend, "production", "p1")
		names = append(names, link.Watched(token.Hash(secret), nil))
	}
	for _, one := range []*edge{e, other} {
		one.send(link.FromEdge{Type: link.TypeWatch, Tokens: append(names, link.Watched(token.Hash("nobody's"), nil))})
		require.Equal(t, link.Unknown, one.next(link.TypeToken).State) // the others are on the books now
	}
	other.send(link.FromEdge{Type: link.TypeUnwatch, Tokens: names[:1]})
	other.send(link.FromEdge{Type: link.TypeWatch, Tokens: []string{link.Watched(token.Hash("nobody's"), nil)}})
	other.next(link.TypeToken)

	for i, state := range []link.TokenState{link.Revoked, link.Expired, link.Changed} {
		secret := fmt.Sprint("frontend", i)
		n.links.TokenChanged(secret, state)
		sum := token.Hash(secret)
		for _, one := range []*edge{e, other} {
			if one == other && i == 0 {
				continue // no longer watched there
			}
			told := one.next(link.TypeToken)
			require.Equal(t, state, told.State)
			require.Equal(t, hex.EncodeToString(sum[:]), told.Hash)
		}
	}
	n.links.TokenChanged("frontend0", link.Revoked) // nobody watches it any more
	n.links.TokenChanged("frontend3", link.Revoked)
	sum := token.Hash("frontend3")
	require.Equal(t, hex.EncodeToString(sum[:]), other.next(link.TypeToken).Hash)
	require.Equal(t, hex.EncodeToString(sum[:]), e.next(link.TypeToken).Hash)
}

func TestAWatchTellsWhatTheEdgeHasMissed(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	e := n.open(t, link.Subscription{ID: 1, Token: "all"})
	earlier := n.tokens.put("changed", token.Frontend, "production", "p1")
	same := n.tokens.put("same", token.Frontend, "production", "p2", "p1")
	n.tokens.put("changed", token.Frontend, "production", "p2")
	e.send(link.FromEdge{Type: link.TypeWatch, Tokens: []string{
		link.Watched(token.Hash("same"), &token.Token{ID: "by another name", Kind: same.Kind, Scope: token.NewScope("production", "p1", "p2")}),
		link.Watched(token.Hash("changed"), earlier),
	}})
	sum := token.Hash("changed")
	told := e.next(link.TypeToken)
	require.Equal(t, hex.EncodeToString(sum[:]), told.Hash)
	require.Equal(t, link.Changed, told.State)
	n.links.TokenChanged("changed", link.Revoked) // the watch has ended
	n.links.TokenChanged("same", link.Revoked)
	require.Equal(t, link.Revoked, e.next(link.TypeToken).State)
}

func TestALinkWatchesSoManyTokensAndNoMore(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	e := n.open(t, link.Subscription{ID: 1, Token: "all"})
	watch := func(from, to int) {
		var names []string
		for i := from; i < to; i++ {
			sum := [32]byte{0: byte(i), 1: byte(i >> 8), 2: byte(i >> 16)}
			n.tokens.mu.Lock()
			n.tokens.valid[sum] = &token.Token{ID: strconv.Itoa(i), Kind: token.Frontend}
			n.tokens.mu.Unlock()
			names = append(names, link.Watched(sum, nil))
		}
		e.send(link.FromEdge{Type: link.TypeWatch, Tokens: names})
	}
	const step = 10_000
	for from := 0; from < link.MaxWatches; from += step {
		watch(from, from+step)
	}
	e.send(link.FromEdge{Type: link.TypeWatch, Tokens: []string{strings.Repeat("f", 64)}})
	require.Equal(t, link.Unknown, e.next(link.TypeToken).State, "all of them are watched")
	watch(link.MaxWatches, link.MaxWatches+1)
	require.Equal(t, sse.Misbehaved.Code(), e.closed())
}

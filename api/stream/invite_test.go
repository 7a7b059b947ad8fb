package stream

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/token"
)

type anyToken struct{}

// Token implements api.Tokens: a secret is its own token.
func (anyToken) Token(_ context.Context, secret string) (*token.Token, error) {
	return &token.Token{ID: secret, Kind: token.Client}, nil
}

// from is a request of a client, past the token check.
func from(t *testing.T, secret, connection string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", secret)
	r.Header.Set("Unleash-Connection-Id", connection)
	var checked *http.Request
	api.RequireToken(anyToken{}, token.Client)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		checked = r
	})).ServeHTTP(httptest.NewRecorder(), r)
	require.NotNil(t, checked)
	return checked
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	room := func(n int) func() int { return func() int { return n } }

	t.Run("GoToRefusedClientsOnlyAndOnce", func(t *testing.T) {
		t.Parallel()
		w := newWaiting()
		one := from(t, "a", "1")
		require.False(t, w.invite(one, room(9)), "it polls by choice")
		w.refused(one)
		require.False(t, w.invite(one, room(0)), "there is no room yet")
		require.False(t, w.invite(from(t, "a", "2"), room(9)))
		require.False(t, w.invite(from(t, "b", "1"), room(9)), "another token's client")
		require.True(t, w.invite(one, room(1)))
		require.False(t, w.invite(one, room(9)))
	})
	t.Run("KeepAPlaceForThoseWhoAreOnTheirWay", func(t *testing.T) {
		t.Parallel()
		w := newWaiting()
		now := time.Now()
		w.now = func() time.Time { return now }
		clients := make([]*http.Request, 4)
		for i := range clients {
			clients[i] = from(t, "a", strconv.Itoa(i))
			w.refused(clients[i])
		}
		require.True(t, w.invite(clients[0], room(1)))
		require.False(t, w.invite(clients[1], room(1)), "the only place is kept")
		require.True(t, w.invite(clients[1], room(2)))
		w.admitted(clients[0])
		require.True(t, w.invite(clients[2], room(2)), "who has come counts in room")
		require.False(t, w.invite(clients[3], room(2)))
		now = now.Add(invitationHolds + time.Second)
		require.True(t, w.invite(clients[3], room(1)), "who does not come loses the place")
	})
	t.Run("AreNotForClientsThatStreamAgain", func(t *testing.T) {
		t.Parallel()
		w := newWaiting()
		one := from(t, "a", "1")
		w.refused(one)
		w.admitted(one)
		require.False(t, w.invite(one, room(9)))
		require.False(t, w.any.Load(), "nothing is left to look for")
	})
	t.Run("AreNotForClientsThatCannotBeToldApart", func(t *testing.T) {
		t.Parallel()
		w := newWaiting()
		for _, id := range []string{"", string(make([]byte, maxConnectionID+1))} {
			w.refused(from(t, "a", id))
			require.False(t, w.invite(from(t, "a", id), room(9)))
		}
	})
	t.Run("ForgetFirstWhoNoLongerPolls", func(t *testing.T) {
		t.Parallel()
		w := newWaiting()
		now := time.Now()
		w.now = func() time.Time { return now }
		for i := range maxWaiting - 1 {
			w.clients["gone "+strconv.Itoa(i)] = now
		}
		polls, late, later := from(t, "a", "polls"), from(t, "a", "late"), from(t, "a", "later")
		w.refused(polls)
		w.refused(late)
		require.False(t, w.invite(late, room(9)), "there is no memory left")
		now = now.Add(waitingFor + time.Second)
		require.False(t, w.invite(polls, room(0)))
		w.refused(later)
		require.Len(t, w.clients, 2)
		require.True(t, w.invite(polls, room(9)))
		require.True(t, w.invite(later, room(9)))
	})
}

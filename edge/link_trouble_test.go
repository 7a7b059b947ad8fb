package edge

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

func TestLinkIsTriedAgain(t *testing.T) {
	t.Parallel()
	everything := token.NewScope("production", token.All)

	t.Run("WhereTheServerDidNotKnowIt", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := twoEnvironmentsOn(t, newPipes())
			s.without.Store(true)
			r := startReplica(t, s, nil, secretDevelopment, secretProduction)
			defer r.stop()
			soon(t, func() bool { return r.all(Streaming) })
			advance(time.Hour)
			asked := s.times(link.Path)
			require.LessOrEqual(t, asked, 6, "not often")
			require.GreaterOrEqual(t, asked, 2)
			require.Equal(t, 2, s.times("/api/client/streaming"), "and without breaking the streams")
			s.without.Store(false)
			advance(80 * time.Minute)
			require.True(t, r.all(Link))
			head := s.put("production", "a", made("a", "one", true))
			synctest.Wait()
			require.Equal(t, head, r.store.Cursor(), "and the server's history is the edge's")
			require.Equal(t, etag(s.store, everything), etag(r.store, everything))
		})
	})

	t.Run("WhereTheServerWasAway", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := twoEnvironmentsOn(t, newPipes())
			r := startReplica(t, s, nil, secretDevelopment, secretProduction)
			defer r.stop()
			soon(t, func() bool { return r.all(Link) })
			r.wire.cut(true)
			advance(20 * time.Minute)
			require.False(t, r.Status()[0].Connected)
			require.NoError(t, r.Ready(), "what there is is served")
			head := s.put("production", "a", made("a", "one", true))
			came := r.wire.hydrations.Load()
			r.wire.cut(false)
			advance(2 * time.Minute)
			require.True(t, r.all(Link))
			require.Equal(t, head.Revision, r.store.Cursor().Revision)
			require.Equal(t, etag(s.store, everything), etag(r.store, everything))
			require.Equal(t, came, r.wire.hydrations.Load(), "with what has changed, and nothing else")
		})
	})

	t.Run("WithATokenThatIsAcceptedAgain", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			s := twoEnvironmentsOn(t, newPipes())
			r := startReplica(t, s, nil, secretOne, secretDevelopment)
			defer r.stop()
			soon(t, func() bool { return r.all(Link) })
			known := s.tokens.known[secretOne]
			s.tokens.remove(secretOne)
			s.links.TokenChanged(known.ID, link.Revoked)
			soon(t, func() bool { return r.Status()[0].Refused })
			s.put("production", "a", nil)
			s.put("production", "b", made("b", "two", true))
			s.tokens.set(secretOne, token.Client, known.Scope)
			advance(15 * time.Minute)
			require.True(t, r.all(Link))
			require.False(t, has(r.store, "production", "a"))
			require.NoError(t, r.Ready())
		})
	})
}

func TestLinkToAServerThatWasRestoredToAnOlderState(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := twoEnvironmentsOn(t, newPipes())
		r := startReplica(t, s, nil, secretProduction)
		defer r.stop()
		soon(t, func() bool { return r.all(Link) })
		for range 5 {
			s.put("production", "a", made("a", "one", true))
			s.put("production", "c", made("c", "one", true))
		}
		soon(t, func() bool { return r.caughtUp(s) })
		before := r.store.Cursor()

		older := snapshotAt(103, map[string][]replica.Feature{"production": {*made("a", "one", false), *made("b", "two", false)}})
		older.Log[0].Mark, older.Forked = 7, true
		s.reset(older)
		soon(t, func() bool { return r.caughtUp(s) && !has(r.store, "production", "c") })
		require.Greater(t, r.store.Cursor().Revision, before.Revision, "a number of its own")
		scope := token.NewScope("production", token.All)
		payload, resumed := r.store.State("production").Since(replica.Query{Scope: scope}, before)
		require.True(t, resumed, "clients get the difference")
		require.NotContains(t, string(payload.JSON), `"name":"b"`)
		require.Equal(t, etag(s.store, scope), etag(r.store, scope))

		for i := range 20 { // rows that do not concern it bring the server's numbers above the edge's
			s.put("development", "x", made("x", "one", i%2 == 0))
			advance(5 * time.Second)
		}
		head := s.put("production", "a", made("a", "one", true))
		soon(t, func() bool { return r.caughtUp(s) })
		require.Equal(t, head, r.store.Cursor(), "then they count again")
		require.Equal(t, etag(s.store, scope), etag(r.store, scope))
	})
}

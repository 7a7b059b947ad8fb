package link_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// moment is what an edge held at a cursor.
type moment struct {
	cursor string
	scopes map[int]*folded
}

func (e *edge) moment() moment {
	m := moment{e.cursor, map[int]*folded{}}
	for id, scope := range e.scopes {
		m.scopes[id] = scope.clone()
	}
	return m
}

func TestWhatEdgesFoldIsWhatTheStoreHolds(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	secrets := map[int]string{1: "all", 2: "one", 3: "two", 4: "development"}
	n.tokens.put("one", token.Client, "production", "p0")
	n.tokens.put("two", token.Client, "production", "p1", "p2")
	n.tokens.put("development", token.Client, "development", token.All)

	const steps, edges = 150, 2
	turns := make(chan struct{}) // the writer goes on when an edge has taken a frame, and now and then without
	var writing sync.WaitGroup
	writing.Go(func() {
		defer close(turns)
		for range steps {
			n.step()
			if rand.IntN(2) == 0 {
				select {
				case turns <- struct{}{}:
				case <-time.After(5 * time.Millisecond): // all of them wait for the next frame
				}
			}
		}
	})
	var reading sync.WaitGroup
	for range edges {
		reading.Go(func() { n.follow(t, secrets, turns) })
	}
	reading.Wait()
	writing.Wait()
}

// follow is an edge that breaks off now and then and comes back with what it held at any time before, and at every cursor
// holds what the store held there.
func (n *node) follow(t *testing.T, secrets map[int]string, turns <-chan struct{}) {
	t.Helper()
	var moments []moment
	e := n.open(t, (&edge{}).held(secrets)...)
	for running := true; running || e.cursor != n.store.Cursor().String(); {
		before := e.moment()
		frame := e.next(link.TypeChanges)
		view := n.view(e.cursor)
		require.NotNil(t, view, "cursors are those of whole transactions")
		for id, secret := range secrets {
			want := truth(t, view, n.tokens.valid[token.Hash(secret)].Scope)
			require.NotNil(t, e.scopes[id])
			require.Equal(t, want.flags, e.scopes[id].flags)
			require.Equal(t, want.segments, e.scopes[id].segments)
		}
		n.requireResumable(t, before, &frame, secrets)
		moments = append(moments, e.moment())
		if rand.IntN(8) == 0 {
			_ = e.ws.Close()
			e = n.dial(t, "all")
			back := moments[rand.IntN(len(moments))]
			switch rand.IntN(6) {
			case 0: // with nothing
				e.hello("", (&edge{}).held(secrets)...)
			case 1: // with what no history knows
				e.scopes = back.scopes
				e.hello("1-00000001", e.held(secrets)...)
			case 2: // with some of it
				e.scopes = maps.Clone(back.scopes)
				delete(e.scopes, 1+rand.IntN(4))
				e.hello(back.cursor, e.held(secrets)...)
			default:
				e.scopes = back.scopes
				e.hello(back.cursor, e.held(secrets)...)
			}
			moments = slices.Delete(moments, 0, len(moments)/2)
		}
		select {
		case _, running = <-turns:
		default:
		}
	}
}

// requireResumable checks the log of a frame: nothing is missing between the cursors, and whoever holds what the store held
// at one of its rows, and is told what the edge was told, holds what the store holds.
func (n *node) requireResumable(t *testing.T, before moment, frame *link.FromServer, secrets map[int]string) {
	t.Helper()
	if frame.Log == nil {
		return
	}
	events := map[int]link.ScopeEvents{}
	for _, s := range frame.Scopes {
		events[s.ID] = s
		if string(s.Events[:20]) == `[{"type":"hydration"`[:20] && before.scopes[s.ID] == nil {
			return // a scope that joins
		}
	}
	from, _ := replica.ParseCursor(before.cursor)
	to, _ := replica.ParseCursor(frame.Cursor)
	var rows []link.LogRow
	n.mu.Lock()
	for _, row := range n.log {
		if row.Revision > from.Revision && row.Revision <= to.Revision {
			rows = append(rows, link.LogRow{Revision: row.Revision, Mark: row.Mark})
		}
	}
	n.mu.Unlock()
	require.Equal(t, rows, slices.Clip(frame.Log), "every row is there")
	for _, row := range frame.Log {
		view := n.view(replica.Cursor(row).String())
		if view == nil {
			continue // within a transaction
		}
		for id, secret := range secrets {
			scope := n.tokens.valid[token.Hash(secret)].Scope
			other := truth(t, view, scope)
			if s, told := events[id]; told {
				other.apply(t, s.Events)
			}
			want := truth(t, n.view(frame.Cursor), scope)
			require.Equal(t, want.flags, other.flags)
			require.Equal(t, want.segments, other.segments)
		}
	}
}

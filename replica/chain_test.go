package replica

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/token"
)

// chained is a Store whose Source knows nothing but what another Store tells readers of everything, as edges do.
type chained struct {
	store    *Store
	world    *world                  // as the store should be
	segments map[string]map[int]bool // that each environment was told of
}

func everything(environment string) Query {
	return Query{Scope: token.NewScope(environment, token.All), Departures: true}
}

func decoded[T any](t *testing.T, raw json.RawMessage) T {
	t.Helper()
	var value T
	require.NoError(t, json.Unmarshal(raw, &value))
	return value
}

// follow brings the store up to another one, from where it is or else from nothing.
func (c *chained) follow(t *testing.T, upstream *follower) {
	t.Helper()
	view := upstream.store.View()
	rows, continues := view.RowsAfter(c.store.Cursor(), 10_000)
	if !continues || c.store.View() == nil {
		c.start(t, upstream.store)
		c.world = upstream.world
		return
	}
	if len(rows) == 0 {
		return
	}
	delta := Delta{EnvironmentsCreated: map[string][]Feature{}}
	for _, row := range rows {
		delta.Rows = append(delta.Rows, Row{Revision: row.Revision, Mark: row.Mark, Kind: KindSetting})
	}
	segments, removed := map[int]SegmentChange{}, []int{}
	for name, state := range view.states {
		payload, resumed := state.Since(everything(name), c.store.Cursor())
		known := c.store.State(name) != nil
		if !known || !resumed {
			features, held := wholeOf(t, state)
			for _, segment := range held {
				segments[segment.ID] = SegmentChange{ID: segment.ID, Segment: &segment, Revision: view.Cursor().Revision}
			}
			c.segments[name] = idsOf(held)
			delta.EnvironmentsCreated[name] = features
			if known {
				delta.EnvironmentsDeleted = append(delta.EnvironmentsDeleted, name)
			}
			continue
		}
		if payload == nil {
			continue
		}
		for _, e := range parseEvents(t, payload) {
			switch e.Type {
			case "feature-updated":
				f := decoded[Feature](t, e.Feature)
				delta.Features = append(delta.Features, FeatureChange{Environment: name, Name: f.Name, Feature: &f, Revision: e.EventID})
			case "feature-removed":
				delta.Features = append(delta.Features, FeatureChange{Environment: name, Name: e.FeatureName, Revision: e.EventID})
				delta.Departures = append(delta.Departures, Departure{name, e.FeatureName, e.Project, e.EventID})
			case "feature-left":
				delta.Departures = append(delta.Departures, Departure{name, e.FeatureName, e.Project, e.EventID})
			case "segment-updated":
				s := decoded[eval.Segment](t, e.Segment)
				segments[s.ID] = SegmentChange{ID: s.ID, Segment: &s, Revision: view.Cursor().Revision} // it may come with an older flag
				c.segments[name][s.ID] = true
			case "segment-removed":
				delete(c.segments[name], e.SegmentID)
				removed = append(removed, e.SegmentID)
			}
		}
	}
	for name := range c.store.View().states {
		if view.states[name] == nil {
			delta.EnvironmentsDeleted = append(delta.EnvironmentsDeleted, name)
			delete(c.segments, name)
		}
	}
	for _, id := range removed {
		if !slices.ContainsFunc(slices.Collect(maps.Values(c.segments)), func(told map[int]bool) bool { return told[id] }) {
			segments[id] = SegmentChange{ID: id, Revision: view.Cursor().Revision}
		}
	}
	delta.Segments = slices.Collect(maps.Values(segments))
	c.store.Apply(delta)
	c.world = upstream.world
}

// start takes everything from another store.
func (c *chained) start(t *testing.T, from *Store) {
	t.Helper()
	snapshot := Snapshot{Environments: map[string][]Feature{}}
	view := from.View()
	snapshot.Log = []Row{{Revision: view.Cursor().Revision, Mark: view.Cursor().Mark, Kind: KindSetting}}
	c.fill(t, view, &snapshot)
	c.store = NewStore(discard)
	c.store.Reset(snapshot)
}

// restart makes the store anew from what it would keep.
func (c *chained) restart(t *testing.T) {
	t.Helper()
	view := c.store.View()
	snapshot := Snapshot{Environments: map[string][]Feature{}, Log: view.Log(10_000)}
	c.fill(t, view, &snapshot)
	c.store = NewStore(discard)
	c.store.Reset(snapshot)
	require.Equal(t, view.Cursor(), c.store.Cursor())
}

func (c *chained) fill(t *testing.T, view *View, snapshot *Snapshot) {
	t.Helper()
	held := map[int]eval.Segment{}
	c.segments = map[string]map[int]bool{}
	for name, state := range view.states {
		features, segments := wholeOf(t, state)
		c.segments[name] = idsOf(segments)
		snapshot.Environments[name] = features
		for _, segment := range segments {
			held[segment.ID] = segment
		}
	}
	snapshot.Segments = slices.Collect(maps.Values(held))
}

func idsOf(segments []eval.Segment) map[int]bool {
	ids := map[int]bool{}
	for i := range segments {
		ids[segments[i].ID] = true
	}
	return ids
}

func wholeOf(t *testing.T, state *State) ([]Feature, []eval.Segment) {
	t.Helper()
	e := parseEvents(t, state.Hydration(everything(state.environment)))[0]
	features := make([]Feature, 0, len(e.Features))
	for _, raw := range e.Features {
		features = append(features, decoded[Feature](t, raw))
	}
	segments := make([]eval.Segment, 0, len(e.Segments))
	for _, raw := range e.Segments {
		segments = append(segments, decoded[eval.Segment](t, raw))
	}
	return features, segments
}

func TestCursorsMeanTheSameAlongAChainOfStores(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 7))
			w := newWorld(random)
			server := follow(w, 0)
			edges := []*chained{{store: NewStore(discard)}, {store: NewStore(discard)}}
			for _, edge := range edges {
				edge.follow(t, server)
			}
			clients := newClients(random, 30)
			for _, c := range clients {
				c.query.Tags, c.numeric = nil, false // edges are told neither tags nor forks of numbers
				c.witness(w)
			}
			reads, hydrations := 0, 0
			for range 150 {
				server.pending = append(server.pending, w.step())
				for _, c := range clients {
					c.witness(w)
				}
				if random.IntN(3) == 0 {
					server.feed(w)
				}
				for _, edge := range edges {
					switch n := random.IntN(40); {
					case n == 0:
						edge.restart(t)
					case n < 15:
						edge.follow(t, server)
					}
				}
				for _, c := range clients {
					store, truth := server.store, server.world
					if n := random.IntN(3); n < len(edges) {
						store, truth = edges[n].store, edges[n].world
					}
					st := store.State(c.query.Scope.Environment)
					if st == nil || st.Cursor().Revision < c.cursor.Revision || random.IntN(3) > 0 {
						continue
					}
					if _, resumed := st.Since(c.query, c.cursor); c.hydrated {
						reads++
						if !resumed {
							hydrations++
						}
					}
					c.sync(t, st)
					c.requireEqual(t, truth, false)
				}
			}
			t.Log("reads " + strconv.Itoa(reads) + ", of them hydrations " + strconv.Itoa(hydrations))
			require.Less(t, hydrations, reads/4)
		})
	}
}

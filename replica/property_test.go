package replica

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/token"
)

var discard = slog.New(slog.DiscardHandler)

func randomQuery(random *rand.Rand) Query {
	environment := pick(random, []string{"development", "development", "production", "test"})
	q := Query{Scope: pick(random, []token.Scope{
		token.NewScope(environment, "*"),
		token.NewScope(environment, "p1"),
		token.NewScope(environment, "p2"),
		token.NewScope(environment, "p1", "p2"),
		token.NewScope(environment, "p2", "p3"),
		token.NewScope(environment),
	})}
	if random.IntN(3) == 0 {
		q.NamePrefix = pick(random, []string{"a", "b", "a1"})
	}
	if random.IntN(4) == 0 {
		q.Tags = pick(random, [][]Tag{{{"simple", "a"}}, {{"team", "a"}, {"simple", "b"}}})
	}
	return q
}

func newClients(random *rand.Rand, count int) []*client {
	clients := make([]*client, count)
	for i := range clients {
		clients[i] = &client{query: randomQuery(random), numeric: random.IntN(4) == 0, seen: map[int]bool{}}
	}
	return clients
}

// history of a world and the stores that follow it, each as far as it has come.
type follower struct {
	store   *Store
	pending []*transaction
	world   *world // as the store should be
}

// feed hands the store what is pending, and the truth with it.
func (f *follower) feed(w *world) {
	if len(f.pending) == 0 {
		return
	}
	resync := false
	for _, tx := range f.pending {
		resync = resync || tx.resync
	}
	f.world = w.clone()
	if resync {
		f.store.Reset(w.snapshot(0))
	} else {
		f.store.Apply(w.delta(f.pending))
	}
	f.pending = nil
}

func follow(w *world, from int) *follower {
	f := &follower{store: NewStore(discard), world: w.clone()}
	f.store.Reset(w.snapshot(from))
	return f
}

func TestClientsThatApplyDeltasHoldExactlyTheirScope(t *testing.T) {
	t.Parallel()
	for seed := range uint64(16) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(random)
			f := follow(w, 0)
			clients := newClients(random, 30)
			for range 150 {
				f.pending = append(f.pending, w.step())
				for _, c := range clients {
					c.witness(w)
				}
				if random.IntN(3) > 0 {
					continue
				}
				switch random.IntN(40) {
				case 0: // a gap or a broken connection: the source reads everything anew
					f.pending = nil
					f.store.Reset(w.snapshot(random.IntN(len(w.log))))
					f.world = w.clone()
				default:
					f.feed(w)
				}
				for _, c := range clients {
					if st := f.store.State(c.query.Scope.Environment); st == nil {
						require.False(t, w.environments[c.query.Scope.Environment])
						c.hydrated = false
					} else if random.IntN(4) == 0 {
						c.witness(f.world)
						if c.hydrated && c.query.Scope.Environment != "test" { // which comes and goes
							_, resumed := st.Since(c.query, c.cursor)
							require.True(t, resumed, "whoever was told by this server need never start over")
						}
						c.sync(t, st)
						c.requireEqual(t, f.world, true)
					}
				}
			}
		})
	}
}

func TestClientsResumeAcrossServersRestartsAndForks(t *testing.T) {
	t.Parallel()
	for seed := range uint64(16) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 2))
			w := newWorld(random)
			nodes := []*follower{follow(w, 0), follow(w, 5), follow(w, len(w.log)-1)}
			clients := newClients(random, 30)
			for _, c := range clients {
				c.numeric = false // numbers cannot tell forks apart
			}
			for _, c := range clients {
				c.witness(w)
			}
			backup := w.clone()
			hydrations := 0
			for step := range 150 {
				tx := w.step()
				for _, c := range clients {
					c.witness(w)
				}
				for i, node := range nodes {
					node.pending = append(node.pending, tx)
					switch n := random.IntN(60); {
					case n == 0: // restart, perhaps with less of the log
						nodes[i] = follow(w, random.IntN(len(w.log)))
					case n < 20:
						node.feed(w)
					}
				}
				if step%40 == 39 { // the database is restored from a backup
					w, backup = backup, backup.clone()
					w.begin()
					w.row(KindSetting, "restored", "", "")
					for _, c := range clients {
						c.witness(w)
					}
					for i, node := range nodes {
						node.pending = nil
						if random.IntN(2) == 0 {
							nodes[i] = follow(w, random.IntN(len(w.log)))
							continue
						}
						snapshot := w.snapshot(0)
						snapshot.Forked = true
						node.store.Reset(snapshot)
						node.world = w.clone()
					}
				}
				for _, c := range clients {
					node := pick(random, nodes)
					st := node.store.State(c.query.Scope.Environment)
					if st == nil || random.IntN(3) > 0 {
						continue
					}
					if _, resumed := st.Since(c.query, c.cursor); !resumed {
						hydrations++
					}
					c.sync(t, st)
					c.requireEqual(t, node.world, false)
				}
			}
			require.Less(t, hydrations, 500, "of about 1,500 reads")
		})
	}
}

func TestEqualETagsMeanEqualContent(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 3))
			w := newWorld(random)
			nodes := []*follower{follow(w, 0), follow(w, 9), follow(w, len(w.log)-1)}
			queries := make([]FeaturesQuery, 12)
			for i := range queries {
				queries[i] = FeaturesQuery{Query: randomQuery(random), InlineSegments: random.IntN(3) == 0}
			}
			contents, tags := map[string]string{}, map[string]string{} // by hash of the tag, by content
			for range 120 {
				tx := w.step()
				for i, node := range nodes {
					node.pending = append(node.pending, tx)
					if n := random.IntN(60); n == 0 {
						nodes[i] = follow(w, random.IntN(len(w.log)))
					} else if n < 30 {
						node.feed(w)
					}
				}
				for _, q := range queries {
					node := pick(random, nodes)
					st := node.store.State(q.Scope.Environment)
					if st == nil {
						continue
					}
					body := st.Features(q)
					content := requireBody(t, node.world, &q, body)
					hash := body.ETag()[1 : 1+hashDigits]
					if known, found := contents[hash]; found {
						require.Equal(t, known, content)
					}
					if known, found := tags[content]; found {
						require.True(t, body.Matches(known), "the same flags have to match on every server")
					}
					contents[hash], tags[content] = content, body.ETag()
				}
			}
		})
	}
}

// requireBody checks a body against the world and returns what the tag is about: all of it but meta.
func requireBody(t *testing.T, w *world, q *FeaturesQuery, body *Body) string {
	t.Helper()
	var parsed struct {
		Features []json.RawMessage `json:"features"`
		Query    json.RawMessage   `json:"query"`
		Segments []json.RawMessage `json:"segments"`
		Meta     struct {
			RevisionID int64  `json:"revisionId"`
			ETag       string `json:"etag"`
		} `json:"meta"`
	}
	require.NoError(t, json.Unmarshal(body.Plain(), &parsed), string(body.Plain()))
	require.Equal(t, body.ETag(), parsed.Meta.ETag)
	require.Equal(t, body.Revision(), parsed.Meta.RevisionID)
	wanted, segments := w.selected(&q.Query)
	require.Len(t, parsed.Features, len(wanted))
	for _, raw := range parsed.Features {
		f := parseFeature(t, raw)
		require.Contains(t, wanted, f.Name)
		if !q.InlineSegments {
			require.JSONEq(t, wanted[f.Name], string(raw))
		}
		for _, s := range f.Strategies {
			require.False(t, q.InlineSegments && len(s.Segments) > 0)
		}
	}
	if q.InlineSegments {
		require.Nil(t, parsed.Segments)
	} else {
		require.Len(t, parsed.Segments, len(segments))
		for _, raw := range parsed.Segments {
			require.Equal(t, segments[segmentID(t, raw)], string(raw))
		}
	}
	content, err := json.Marshal([]any{parsed.Features, parsed.Query, parsed.Segments})
	require.NoError(t, err)
	return string(content)
}

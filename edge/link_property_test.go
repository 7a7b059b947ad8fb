package edge

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// reader is an SDK that goes from one node to another with its cursor and believes what it is told.
type reader struct {
	scope    token.Scope
	cursor   replica.Cursor
	hydrated bool
	features map[string]string
	segments map[int]string
}

// sync brings the reader up to date with a node, and reports whether it had to start over.
func (r *reader) sync(t *testing.T, store *replica.Store) (whole bool) {
	t.Helper()
	state := store.State(r.scope.Environment)
	if state == nil {
		return false
	}
	query := replica.Query{Scope: r.scope}
	payload, resumed := state.Since(query, r.cursor)
	if !r.hydrated || !resumed {
		payload, whole = state.Hydration(query), r.hydrated
		r.hydrated = true
	}
	r.cursor = state.Cursor()
	if payload == nil {
		return whole
	}
	d, err := parseDocument(payload.JSON)
	require.NoError(t, err)
	for _, e := range *d.Events {
		switch e.Type {
		case hydration:
			r.features, r.segments = map[string]string{}, map[int]string{}
			for _, raw := range *e.Features {
				r.features[nameOf(raw)] = string(raw)
			}
			for _, raw := range e.Segments {
				r.segment(t, raw)
			}
		case featureUpdated:
			r.features[nameOf(e.Feature)] = string(e.Feature)
		case featureRemoved:
			delete(r.features, e.FeatureName)
		case segmentUpdated:
			r.segment(t, e.Segment)
		case segmentRemoved:
			delete(r.segments, e.SegmentID)
		default:
			require.Fail(t, e.Type)
		}
	}
	return whole
}

func (r *reader) segment(t *testing.T, raw json.RawMessage) {
	t.Helper()
	segment, err := parseSegment(raw)
	require.NoError(t, err)
	r.segments[segment.ID] = string(raw)
}

// requireEqual compares with what another reader has that has just begun.
func (r *reader) requireEqual(t *testing.T, truth *replica.Store) {
	t.Helper()
	fresh := &reader{scope: r.scope}
	fresh.sync(t, truth)
	require.Equal(t, fresh.features, r.features, "%v", r.scope)
	for id, segment := range fresh.segments { // what nothing refers to may stay behind
		require.Equal(t, segment, r.segments[id])
	}
}

// write commits a random change.
func (s *server) write(random *rand.Rand) {
	environment := []string{"development", "production"}[random.IntN(2)]
	name := "f" + strconv.Itoa(random.IntN(6))
	if random.IntN(6) == 0 {
		id := random.IntN(3) + 1
		row := s.row(replica.KindSegment, strconv.Itoa(id), "", "")
		change := replica.SegmentChange{ID: id, Revision: row.Revision}
		if random.IntN(3) > 0 {
			change.Segment = &eval.Segment{ID: id, Name: "s", Constraints: []eval.Constraint{
				{ContextName: "userId", Operator: "IN", Values: []string{strconv.Itoa(random.IntN(3))}},
			}}
		}
		s.store.Apply(replica.Delta{Rows: []replica.Row{row}, Segments: []replica.SegmentChange{change}})
		return
	}
	if random.IntN(5) == 0 {
		s.put(environment, name, nil)
		return
	}
	feature := made(name, []string{"one", "two", "three"}[random.IntN(3)], random.IntN(2) == 0)
	if random.IntN(2) == 0 {
		feature.Strategies[0].Segments = []int{random.IntN(3) + 1}
	}
	s.put(environment, name, feature)
}

// caughtUp reports whether the link has brought all there is.
func (r *replicaOf) caughtUp(s *server) bool {
	cursor, _ := r.link.position()
	return r.all(Link) && cursor == s.store.Cursor().String()
}

// restart ends the replica and starts it from what it would have kept.
func (r *replicaOf) restart(t *testing.T, s *server, secrets []string) *replicaOf {
	t.Helper()
	content, err := gather(&backup{}, r.store, r.Upstream, newTokens(nil, slog.New(slog.DiscardHandler))).encode()
	require.NoError(t, err)
	r.stop()
	kept, err := decodeBackup(content)
	require.NoError(t, err)
	earlier, err := kept.position(func(hash) bool { return true }, false)
	require.NoError(t, err)
	return startReplicaAfter(t, s, earlier, kept.Environments, nil, secrets...)
}

func TestEdgesAndTheirClientsConvergeOverBrokenLinks(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { converge(t, rand.New(rand.NewPCG(seed, 11))) })
		})
	}
}

func converge(t *testing.T, random *rand.Rand) {
	t.Helper()
	s := twoEnvironmentsOn(t, newPipes())
	tokens := [][]string{{secretDevelopment, secretProduction}, {secretOne, secretTwo, secretDevelopment}}
	edges := []*replicaOf{startReplica(t, s, nil, tokens[0]...), startReplica(t, s, nil, tokens[1]...)}
	defer func() {
		for _, e := range edges {
			e.stop()
		}
	}()
	readers := []*reader{}
	for _, environment := range []string{"development", "production"} {
		for _, projects := range [][]string{{token.All}, {"one"}, {"two"}, {"one", "two"}, {"three"}} {
			readers = append(readers, &reader{scope: token.NewScope(environment, projects...)})
		}
	}
	nodes := func(r *reader) []*replica.Store {
		stores := []*replica.Store{s.store, edges[0].store}
		if _, loaded := edges[1].Covers(r.scope); loaded {
			stores = append(stores, edges[1].store)
		}
		return stores
	}
	syncs, wholes := 0, 0
	for round := range 30 {
		for range random.IntN(8) {
			s.write(random)
			switch i := random.IntN(len(edges)); random.IntN(8) {
			case 0:
				edges[i].wire.cut(false)
			case 1:
				edges[i].wire.cut(true)
			case 2:
				edges[i].wire.cut(false)
			}
			one := readers[random.IntN(len(readers))]
			if from := nodes(one); one.hydrated {
				one.sync(t, from[random.IntN(len(from))])
			}
		}
		for i, e := range edges {
			e.wire.cut(false)
			if round%10 == 9 {
				edges[i] = e.restart(t, s, tokens[i])
				e = edges[i]
			}
			soon(t, func() bool { return e.caughtUp(s) }, "edge %d at %v, server at %v", i, e.store.Cursor(), s.store.Cursor())
			for _, r := range readers {
				if slices.Contains(nodes(r), e.store) {
					require.Equal(t, etag(s.store, r.scope), etag(e.store, r.scope), "edge %d, %v", i, r.scope)
				}
			}
		}
		for _, r := range readers {
			from := nodes(r)
			syncs++
			if r.sync(t, from[random.IntN(len(from))]) {
				wholes++
			}
			r.requireEqual(t, s.store)
		}
	}
	require.Less(t, wholes, syncs/10, "of %d", syncs)
}

package eval_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

func TestSnapshot(t *testing.T) {
	t.Parallel()
	t.Run("ListsFeaturesInOrderOfName", func(t *testing.T) {
		t.Parallel()
		snapshot := eval.Compile([]eval.Feature{{Name: "b"}, {Name: "a", Enabled: true}, {Name: "c"}, {Name: "b", Enabled: true}}, nil)
		require.Equal(t, 3, snapshot.Len())
		require.Equal(t, map[string]bool{"a": true, "b": true, "c": false}, answers(snapshot, nil), "the last of two counts")
		var names []string
		snapshot.All(nil, func(c *eval.Compiled, _ eval.Result) bool {
			names = append(names, c.Name())
			return len(names) < 2
		})
		require.Equal(t, []string{"a", "b"}, names)
	})
	t.Run("LooksUpHandles", func(t *testing.T) {
		t.Parallel()
		snapshot := eval.Compile([]eval.Feature{{Name: "a", Enabled: true, Project: "p"}}, nil)
		handle := snapshot.Lookup("a")
		require.Equal(t, "p", handle.Feature().Project)
		require.True(t, handle.Enabled(nil))
		require.True(t, handle.Evaluate(nil).Enabled)
		require.Equal(t, "disabled", handle.Variant(nil).Name)
		require.Nil(t, snapshot.Lookup("b"))
		require.Nil(t, eval.Compile(nil, nil).Lookup("a"))
	})
	t.Run("LooksUpSegments", func(t *testing.T) {
		t.Parallel()
		snapshot := eval.Compile(nil, []eval.Segment{{ID: 7, Name: "beta"}})
		segment, ok := snapshot.Segment(7)
		require.True(t, ok)
		require.Equal(t, "beta", segment.Name)
		_, ok = snapshot.Segment(8)
		require.False(t, ok)
	})
	t.Run("LooksUpPropertiesBeyondTheCache", func(t *testing.T) {
		t.Parallel()
		features := make([]eval.Feature, 80)
		ctx := &eval.Context{Properties: map[string]string{}}
		for i := range features {
			name := "property-" + strconv.Itoa(i)
			ctx.Properties[name] = strconv.Itoa(i)
			features[i] = eval.Feature{Name: fmt.Sprintf("f%02d", i), Enabled: true, Strategies: []eval.Strategy{{
				Name: "default", Constraints: []eval.Constraint{
					{ContextName: name, Operator: "IN", Values: []string{strconv.Itoa(i)}},
					{ContextName: name, Operator: "NUM_EQ", Value: text(strconv.Itoa(i))},
				},
			}}}
		}
		snapshot := eval.Compile(features, nil)
		requireAllAgrees(t, snapshot, ctx)
		for name, on := range answers(snapshot, ctx) {
			require.True(t, on, name)
		}
	})
}

func answers(s *eval.Snapshot, ctx *eval.Context) map[string]bool {
	all := map[string]bool{}
	s.All(ctx, func(c *eval.Compiled, r eval.Result) bool {
		all[c.Name()] = r.Enabled
		return true
	})
	return all
}

func TestWithLeavesTheOldSnapshotAlone(t *testing.T) {
	t.Parallel()
	segmented := []eval.Strategy{{Name: "default", Segments: []int{1}}}
	before := eval.Compile([]eval.Feature{
		{Name: "child", Enabled: true, Dependencies: []eval.Dependency{{Feature: "parent"}}},
		{Name: "other", Enabled: true},
		{Name: "parent", Enabled: true},
		{Name: "segmented", Enabled: true, Strategies: segmented},
	}, []eval.Segment{{ID: 1}})
	after := before.With(eval.Change{
		Features:        []eval.Feature{{Name: "parent"}, {Name: "added", Enabled: true}},
		RemovedFeatures: []string{"unknown"},
		RemovedSegments: []int{1},
	})
	require.Equal(t, map[string]bool{"child": true, "other": true, "parent": true, "segmented": true}, answers(before, nil))
	require.Equal(t, map[string]bool{"added": true, "child": false, "other": true, "parent": false, "segmented": false}, answers(after, nil))
	require.Same(t, before.Lookup("other"), after.Lookup("other"), "what a change leaves alone is shared")

	again := after.With(eval.Change{
		RemovedFeatures: []string{"added", "parent", "other"},
		Features:        []eval.Feature{{Name: "parent", Enabled: true}},
		Segments:        []eval.Segment{{ID: 1}},
	})
	require.Equal(t, map[string]bool{"child": true, "parent": true, "segmented": true}, answers(again, nil), "removals come first")
}

// world draws features, segments and contexts from a small space, so that they refer to each other often.
type world struct{ *rand.Rand }

func (w world) name() string { return "f" + strconv.Itoa(w.IntN(12)) }

func (w world) constraint() eval.Constraint {
	return eval.Constraint{
		ContextName: "p" + strconv.Itoa(w.IntN(45)),
		Operator:    []string{"IN", "NOT_IN", "STR_CONTAINS", "NUM_GT", "NO_SUCH"}[w.IntN(5)],
		Values:      []string{strconv.Itoa(w.IntN(3))},
		Value:       text(strconv.Itoa(w.IntN(3))),
		Inverted:    w.IntN(3) == 0,
	}
}

func (w world) segment() eval.Segment {
	segment := eval.Segment{ID: w.IntN(4)}
	for range w.IntN(2) {
		segment.Constraints = append(segment.Constraints, w.constraint())
	}
	return segment
}

func (w world) feature() eval.Feature {
	feature := eval.Feature{Name: w.name(), Enabled: w.IntN(5) > 0}
	for range w.IntN(3) {
		s := eval.Strategy{Name: "flexibleRollout", Parameters: map[string]string{"rollout": strconv.Itoa(w.IntN(130)), "groupId": "g"}}
		for range w.IntN(2) {
			s.Constraints = append(s.Constraints, w.constraint())
		}
		for range w.IntN(2) {
			s.Segments = append(s.Segments, w.IntN(4))
		}
		feature.Strategies = append(feature.Strategies, s)
	}
	for i := range w.IntN(3) {
		feature.Variants = append(feature.Variants, eval.Variant{Name: "v" + strconv.Itoa(i), Weight: w.IntN(3)})
	}
	if w.IntN(3) == 0 {
		enabled := w.IntN(2) == 0
		feature.Dependencies = []eval.Dependency{{Feature: w.name(), Enabled: &enabled}}
		if w.IntN(2) == 0 {
			feature.Dependencies[0].Variants = []string{"v0"}
		}
	}
	return feature
}

func (w world) change() eval.Change {
	var change eval.Change
	for range w.IntN(3) {
		change.Features = append(change.Features, w.feature())
	}
	for range w.IntN(2) {
		change.RemovedFeatures = append(change.RemovedFeatures, w.name())
	}
	for range w.IntN(2) {
		change.Segments = append(change.Segments, w.segment())
	}
	if w.IntN(4) == 0 {
		change.RemovedSegments = append(change.RemovedSegments, w.IntN(4))
	}
	return change
}

func (w world) context() *eval.Context {
	ctx := &eval.Context{UserID: strconv.Itoa(w.IntN(100)), Properties: map[string]string{}}
	for i := range 45 {
		if w.IntN(3) > 0 {
			ctx.Properties["p"+strconv.Itoa(i)] = strconv.Itoa(w.IntN(3))
		}
	}
	return ctx
}

// TestWithEqualsCompilingTheMergedSet follows random changes on both ways.
func TestWithEqualsCompilingTheMergedSet(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		w := world{rand.New(rand.NewPCG(seed, 0))}
		features, segments := map[string]eval.Feature{}, map[int]eval.Segment{}
		snapshot := eval.Compile(nil, nil)
		for step := range 60 {
			change := w.change()
			snapshot = snapshot.With(change)
			for _, name := range change.RemovedFeatures {
				delete(features, name)
			}
			for _, feature := range change.Features {
				features[feature.Name] = feature
			}
			for _, id := range change.RemovedSegments {
				delete(segments, id)
			}
			for _, segment := range change.Segments {
				segments[segment.ID] = segment
			}
			merged := eval.Compile(slices.Collect(maps.Values(features)), slices.Collect(maps.Values(segments)))
			require.Equal(t, merged.Len(), snapshot.Len())
			for range 3 {
				requireSameAnswers(t, merged, snapshot, w.context(), seed, step)
			}
		}
	}
}

func requireSameAnswers(t *testing.T, want, got *eval.Snapshot, ctx *eval.Context, seed uint64, step int) {
	t.Helper()
	wanted := map[string]eval.VariantResult{}
	want.All(ctx, func(c *eval.Compiled, r eval.Result) bool {
		wanted[c.Name()] = r.VariantResult()
		return true
	})
	previous := ""
	got.All(ctx, func(c *eval.Compiled, r eval.Result) bool {
		require.Greater(t, c.Name(), previous, "seed %d step %d", seed, step)
		previous = c.Name()
		require.Equal(t, wanted[c.Name()], r.VariantResult(), "seed %d step %d feature %s", seed, step, c.Name())
		require.Same(t, c, got.Lookup(c.Name()))
		require.Equal(t, wanted[c.Name()], c.Variant(ctx))
		delete(wanted, c.Name())
		return true
	})
	require.Empty(t, wanted, "seed %d step %d", seed, step)
	for i := range 12 {
		name := "f" + strconv.Itoa(i)
		require.Equal(t, want.Lookup(name) == nil, got.Lookup(name) == nil)
	}
}

// TestConcurrentEvaluation gives the race detector something to see: readers on every snapshot while a writer derives
// the next ones, all with one shared context.
func TestConcurrentEvaluation(t *testing.T) {
	t.Parallel()
	w := world{rand.New(rand.NewPCG(7, 7))}
	ctx := w.context()
	snapshot := eval.Compile([]eval.Feature{w.feature(), w.feature(), w.feature()}, []eval.Segment{w.segment()})
	var readers sync.WaitGroup
	for range 30 {
		current := snapshot
		for range 3 {
			readers.Go(func() {
				for range 20 {
					current.All(ctx, func(c *eval.Compiled, r eval.Result) bool {
						return current.Enabled(c.Name(), ctx) == r.Enabled
					})
				}
			})
		}
		snapshot = snapshot.With(w.change())
	}
	readers.Wait()
}

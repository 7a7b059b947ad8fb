package eval

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMomentsAreWhereAnAnswerFlips(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 250e6, time.UTC)
	text, broken := at.Format(time.RFC3339Nano), "soon"
	after := Constraint{ContextName: "currentTime", Operator: "DATE_AFTER", Value: &text}
	before := Constraint{ContextName: "currentTime", Operator: "DATE_BEFORE", Value: &text, Inverted: true}
	strategy := func(constraints ...Constraint) Strategy { return Strategy{Name: "default", Constraints: constraints} }
	snapshot := Compile([]Feature{
		{Name: "after", Enabled: true, Strategies: []Strategy{strategy(after)}},
		{Name: "before", Enabled: true, Strategies: []Strategy{{Name: "default", Segments: []int{1}}}},
		{Name: "child", Enabled: true, Dependencies: []Dependency{{Feature: "after"}}},
		{Name: "off", Strategies: []Strategy{strategy(after)}},
		{Name: "broken", Enabled: true, Strategies: []Strategy{strategy(Constraint{Operator: "DATE_AFTER", Value: &broken})}},
	}, []Segment{{ID: 1, Constraints: []Constraint{before}}})
	for name, want := range map[string][]int64{
		"after": {at.UnixMilli() + 1}, "before": {at.UnixMilli()}, "child": {at.UnixMilli() + 1}, "off": nil, "broken": nil,
	} {
		moments := snapshot.Lookup(name).Moments(nil)
		require.Equal(t, want, moments, name)
		for _, moment := range moments {
			last, first := time.UnixMilli(moment-1), time.UnixMilli(moment)
			require.NotEqual(t, snapshot.Enabled(name, &Context{CurrentTime: last}), snapshot.Enabled(name, &Context{CurrentTime: first}), name)
		}
	}
}

func TestTheNextMomentIsStrictlyLater(t *testing.T) {
	t.Parallel()
	moments := []int64{10, 20}
	for now, want := range map[int64]int64{5: 10, 9: 10, 10: 20, 19: 20} {
		next, found := NextMoment(moments, time.UnixMilli(now))
		require.True(t, found)
		require.Equal(t, want, next.UnixMilli())
	}
	_, found := NextMoment(moments, time.UnixMilli(20))
	require.False(t, found)
}

func TestContextsWithATimeOfTheirOwnDoNotFollowTheClock(t *testing.T) {
	t.Parallel()
	var open, fixed, bad Context
	fixed.CurrentTime = time.Now()
	bad.SetCurrentTime("nonsense")
	require.False(t, open.FixesTime())
	require.True(t, fixed.FixesTime())
	require.True(t, bad.FixesTime())
}

func TestSnapshotsShareWhatDoesNotChange(t *testing.T) {
	t.Parallel()
	snapshot := Compile([]Feature{
		{Name: "a", Enabled: true},
		{Name: "b", Enabled: true, Dependencies: []Dependency{{Feature: "a"}}},
		{Name: "c", Enabled: true, Strategies: []Strategy{{Name: "default", Segments: []int{1}}}},
		{Name: "d"},
	}, []Segment{{ID: 1}})
	require.Same(t, snapshot, snapshot.With(Change{}))
	fresh := func(change Change) (names []string) {
		for _, c := range snapshot.With(change).Features() {
			if !slices.Contains(snapshot.Features(), c) {
				names = append(names, c.Name())
			}
		}
		return names
	}
	require.Equal(t, []string{"a", "b"}, fresh(Change{Features: []Feature{{Name: "a"}}}))
	require.Equal(t, []string{"c"}, fresh(Change{RemovedSegments: []int{1}}))
	require.Equal(t, []string{"d"}, fresh(Change{Features: []Feature{{Name: "d", Enabled: true}}}))
}

package fleet_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// world is a registry with a clock that the test sets.
type world struct {
	*fleet.Registry
	t       *testing.T
	now     time.Time
	streams []fleet.Group
}

func newWorld(t *testing.T, node string) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w.Registry = fleet.New(fleet.Config{
		Node: node, Now: func() time.Time { return w.now }, Streams: func(context.Context) []fleet.Group { return w.streams },
	})
	return w
}

func (w *world) wait(d time.Duration) { w.now = w.now.Add(d) }

// change has the node learn of a revision that was written so long before.
func (w *world) change(revision int64, after time.Duration, environments ...string) {
	w.Changed(environments, replica.Cursor{Revision: revision, Mark: 1}, w.now.Add(-after))
}

// report is what another node would read.
func (w *world) report() fleet.Report {
	w.t.Helper()
	text, err := json.Marshal(w.Report(w.t.Context()))
	require.NoError(w.t, err)
	var report fleet.Report
	require.NoError(w.t, json.Unmarshal(text, &report))
	return report
}

func (w *world) propagation(environment string, revision int64) *fleet.Propagation {
	w.t.Helper()
	return fleet.Propagate([]fleet.Report{w.report()}, environment, revision, w.Now())
}

func edge(instance string, environments ...string) fleet.Edge {
	e := fleet.Edge{InstanceID: instance, AppName: "edge", Version: "1"}
	for _, environment := range environments {
		e.Scopes = append(e.Scopes, token.NewScope(environment, "*"))
	}
	return e
}

func at(revision int64) replica.Cursor { return replica.Cursor{Revision: revision, Mark: 1} }

func TestEdgesAreTimedFromTheCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.Changed([]string{"development", "production"}, at(10), time.Time{}) // the start: when it was written says nothing
	first, second := w.Join(edge("a", "production")), w.Join(edge("b", "production", "development"))
	w.Join(edge("c", "development"))
	first.Ack(at(10))
	second.Ack(at(10))
	w.wait(time.Hour)
	w.change(11, 5*time.Millisecond, "production")
	w.wait(20 * time.Millisecond)
	first.Ack(at(11))
	w.wait(30 * time.Millisecond)

	p := w.propagation("production", 11)
	require.Equal(t, int64(11), p.Revision)
	require.True(t, p.Remembered)
	acked := p.Kinds[fleet.Acked]
	require.Equal(t, []int{1, 1}, []int{acked.Have, acked.Waiting}, "c is of another environment")
	require.Equal(t, fleet.Took{Clients: 1, P50: 25, P99: 25, Max: 25}, *acked.Took, "5 ms until the node knew and 20 until the edge did")
	require.Equal(t, "b", acked.Slowest[0].ID, "who waits comes first")
	require.Equal(t, 50*time.Millisecond, acked.Slowest[0].Stale)
	require.Equal(t, "a", acked.Slowest[1].ID)
	require.InDelta(t, 5, *p.Nodes[0].Took, 0.001)
	require.Len(t, p.Edges, 2)
	require.Equal(t, fleet.FromLink, p.Edges[0].Source)
	require.Zero(t, p.Edges[0].Stale)

	second.Leave()
	require.Zero(t, w.propagation("production", 11).Kinds[fleet.Acked].Waiting)
}

func TestEdgeThatComesWithTheRevisionIsNotTimed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.change(10, 0, "production")
	w.change(11, 0, "production")
	w.wait(time.Hour)
	w.Join(edge("fresh", "production")).Ack(at(11))
	back := edge("back", "production")
	back.Held = at(10)
	w.Join(back).Ack(at(11))
	acked := w.propagation("production", 11).Kinds[fleet.Acked]
	require.Equal(t, 2, acked.Have)
	require.Equal(t, 1, acked.Took.Clients, "the one that was away has been without it")
	require.InDelta(t, float64(time.Hour/time.Millisecond), acked.Took.Max, 0.001)
}

func TestRevisionOfAnotherEnvironmentIsLackedByNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.change(10, 0, "production", "development")
	w.change(11, 0, "development")
	w.change(15, 0, "production") // 12 to 15 came together
	w.streams = []fleet.Group{
		{Kind: fleet.Delivered, Environment: "development", App: "shop", Revision: 11, Clients: 3},
		{Kind: fleet.Delivered, Environment: "production", App: "shop", Revision: 15, Clients: 2, Slow: 1},
		{Kind: fleet.Browsers, Environment: "production", Revision: 10, Clients: 7},
	}
	p := w.propagation("development", 15)
	require.Equal(t, int64(11), p.Revision)
	require.Equal(t, 3, p.Kinds[fleet.Delivered].Have)
	require.Zero(t, p.Kinds[fleet.Delivered].Waiting)

	p = w.propagation("production", 11)
	require.Equal(t, int64(10), p.Revision)
	require.Equal(t, 7, p.Kinds[fleet.Browsers].Have)

	p = w.propagation("production", 13)
	require.Equal(t, int64(13), p.Revision)
	require.Equal(t, []int{1, 1}, []int{p.Kinds[fleet.Delivered].Have, p.Kinds[fleet.Delivered].Waiting}, "one has not taken it yet")
	require.Equal(t, 7, p.Kinds[fleet.Browsers].Waiting)
	require.Equal(t, fleet.Client{Node: "one", Clients: 7, Revision: 10, Stale: time.Millisecond}, p.Kinds[fleet.Browsers].Slowest[0])

	p = w.propagation("production", 3)
	require.True(t, p.Remembered, "whoever was there at the start has all before")
	require.False(t, w.propagation("nowhere", 3).Remembered)
}

func TestStreamsAndPollsAreTimedInBuckets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	poll := func(id string, revision int64) {
		w.Polled(fleet.Poll{Environment: "production", AppName: "shop", ID: id, Revision: revision})
	}
	w.change(10, 0, "production")
	for i := range 100 {
		poll(fmt.Sprint(i), 10)
	}
	poll("", 10) // who has no name is not counted
	w.change(11, time.Millisecond, "production")
	w.wait(9 * time.Millisecond)
	w.Delivered(fleet.Delivered, "production", 11, 1000)
	w.Delivered(fleet.Delivered, "production", 9, 5)
	w.Delivered(fleet.Delivered, "nowhere", 11, 5)
	w.wait(time.Second)
	for i := range 98 {
		poll(fmt.Sprint(i), 11)
	}
	w.wait(time.Minute)
	poll("98", 11)
	p := w.propagation("production", 11)

	took := p.Kinds[fleet.Delivered].Took
	require.Equal(t, 1000, took.Clients)
	require.InDelta(t, 10, took.P50, 0.001, "never more than the longest")
	require.InDelta(t, 10, took.Max, 0.001)

	polled := p.Kinds[fleet.Polled]
	require.Equal(t, []int{99, 1}, []int{polled.Have, polled.Waiting})
	require.Equal(t, 99, polled.Took.Clients)
	require.InDelta(t, 1010, polled.Took.P50, 1010*0.19)
	require.GreaterOrEqual(t, polled.Took.P50, 1010.0, "rather too high than too low")
	require.InDelta(t, 61010, polled.Took.Max, 0.001)
	require.Equal(t, "99", polled.Slowest[0].ID)
	require.False(t, polled.Slowest[0].Has)

	w.wait(4 * time.Minute)
	poll("1", 11)
	w.wait(2 * time.Minute)
	polled = w.propagation("production", 11).Kinds[fleet.Polled]
	require.Equal(t, []int{1, 0}, []int{polled.Have, polled.Waiting}, "who asks no more is forgotten")
}

func TestPollersAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	poll := func(from, to int) {
		for i := from; i < to; i++ {
			w.Polled(fleet.Poll{Environment: "production", AppName: fmt.Sprint("app-", i), ID: fmt.Sprint(i), Revision: 1, Interval: time.Minute})
		}
	}
	poll(0, 30_000)
	report := w.report()
	held := 0
	for _, group := range report.Environments[0].Groups {
		held += group.Clients
	}
	require.LessOrEqual(t, held, 10_000)
	require.Greater(t, held, 9_000)
	require.Equal(t, 30_000-held, report.Missed)
	require.LessOrEqual(t, len(report.Environments[0].Groups), 502)

	w.wait(10 * time.Minute)
	poll(30_000, 30_100)
	require.Equal(t, 0, w.report().Missed, "those gone make room")
}

func TestForkBeginsAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.change(10, 0, "production")
	w.change(11, 0, "production")
	m := w.Join(edge("a", "production"))
	m.Ack(at(11))
	w.change(5, 0, "production") // an older database was restored
	require.Equal(t, int64(5), fleet.Newest([]fleet.Report{w.report()}, "production"))
	m.Ack(at(5))
	require.Equal(t, int64(5), w.propagation("production", 5).Edges[0].Revision)
}

func TestTimesOfAllNodesAddUp(t *testing.T) {
	t.Parallel()
	one, two := newWorld(t, "one"), newWorld(t, "two")
	two.now = two.now.Add(time.Hour) // its clock is wrong
	for _, w := range []*world{one, two} {
		w.change(10, 0, "production")
	}
	a, b := one.Join(edge("a", "production")), two.Join(edge("b", "production"))
	a.Ack(at(10))
	b.Ack(at(10))
	one.change(12, 10*time.Millisecond, "production")
	two.Changed([]string{"production"}, at(11), one.now.Add(-20*time.Millisecond)) // it learns one by one
	two.Changed([]string{"production"}, at(12), one.now.Add(-10*time.Millisecond))
	two.SetClock(-time.Hour)
	one.wait(10 * time.Millisecond)
	two.wait(30 * time.Millisecond)
	a.Ack(at(12))
	b.Ack(at(12))
	p := fleet.Propagate([]fleet.Report{one.report(), two.report()}, "production", 12, one.Now())
	require.Equal(t, 2, p.Kinds[fleet.Acked].Have)
	require.InDelta(t, 20, p.Kinds[fleet.Acked].Took.P50, 0.01)
	require.InDelta(t, 40, p.Kinds[fleet.Acked].Took.Max, 0.01)
	require.Equal(t, int64(11), fleet.Propagate([]fleet.Report{one.report(), two.report()}, "production", 11, one.Now()).Revision)
}

func TestRegistryIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	r := fleet.New(fleet.Config{Node: "one"})
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			m := r.Join(edge(fmt.Sprint(worker), "production"))
			for i := range int64(200) {
				r.Changed([]string{"production"}, at(i+1), time.Now())
				m.Ack(at(i + 1))
				r.Delivered(fleet.Delivered, "production", i+1, 3)
				r.Polled(fleet.Poll{Environment: "production", ID: fmt.Sprint(worker), Revision: i + 1})
				r.Told(fleet.Instance{Identifier: fmt.Sprint(worker)}, "")
			}
			m.Leave()
		})
	}
	for range 20 {
		r.Report(t.Context())
		r.Below()
	}
	all.Wait()
	require.Empty(t, r.Report(t.Context()).Edges)
}

func TestNilRegistryDoesNothing(t *testing.T) {
	t.Parallel()
	var r *fleet.Registry
	m := r.Join(fleet.Edge{})
	m.Ack(at(1))
	m.SetScopes(nil)
	m.Leave()
	r.Follow(nil)
	r.Changed(nil, at(1), time.Now())
	r.Delivered(fleet.Delivered, "", 1, 1)
	r.Polled(fleet.Poll{ID: "a"})
	require.True(t, r.Told(fleet.Instance{}, ""))
	require.Empty(t, r.Edges())
	require.Empty(t, r.Below())
	require.Empty(t, r.Report(t.Context()))
}

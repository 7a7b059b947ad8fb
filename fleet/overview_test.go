package fleet_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/fleet"
)

// tree writes the instances of edges, those behind others indented.
func tree(nodes []*fleet.Node, indent string) (lines []string) {
	for _, n := range nodes {
		lines = append(lines, indent+n.Instance+" "+string(n.Source))
		lines = append(lines, tree(n.Edges, indent+"  ")...)
	}
	return lines
}

func told(instance string, revision int64, below ...fleet.Instance) fleet.Instance {
	streams := 5
	return fleet.Instance{
		Identifier: instance, AppName: "edge", Streams: &streams, Edges: below,
		Revisions: []fleet.Revision{{Environment: "production", Projects: []string{"*"}, Revision: revision}},
	}
}

func TestEdgesAreShownBehindEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.change(10, 0, "production")
	w.Join(edge("linked", "production")).Ack(at(10))
	require.True(t, w.Told(told("linked", 9, told("leaf", 9, told("deeper", 10)), told("linked", 3)), "edges"))
	w.Polled(fleet.Poll{Environment: "production", AppName: "unleash-edge", ID: "polling", Edge: true, Revision: 9})
	w.wait(time.Second)
	v := fleet.View([]fleet.Report{w.report()}, w.Now())
	require.Equal(t, []string{"linked acked", "  leaf reported", "    deeper reported", "polling polled"}, tree(v.Edges, ""))
	require.Equal(t, int64(10), v.Edges[0].Environments[0].Revision, "what it confirmed counts, not what it told before")
	require.Zero(t, v.Edges[0].Environments[0].Stale)
	require.Equal(t, time.Second, v.Edges[0].Edges[0].Environments[0].Stale)
	require.Equal(t, 5, *v.Edges[0].Streams)

	p := w.propagation("production", 10)
	sources := map[string]fleet.Source{}
	for _, e := range p.Edges {
		sources[e.Behind+"/"+e.Instance] = e.Source
	}
	require.Equal(t, map[string]fleet.Source{
		"/linked": fleet.FromLink, "linked/leaf": fleet.FromReport, "leaf/deeper": fleet.FromReport, "/polling": fleet.FromPoll,
	}, sources)

	w.wait(5 * time.Minute)
	require.Equal(t, []string{"linked acked"}, tree(fleet.View([]fleet.Report{w.report()}, w.Now()).Edges, ""), "what was told long ago is not true any more")
}

func TestEdgesThatTellOfEachOtherEndSomewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	w.Told(told("a", 1, told("b", 1)), "")
	w.Told(told("b", 1, told("a", 1)), "")
	lines := tree(fleet.View([]fleet.Report{w.report()}, w.Now()).Edges, "")
	require.Len(t, lines, 2)
	require.Len(t, w.propagation("production", 1).Edges, 2, "each counts once")

	deep := told("0", 1)
	for range 1000 {
		deep = told("n"+strings.Repeat("x", len(deep.Identifier)%50), 1, deep)
	}
	require.True(t, w.Told(deep, ""))
	require.LessOrEqual(t, len(tree(fleet.View([]fleet.Report{w.report()}, w.Now()).Edges, "")), 20)
}

func TestTooManyEdgesAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "one")
	big := told("big", 1)
	for range 1990 {
		big.Edges = append(big.Edges, fleet.Instance{Identifier: "x"})
	}
	require.True(t, w.Told(big, ""))
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i"} {
		require.True(t, w.Told(fleet.Instance{Identifier: name}, ""))
	}
	require.False(t, w.Told(fleet.Instance{Identifier: "one too many"}, ""))
	require.True(t, w.Told(told("big", 2), ""), "an edge replaces what it told")
	require.True(t, w.Told(fleet.Instance{Identifier: "one too many"}, ""))
}

func TestEdgeTellsOfThoseBelow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "edge")
	w.Told(told("both", 7, told("deeper", 6)), "")
	w.Join(edge("both", "production", "development")).Ack(at(9))
	w.Join(edge("silent", "production"))
	below := w.Below()
	require.Len(t, below, 2)
	require.Equal(t, "both", below[0].Identifier)
	require.Equal(t, int64(9), below[0].Revisions[0].Revision, "what it has confirmed is newer than what it told")
	require.Len(t, below[0].Revisions, 2)
	require.Equal(t, "deeper", below[0].Edges[0].Identifier)
	require.Empty(t, below[1].Revisions, "nothing is known")
	require.Nil(t, below[1].Streams)
}

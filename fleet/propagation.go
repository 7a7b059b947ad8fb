package fleet

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// slowestMax is how many clients of a kind are named.
const slowestMax = 10

// Propagation is who has a revision of an environment.
type Propagation struct {
	Environment string
	Asked       int64 // the revision that was asked for
	Revision    int64 // the newest change of the environment up to it: who has that lacks nothing of the asked one
	Written     *time.Time
	Remembered  bool // false: the change is not among the last ones that are remembered, so its times are not known
	Kinds       map[Kind]*Progress
	Edges       []EdgeProgress
	Nodes       []NodeProgress
}

// Progress is how far the clients of a kind are.
type Progress struct {
	Have, Waiting int
	Took          *Took    // nil: not known
	Slowest       []Client // those that are waiting first, then those that took longest
}

// Took is how long it took from the commit, in milliseconds.
type Took struct {
	Clients       int // that were measured: those that were there before and moved
	P50, P99, Max float64
}

// Client is one client, or the streams of one application that are at the same place.
type Client struct {
	App, ID, Node string
	Clients       int
	Revision      int64
	Has           bool
	Took          *float64 // milliseconds from the commit; nil: not known
	Heard         *time.Time
	Stale         time.Duration // for how long it has lacked the environment's newest change; 0: it lacks nothing
}

// Source is how it is known what an edge has.
type Source string

// The sources: an edge on a link, one that polls, and what the edge itself told, up to a minute ago or longer.
const (
	FromLink   Source = "acked"
	FromPoll   Source = "polled"
	FromReport Source = "reported"
)

// EdgeProgress is what one edge has.
type EdgeProgress struct {
	Instance, App, Version, Node string
	Behind                       string // instance of the edge it is connected to; empty: a node
	Source                       Source
	Revision                     int64
	Has                          bool
	Took                         *float64 // milliseconds from the commit; nil: not known
	Heard                        time.Time
	Stale                        time.Duration // for how long it has lacked the environment's newest change; 0: it lacks nothing
	Streams                      *int          // SDKs that stream from it, as it told last; nil: it has not told
}

// NodeProgress is what one node has.
type NodeProgress struct {
	Node     string
	Revision int64
	Has      bool
	Took     *float64 // milliseconds from the commit until it had learned of it, on two clocks
}

// Needed is the newest change of the environment up to a revision: whoever holds it lacks nothing of that revision. It
// reports false if that change is not remembered.
func Needed(reports []Report, environment string, revision int64) (needed int64, remembered bool) {
	for i := range reports {
		for _, c := range reports[i].changes(environment) {
			if c.From < revision { // a node that learns of several at once goes from one end to the other
				needed, remembered = max(needed, min(c.To, revision)), true
			}
		}
	}
	if !remembered {
		return revision, false
	}
	return needed, true
}

// Newest is the newest change of the environment that any node knows, 0: none.
func Newest(reports []Report, environment string) (revision int64) {
	for i := range reports {
		for _, c := range reports[i].changes(environment) {
			revision = max(revision, c.To)
		}
	}
	return revision
}

func (r *Report) environment(name string) *EnvironmentPart {
	for i := range r.Environments {
		if r.Environments[i].Name == name {
			return &r.Environments[i]
		}
	}
	return nil
}

func (r *Report) changes(environment string) []ChangePart {
	if part := r.environment(environment); part != nil {
		return part.Changes
	}
	return nil
}

// Propagate answers who has the revision of the environment, from the reports of all nodes, as of now on the database's
// clock.
func Propagate(reports []Report, environment string, revision int64, now time.Time) *Propagation {
	p := &Propagation{Environment: environment, Asked: revision, Kinds: map[Kind]*Progress{}}
	p.Revision, p.Remembered = Needed(reports, environment, revision)
	times := map[Kind]*spread{}
	for _, kind := range Kinds {
		p.Kinds[kind], times[kind] = &Progress{}, &spread{}
	}
	for i := range reports {
		p.addNode(&reports[i], times)
	}
	p.addTold(reports)
	for _, kind := range Kinds {
		progress := p.Kinds[kind]
		progress.Took = times[kind].took()
		slices.SortStableFunc(progress.Slowest, slowest)
		progress.Slowest = progress.Slowest[:min(len(progress.Slowest), slowestMax)]
		for i := range progress.Slowest {
			progress.Slowest[i].Stale = Stale(reports, environment, progress.Slowest[i].Revision, now)
		}
	}
	for i := range p.Edges {
		p.Edges[i].Stale = Stale(reports, environment, p.Edges[i].Revision, now)
	}
	slices.SortFunc(p.Edges, func(a, b EdgeProgress) int {
		return cmp.Or(strings.Compare(a.Behind, b.Behind), strings.Compare(a.Instance, b.Instance), strings.Compare(a.Node, b.Node))
	})
	slices.SortFunc(p.Nodes, func(a, b NodeProgress) int { return strings.Compare(a.Node, b.Node) })
	return p
}

// addNode adds what a node knows of its own clients.
func (p *Propagation) addNode(report *Report, times map[Kind]*spread) {
	node := NodeProgress{Node: report.Node, Revision: report.Revision, Has: report.Revision >= p.Revision}
	part := report.environment(p.Environment)
	var at *ChangePart // the change as this node learned of it
	if part != nil {
		for i := range part.Changes {
			if c := &part.Changes[i]; c.From < p.Revision && p.Revision <= c.To {
				at = c
			}
		}
	}
	var after float64 // from the commit until the node learned of it
	if at != nil && at.Written != nil {
		if p.Written == nil {
			p.Written = at.Written
		}
		after = max(millis(at.Learned.Sub(*at.Written)), 0)
		node.Took = &after
		for kind, t := range at.Took {
			if kind != Acked { // those are known one by one
				times[kind].addTimes(t, after)
			}
		}
	}
	p.Nodes = append(p.Nodes, node)
	for i := range report.Edges {
		p.addEdge(report, &report.Edges[i], at, after, times[Acked])
	}
	if part == nil {
		return
	}
	for _, g := range part.Groups {
		p.addGroup(report.Node, g)
	}
	for i := range part.Late {
		late := &part.Late[i]
		client := Client{App: late.App, ID: late.ID, Node: report.Node, Clients: 1, Revision: late.Revision, Has: late.Revision >= p.Revision, Heard: &late.Last}
		if node.Took != nil && late.Moved && late.Revision == p.Revision && late.Since.After(at.Learned) {
			took := after + millis(late.Since.Sub(at.Learned))
			client.Took = &took
		}
		p.Kinds[Polled].Slowest = append(p.Kinds[Polled].Slowest, client)
	}
	for _, edge := range part.Edges {
		p.Edges = append(p.Edges, EdgeProgress{
			Instance: edge.ID, App: edge.App, Node: report.Node, Source: FromPoll,
			Revision: edge.Revision, Has: edge.Revision >= p.Revision, Heard: edge.Last,
		})
	}
}

// addGroup adds clients of the same place.
func (p *Propagation) addGroup(node string, g Group) {
	progress := p.Kinds[g.Kind]
	if progress == nil {
		return
	}
	if g.Revision < p.Revision {
		progress.Waiting += g.Clients
	} else {
		progress.Have += g.Clients - g.Slow
		progress.Waiting += g.Slow
	}
	waiting := g.Slow
	if g.Revision < p.Revision {
		waiting = g.Clients
	}
	if g.Kind != Polled && waiting > 0 { // those are named one by one
		progress.Slowest = append(progress.Slowest, Client{App: g.App, Node: node, Clients: waiting, Revision: g.Revision})
	}
}

// addEdge adds an edge on a link.
func (p *Propagation) addEdge(report *Report, edge *EdgePart, at *ChangePart, after float64, times *spread) {
	if !slices.Contains(edge.Environments, p.Environment) {
		return
	}
	progress := p.Kinds[Acked]
	e := EdgeProgress{
		Instance: edge.Instance, App: edge.App, Version: edge.Version, Node: report.Node, Source: FromLink,
		Revision: edge.Held(), Has: edge.Held() >= p.Revision, Heard: edge.Heard,
	}
	client := Client{App: edge.App, ID: edge.Instance, Node: report.Node, Clients: 1, Revision: e.Revision, Has: e.Has, Heard: &edge.Heard}
	if e.Has {
		progress.Have++
		if at != nil && at.Written != nil {
			if acked, known := edge.moved(p.Revision); known && !acked.Before(at.Learned) {
				took := after + millis(acked.Sub(at.Learned))
				e.Took, client.Took = &took, &took
				times.add(took)
			}
		}
	} else {
		progress.Waiting++
	}
	p.Edges = append(p.Edges, e)
	progress.Slowest = append(progress.Slowest, client)
}

// moved is when the edge confirmed the revision, having confirmed an older one before; false: that is not known.
func (e *EdgePart) moved(revision int64) (time.Time, bool) {
	for i, a := range e.Acks {
		if a.Revision >= revision {
			return a.At, i > 0
		}
	}
	return time.Time{}, false
}

// slowest orders those that wait first, those furthest behind first, and then those that took longest.
func slowest(a, b Client) int {
	if a.Has != b.Has {
		if b.Has {
			return -1
		}
		return 1
	}
	if !a.Has {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(b.Clients, a.Clients), strings.Compare(a.ID, b.ID))
	}
	return cmp.Or(cmp.Compare(value(b.Took), value(a.Took)), strings.Compare(a.App, b.App), strings.Compare(a.ID, b.ID))
}

func value(n *float64) float64 {
	if n == nil {
		return -1
	}
	return *n
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

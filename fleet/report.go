package fleet

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

const (
	// lateMax is how many clients of an environment that poll and are behind are named in a Report.
	lateMax = 20

	// edgesMax is how many edges of an environment that poll are named.
	edgesMax = 500

	// groupsMax is how many groups of an environment are told apart by application. Those of further ones are added up
	// under no name.
	groupsMax = 500
)

// Report is what one node knows of its clients. Times are on the database's clock.
type Report struct {
	Node         string            `json:"node"`
	Version      string            `json:"version"`
	Started      time.Time         `json:"started"`
	Revision     int64             `json:"revision"` // the newest one it has
	Environments []EnvironmentPart `json:"environments,omitempty"`
	Edges        []EdgePart        `json:"edges,omitempty"`
	Instances    []InstancePart    `json:"instances,omitempty"`
	Missed       int               `json:"missed,omitempty"` // polls of clients that could not be remembered
}

// EnvironmentPart is what a node knows of the clients of one environment.
type EnvironmentPart struct {
	Name    string       `json:"name"`
	Changes []ChangePart `json:"changes,omitempty"` // oldest first
	Groups  []Group      `json:"groups,omitempty"`
	Late    []Poller     `json:"late,omitempty"`  // those that poll and are furthest behind
	Edges   []Poller     `json:"edges,omitempty"` // edges that poll
}

// ChangePart is one change as the node learned of it: the revisions after From up to To.
type ChangePart struct {
	From    int64           `json:"from"`
	To      int64           `json:"to"`
	Written *time.Time      `json:"written,omitempty"`
	Learned time.Time       `json:"learned"`
	Took    map[Kind]*Times `json:"took,omitempty"` // since it was learned of
}

// Group is clients of one kind, environment and application that hold the same revision.
type Group struct {
	Kind        Kind   `json:"kind"`
	Environment string `json:"-"`
	App         string `json:"app,omitempty"`
	Revision    int64  `json:"revision"`
	Clients     int    `json:"clients"`
	Slow        int    `json:"slow,omitempty"` // of these, streams that have not taken the message of that revision yet
}

// Poller is a client that polls.
type Poller struct {
	App      string    `json:"app,omitempty"`
	ID       string    `json:"id"`
	Revision int64     `json:"revision"`
	Since    time.Time `json:"since"`           // first answered with that revision
	Moved    bool      `json:"moved,omitempty"` // it had another one before
	Last     time.Time `json:"last"`            // last answered
}

// EdgePart is an edge on a link.
type EdgePart struct {
	Instance     string    `json:"instance"`
	App          string    `json:"app,omitempty"`
	Version      string    `json:"version,omitempty"`
	Connection   string    `json:"connection,omitempty"`
	Token        string    `json:"token,omitempty"`
	Environments []string  `json:"environments"`
	Since        time.Time `json:"since"`
	Heard        time.Time `json:"heard"` // of its last confirmation
	Acks         []Ack     `json:"acks,omitempty"`
}

// Ack is that an edge has confirmed a revision.
type Ack struct {
	Revision int64     `json:"r"`
	At       time.Time `json:"at"`
}

// Held is the newest revision the edge has confirmed, 0: none yet.
func (e *EdgePart) Held() int64 {
	if len(e.Acks) == 0 {
		return 0
	}
	return e.Acks[len(e.Acks)-1].Revision
}

// InstancePart is what an edge told of itself, without what it was asked for.
type InstancePart struct {
	Instance
	Token string    `json:"token,omitempty"`
	At    time.Time `json:"at"`
}

// Report tells what this node knows.
func (r *Registry) Report(ctx context.Context) Report {
	if r == nil {
		return Report{}
	}
	report := Report{Node: r.config.Node, Version: r.config.Version, Started: r.onDatabase(r.started)}
	parts := map[string]*EnvironmentPart{}
	part := func(environment string) *EnvironmentPart {
		p := parts[environment]
		if p == nil {
			p = &EnvironmentPart{Name: environment}
			parts[environment] = p
		}
		return p
	}
	for environment, changes := range r.changes.all() {
		p := part(environment)
		for _, c := range changes {
			p.Changes = append(p.Changes, r.changePart(c))
		}
	}
	if store := r.store.Load(); store != nil {
		report.Revision = store.Cursor().Revision
	}
	for _, group := range r.config.Streams(ctx) {
		p := part(group.Environment)
		p.Groups = append(p.Groups, group)
	}
	report.Missed = r.reportPolls(part)
	report.Edges = r.Edges()
	report.Instances = r.reportInstances()
	for _, p := range parts {
		p.Groups = merged(p.Groups)
		for i := groupsMax; i < len(p.Groups); i++ {
			p.Groups[i].App = ""
		}
		if len(p.Groups) > groupsMax {
			p.Groups = merged(p.Groups)
		}
		report.Environments = append(report.Environments, *p)
	}
	slices.SortFunc(report.Environments, func(a, b EnvironmentPart) int { return strings.Compare(a.Name, b.Name) })
	return report
}

func (r *Registry) changePart(c *change) ChangePart {
	p := ChangePart{From: c.from, To: c.to, Learned: r.onDatabase(c.learned)}
	if !c.written.IsZero() {
		p.Written = &c.written
	}
	for i, kind := range Kinds {
		if t := c.took[i].Load().times(); t != nil {
			if p.Took == nil {
				p.Took = map[Kind]*Times{}
			}
			p.Took[kind] = t
		}
	}
	return p
}

func (r *Registry) reportPolls(part func(string) *EnvironmentPart) (missed int) {
	type place struct {
		environment, app string
		revision         int64
	}
	counts := map[place]int{} // there may be thousands of clients
	missed = r.polls.each(r.now(), func(key pollerKey, known *poller) {
		counts[place{key.environment, key.app, known.revision}]++
		p := part(key.environment)
		named := Poller{App: key.app, ID: key.id, Revision: known.revision, Since: r.onDatabase(known.since), Last: r.onDatabase(known.last), Moved: known.moved}
		if known.edge {
			p.Edges = among(p.Edges, named, edgesMax)
		}
		p.Late = among(p.Late, named, lateMax)
	})
	for at, n := range counts {
		p := part(at.environment)
		p.Groups = append(p.Groups, Group{Kind: Polled, App: at.app, Revision: at.revision, Clients: n})
	}
	return missed
}

// Edges returns the edges on this node's links, in the order of their instances.
func (r *Registry) Edges() []EdgePart {
	if r == nil {
		return nil
	}
	r.membersMu.Lock()
	defer r.membersMu.Unlock()
	edges := make([]EdgePart, 0, len(r.members))
	for m := range r.members {
		p := EdgePart{
			Instance: m.edge.InstanceID, App: m.edge.AppName, Version: m.edge.Version, Connection: m.edge.ConnectionID,
			Token: m.edge.TokenName, Environments: environmentsOf(m.edge.Scopes),
			Since: r.onDatabase(m.edge.Since), Heard: r.onDatabase(m.heard),
		}
		for _, a := range m.acks {
			p.Acks = append(p.Acks, Ack{a.revision, r.onDatabase(a.at)})
		}
		edges = append(edges, p)
	}
	slices.SortFunc(edges, func(a, b EdgePart) int {
		return cmp.Or(strings.Compare(a.Instance, b.Instance), a.Since.Compare(b.Since), strings.Compare(a.Connection, b.Connection))
	})
	return edges
}

func (r *Registry) reportInstances() []InstancePart {
	now := r.now()
	r.instancesMu.Lock()
	defer r.instancesMu.Unlock()
	var parts []InstancePart
	for _, known := range r.instances {
		if now.Sub(known.at) <= instanceExpiry {
			parts = append(parts, InstancePart{known.instance.brief(), known.token, r.onDatabase(known.at)})
		}
	}
	slices.SortFunc(parts, func(a, b InstancePart) int { return strings.Compare(a.Identifier, b.Identifier) })
	return parts
}

// brief is the instance without what it was asked for.
func (i *Instance) brief() Instance {
	b := *i
	b.Traffic, b.Requests = Traffic{}, nil
	b.Edges = make([]Instance, 0, len(i.Edges))
	for j := range i.Edges {
		b.Edges = append(b.Edges, i.Edges[j].brief())
	}
	return b
}

// merged adds up the groups that differ in nothing but their number, in order.
func merged(groups []Group) []Group {
	type place struct {
		kind     Kind
		app      string
		revision int64
	}
	at := map[place]int{}
	var sum []Group
	for _, g := range groups {
		p := place{g.Kind, g.App, g.Revision}
		i, known := at[p]
		if !known {
			at[p] = len(sum)
			sum = append(sum, g)
			continue
		}
		sum[i].Clients += g.Clients
		sum[i].Slow += g.Slow
	}
	slices.SortFunc(sum, func(a, b Group) int {
		return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.App, b.App), cmp.Compare(a.Revision, b.Revision))
	})
	return sum
}

// among puts a client in its place among those furthest behind, of which there are so many at most.
func among(pollers []Poller, p Poller, most int) []Poller {
	if len(pollers) == most && further(&pollers[most-1], &p) {
		return pollers
	}
	if len(pollers) == most {
		pollers = pollers[:most-1]
	}
	at := len(pollers)
	for at > 0 && further(&p, &pollers[at-1]) {
		at--
	}
	return slices.Insert(pollers, at, p)
}

// further orders those furthest behind first.
func further(a, b *Poller) bool {
	return cmp.Or(cmp.Compare(a.Revision, b.Revision), a.Last.Compare(b.Last), strings.Compare(a.App, b.App), strings.Compare(a.ID, b.ID)) < 0
}

package fleet

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Overview is all clients of an instance: edges as a tree, and the others by application.
type Overview struct {
	Edges        []*Node
	Applications []Application
}

// Node is an edge and those behind it.
type Node struct {
	Instance, App, Version, Region, Hosting string
	Server                                  string // the server's node that knows of it
	Source                                  Source
	Token                                   string
	Connected, Heard, Started               *time.Time // since when it is on a link, when it last confirmed, polled or told, when it started
	Streams                                 *int       // nil: it has not told
	Process                                 *Process
	Upstream                                *Upstream
	Environments                            []Served
	Edges                                   []*Node
}

// Served is what an edge has of an environment.
type Served struct {
	Environment string
	Projects    []string // nil: not known
	Revision    int64
	Stale       time.Duration // for how long it has lacked the environment's newest change; 0: it lacks nothing
}

// Application is the clients of one kind, environment and application.
type Application struct {
	Kind             Kind
	Environment, App string
	Clients, Behind  int // of the clients, how many lack the environment's newest change
	Oldest, Newest   int64
	Stale            time.Duration // for how long the furthest behind has lacked something
}

// Stale is for how long somebody with that revision of the environment has lacked something at now, on the database's
// clock; 0: it lacks nothing. Of those that are further behind than is remembered it is known only to be at least as long.
func Stale(reports []Report, environment string, revision int64, now time.Time) time.Duration {
	var since time.Time
	for i := range reports {
		for _, c := range reports[i].changes(environment) {
			if c.To > revision && (since.IsZero() || c.Learned.Before(since)) {
				since = c.Learned
			}
		}
	}
	if since.IsZero() {
		return 0
	}
	return max(now.Sub(since), time.Millisecond)
}

// View makes an Overview of the reports of all nodes, as of now on the database's clock.
func View(reports []Report, now time.Time) *Overview {
	v := &viewer{reports: reports, now: now, byInstance: map[string]*Node{}, parents: map[*Node]*Node{}}
	for i := range reports {
		v.addLinks(&reports[i])
	}
	for i := range reports {
		v.addPollers(&reports[i])
	}
	for i := range reports {
		for j := range reports[i].Instances {
			part := &reports[i].Instances[j]
			v.addTold(nil, &part.Instance, part, reports[i].Node)
		}
	}
	overview := &Overview{Applications: v.applications()}
	for _, n := range v.byInstance {
		if parent := v.parents[n]; parent != nil {
			parent.Edges = append(parent.Edges, n)
		} else {
			overview.Edges = append(overview.Edges, n)
		}
	}
	sortNodes(overview.Edges)
	return overview
}

type viewer struct {
	reports    []Report
	now        time.Time
	byInstance map[string]*Node
	parents    map[*Node]*Node // nil: the edge asks the server
}

func (v *viewer) node(instance string) (n *Node, made bool) {
	if n = v.byInstance[instance]; n != nil {
		return n, false
	}
	n = &Node{Instance: instance}
	v.byInstance[instance] = n
	return n, true
}

func (v *viewer) addLinks(report *Report) {
	for i := range report.Edges {
		edge := &report.Edges[i]
		n, made := v.node(edge.Instance)
		if !made && n.Connected.After(edge.Since) { // it has just come back, and the old connection is not gone yet
			continue
		}
		n.App, n.Version, n.Server, n.Token, n.Source = edge.App, edge.Version, report.Node, edge.Token, FromLink
		n.Connected, n.Heard, n.Environments = &edge.Since, &edge.Heard, nil
		for _, environment := range edge.Environments {
			n.Environments = append(n.Environments, v.served(environment, nil, edge.Held()))
		}
	}
}

func (v *viewer) addPollers(report *Report) {
	for i := range report.Environments {
		part := &report.Environments[i]
		for j := range part.Edges {
			poller := &part.Edges[j]
			n, made := v.node(poller.ID)
			if !made && n.Source != FromPoll {
				continue
			}
			n.App, n.Server, n.Source = poller.App, report.Node, FromPoll
			if n.Heard == nil || n.Heard.Before(poller.Last) {
				n.Heard = &poller.Last
			}
			n.Environments = append(n.Environments, v.served(part.Name, nil, poller.Revision))
		}
	}
}

// addTold adds what an edge has told of itself and of those behind it.
func (v *viewer) addTold(parent *Node, told *Instance, part *InstancePart, server string) {
	n, made := v.node(told.Identifier)
	if made {
		n.App, n.Server, n.Source, n.Heard = told.AppName, server, FromReport, &part.At
	}
	if parent != nil && (made || n.Source == FromReport) && !v.under(parent, n) {
		v.parents[n] = parent
	}
	n.Streams, n.Process, n.Upstream, n.Region, n.Hosting = told.Streams, told.Process, &told.Upstream, told.Region, told.Hosting
	if n.Version == "" {
		n.Version = told.Version
	}
	if !told.Started.IsZero() {
		n.Started = &told.Started
	}
	if n.Source == FromReport {
		n.Environments = nil
		for _, r := range told.Revisions {
			n.Environments = append(n.Environments, v.served(r.Environment, r.Projects, r.Revision))
		}
	}
	for i := range told.Edges {
		v.addTold(n, &told.Edges[i], part, server)
	}
}

// under reports whether n is shown somewhere under above, or is it.
func (v *viewer) under(n, above *Node) bool {
	for ; n != nil; n = v.parents[n] {
		if n == above {
			return true
		}
	}
	return false
}

func (v *viewer) served(environment string, projects []string, revision int64) Served {
	return Served{environment, projects, revision, Stale(v.reports, environment, revision, v.now)}
}

func (v *viewer) applications() []Application {
	type key struct {
		kind             Kind
		environment, app string
	}
	at := map[key]int{}
	var all []Application
	for i := range v.reports {
		for j := range v.reports[i].Environments {
			part := &v.reports[i].Environments[j]
			newest := Newest(v.reports, part.Name)
			for _, g := range part.Groups {
				k := key{g.Kind, part.Name, g.App}
				index, known := at[k]
				if !known {
					index = len(all)
					at[k] = index
					all = append(all, Application{Kind: g.Kind, Environment: part.Name, App: g.App, Oldest: g.Revision})
				}
				a := &all[index]
				a.Clients += g.Clients
				a.Oldest, a.Newest = min(a.Oldest, g.Revision), max(a.Newest, g.Revision)
				if g.Revision < newest {
					a.Behind += g.Clients
				} else {
					a.Behind += g.Slow
				}
			}
		}
	}
	for i := range all {
		if all[i].Behind > 0 {
			all[i].Stale = Stale(v.reports, all[i].Environment, all[i].Oldest, v.now)
		}
	}
	slices.SortFunc(all, func(a, b Application) int {
		return cmp.Or(strings.Compare(a.Environment, b.Environment), strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.App, b.App))
	})
	return all
}

func sortNodes(nodes []*Node) {
	slices.SortFunc(nodes, func(a, b *Node) int {
		return cmp.Or(strings.Compare(a.App, b.App), strings.Compare(a.Instance, b.Instance))
	})
	for _, n := range nodes {
		slices.SortFunc(n.Environments, func(a, b Served) int {
			return cmp.Or(strings.Compare(a.Environment, b.Environment), cmp.Compare(a.Revision, b.Revision))
		})
		sortNodes(n.Edges)
	}
}

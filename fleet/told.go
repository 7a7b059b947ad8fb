package fleet

import (
	"maps"
	"slices"
)

// addTold adds what edges have told of themselves and of those behind them: how many SDKs stream from each, and which
// revision those have of which nothing nearer is known.
func (p *Propagation) addTold(reports []Report) {
	direct := map[string][]int{} // of p.Edges, by instance
	for i := range p.Edges {
		direct[p.Edges[i].Instance] = append(direct[p.Edges[i].Instance], i)
	}
	told := map[string]*tale{}
	for i := range reports {
		for j := range reports[i].Instances {
			part := &reports[i].Instances[j]
			t := &tale{instance: &part.Instance, node: reports[i].Node, part: part}
			if known := told[part.Identifier]; known == nil || known.part.At.Before(part.At) {
				told[part.Identifier] = t // it may have told another node before
			}
		}
	}
	for _, identifier := range slices.Sorted(maps.Keys(told)) {
		p.addTale(told[identifier], direct)
	}
}

// tale is what an edge told, or what one told of an edge behind it.
type tale struct {
	instance *Instance
	behind   string
	node     string
	part     *InstancePart
}

func (p *Propagation) addTale(t *tale, direct map[string][]int) {
	if known := direct[t.instance.Identifier]; len(known) > 0 {
		for _, i := range known {
			p.Edges[i].Streams = t.instance.Streams
			if p.Edges[i].Version == "" {
				p.Edges[i].Version = t.instance.Version
			}
		}
	} else if revision, serves := t.instance.holds(p.Environment); serves {
		direct[t.instance.Identifier] = []int{len(p.Edges)}
		p.Edges = append(p.Edges, EdgeProgress{
			Instance: t.instance.Identifier, App: t.instance.AppName, Version: t.instance.Version, Node: t.node, Behind: t.behind,
			Source: FromReport, Revision: revision, Has: revision >= p.Revision, Heard: t.part.At, Streams: t.instance.Streams,
		})
	}
	for i := range t.instance.Edges {
		p.addTale(&tale{&t.instance.Edges[i], t.instance.Identifier, t.node, t.part}, direct)
	}
}

// holds is the oldest revision the edge serves of an environment; false if it does not tell.
func (i *Instance) holds(environment string) (revision int64, serves bool) {
	for _, r := range i.Revisions {
		if r.Environment == environment && (!serves || r.Revision < revision) {
			revision, serves = r.Revision, true
		}
	}
	return revision, serves
}

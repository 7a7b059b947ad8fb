package fleet

import (
	"slices"
	"strings"
)

// Below tells of the edges connected to this node as it would be told of them: by what they told themselves, and by what
// those on a link have confirmed, which is newer.
func (r *Registry) Below() []Instance {
	if r == nil {
		return nil
	}
	all := r.Instances()
	r.membersMu.Lock()
	defer r.membersMu.Unlock()
	for m := range r.members {
		i := slices.IndexFunc(all, func(known Instance) bool { return known.Identifier == m.edge.InstanceID })
		if i < 0 {
			i = len(all)
			all = append(all, Instance{Identifier: m.edge.InstanceID, AppName: m.edge.AppName, Version: m.edge.Version, Edges: []Instance{}})
		}
		if revisions := m.revisions(); len(revisions) > 0 {
			all[i].Revisions = revisions
		}
	}
	slices.SortFunc(all, func(a, b Instance) int { return strings.Compare(a.Identifier, b.Identifier) })
	return all
}

// revisions is what the edge has confirmed, for each of its scopes.
func (m *Member) revisions() (all []Revision) {
	held := m.held()
	if held == 0 {
		return nil
	}
	for _, scope := range m.edge.Scopes {
		at := m.heard.UTC()
		all = append(all, Revision{Environment: scope.Environment, Projects: append([]string{}, scope.Projects()...), Revision: held, Updated: &at})
	}
	return all
}

package replica

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pennonhq/pennon/token"
)

// content is what a State holds: persistent lists, so that a changed copy costs little.
type content struct {
	features   list[*entry]    // by name
	segments   list[*segment]  // by id; the same in all environments
	references list[reference] // by segment, project, name
	items      list[item]      // by revision
	gone       list[item]      // by subject: the items about what is no longer there (departed, unreferenced, deleted)

	// base is the lowest revision to resume from in this environment: below it, something may have left unnoticed.
	base int64

	// barriers are stretches of the log that readers of one project cannot resume from.
	barriers []barrier
}

// barrier says that flags may have left project between two revisions, and nobody knows which. Readers at or before after
// know of none of them, readers at revision know that they are gone.
type barrier struct {
	project  string // empty: every one
	after    int64
	revision int64
}

func (c *content) feature(name string) *entry {
	e, _ := c.features.find(func(e *entry) int { return strings.Compare(e.name, name) })
	return e
}

func (c *content) segment(id int) *segment {
	s, _ := c.segments.find(func(s *segment) int { return cmp.Compare(s.id, id) })
	return s
}

// referenced reports whether a flag the query selects refers to the segment. Whoever sees such a flag may see the segment.
func (c *content) referenced(id int, q *Query) bool {
	if !q.Scope.AllProjects() {
		return slices.ContainsFunc(q.Scope.Projects(), func(project string) bool { return c.referencedIn(id, project, q) })
	}
	if q.NamePrefix == "" && len(q.Tags) == 0 {
		return c.refersTo(id)
	}
	for project := ""; ; project += "\x00" { // on to the next project there is
		next, found := c.references.first(referencePlace(id, project, ""))
		if !found || next.segment != id {
			return false
		}
		project = next.feature.project
		if c.referencedIn(id, project, q) {
			return true
		}
	}
}

// refersTo reports whether any flag refers to the segment.
func (c *content) refersTo(id int) bool {
	_, found := c.references.find(func(r reference) int { return cmp.Compare(r.segment, id) })
	return found
}

func (c *content) referencedIn(id int, project string, q *Query) bool {
	for r := range c.references.from(referencePlace(id, project, q.NamePrefix)) {
		if r.segment != id || r.feature.project != project || !strings.HasPrefix(r.feature.name, q.NamePrefix) {
			return false
		}
		if q.tagged(r.feature) {
			return true
		}
	}
	return false
}

func referencePlace(id int, project, name string) func(reference) int {
	return func(r reference) int {
		if c := cmp.Compare(r.segment, id); c != 0 {
			return c
		}
		if c := strings.Compare(r.feature.project, project); c != 0 {
			return c
		}
		return strings.Compare(r.feature.name, name)
	}
}

// after yields the items above a revision, oldest first.
func (c *content) after(revision int64) func(yield func(item) bool) {
	return c.items.from(func(i item) int {
		if i.revision <= revision {
			return -1
		}
		return 1
	})
}

// concerns reports whether the item can have changed what the query selects, for someone who knows everything up to
// revision since.
func (c *content) concerns(i item, q *Query, since int64) bool {
	switch i.kind {
	case itemUpdated:
		return q.sees(i.feature.project, i.feature.name) && (q.tagged(i.feature) || i.feature.tagRevision > since)
	case itemRetagged:
		return len(q.Tags) > 0 && q.sees(i.feature.project, i.feature.name)
	case itemDeparted, itemUnreferenced:
		return q.sees(i.feature.project, i.feature.name)
	default:
		return c.referenced(i.segment, q)
	}
}

// changed reports whether anything the query selects can have changed after a revision at or above base.
func (c *content) changed(q *Query, since int64) bool {
	for i := range c.after(since) {
		if c.concerns(i, q, since) {
			return true
		}
	}
	return false
}

// revision is that of the newest change the query can notice, or base if none is known: the scope's own revision. It rises
// whenever what the query selects changes. Servers that remember different stretches of the log may differ in it.
func (c *content) revision(q *Query) int64 {
	for i := range c.items.backward() {
		if i.revision <= c.base {
			break
		}
		if c.concerns(i, q, c.base) {
			return i.revision
		}
	}
	return c.base
}

// selected yields the flags the query selects, by name.
func (c *content) selected(q *Query) func(yield func(*entry) bool) {
	return func(yield func(*entry) bool) {
		for e := range c.features.from(func(e *entry) int { return strings.Compare(e.name, q.NamePrefix) }) {
			if !strings.HasPrefix(e.name, q.NamePrefix) {
				return
			}
			if q.selects(e) && !yield(e) {
				return
			}
		}
	}
}

// selectedSegments returns the existing segments that the flags selected refer to, by id.
func (c *content) selectedSegments(q *Query) []*segment {
	var ids []int
	for e := range c.selected(q) {
		ids = append(ids, e.segments...)
	}
	slices.Sort(ids)
	var segments []*segment
	for _, id := range slices.Compact(ids) {
		if s := c.segment(id); s != nil {
			segments = append(segments, s)
		}
	}
	return segments
}

// resumable reports whether what a scope has missed since a revision is known completely.
func (c *content) resumable(scope token.Scope, since int64) bool {
	if since < c.base {
		return false
	}
	for _, b := range c.barriers {
		if b.after < since && since < b.revision && (b.project == "" || scope.Sees(b.project)) {
			return false
		}
	}
	return true
}

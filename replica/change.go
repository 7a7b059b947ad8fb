package replica

import "slices"

// The functions below change a content that is still being built. They keep the invariants:
//   - every flag has one itemUpdated at its revision, and one itemRetagged at its tagRevision if that is higher;
//   - every segment has one itemSegment;
//   - a flag that is in a project has no itemDeparted for it, one that refers to a segment no itemUnreferenced for it,
//     and a segment that exists no itemSegmentDeleted;
//   - what is in gone is in items, and the other way round for those three kinds.

// put makes e the state of its flag at revision. It reports whether anything changed: an update that changes nothing
// leaves the old revision, so that nobody is told. Unless exact is set, equal states say nothing of the time between them.
func (c *content) put(e *entry, revision int64, exact bool) bool {
	old := c.feature(e.name)
	switch {
	case old == nil || !exact:
		// Readers by tag may hold the flag from before it was gone, so its tags count as new.
		e.revision, e.tagRevision = revision, revision
	case old.json == e.json && old.project == e.project:
		if slices.Equal(old.tags, e.tags) {
			return false
		}
		e.revision, e.tagRevision = old.revision, revision
	default:
		e.revision, e.tagRevision = revision, old.tagRevision
		if !slices.Equal(old.tags, e.tags) {
			e.tagRevision = revision
		}
	}
	if old != nil {
		c.detachItems(old)
		for _, id := range old.segments {
			if old.project != e.project || !slices.Contains(e.segments, id) { // attach replaces the others
				c.references = c.references.without(reference{segment: id, feature: old}, compareReferences)
				c.leave(item{revision: revision, kind: itemUnreferenced, segment: id, feature: old})
			}
		}
		if old.project != e.project {
			c.leave(item{revision: revision, kind: itemDeparted, feature: old})
		}
	}
	c.attach(e)
	c.comeBack(item{kind: itemDeparted, feature: e})
	for _, id := range e.segments {
		c.comeBack(item{kind: itemUnreferenced, segment: id, feature: e})
	}
	return true
}

// remove takes the flag out at revision. It reports whether it was there.
func (c *content) remove(name string, revision int64) bool {
	old := c.feature(name)
	if old == nil {
		return false
	}
	c.detachItems(old)
	c.features = c.features.without(old, compareEntries)
	for _, id := range old.segments {
		c.references = c.references.without(reference{segment: id, feature: old}, compareReferences)
		c.leave(item{revision: revision, kind: itemUnreferenced, segment: id, feature: old})
	}
	c.leave(item{revision: revision, kind: itemDeparted, feature: old})
	return true
}

// attach adds the flag and what is derived from it.
func (c *content) attach(e *entry) {
	c.features = c.features.with(e, compareEntries)
	for _, id := range e.segments {
		c.references = c.references.with(reference{segment: id, feature: e}, compareReferences)
	}
	c.items = c.items.with(item{revision: e.revision, kind: itemUpdated, feature: e}, compareItems)
	if e.tagRevision > e.revision {
		c.items = c.items.with(item{revision: e.tagRevision, kind: itemRetagged, feature: e}, compareItems)
	}
}

// detachItems removes what reports the flag.
func (c *content) detachItems(e *entry) {
	c.items = c.items.without(item{revision: e.revision, kind: itemUpdated, feature: e}, compareItems)
	if e.tagRevision > e.revision {
		c.items = c.items.without(item{revision: e.tagRevision, kind: itemRetagged, feature: e}, compareItems)
	}
}

// putSegment makes s the state of its segment.
func (c *content) putSegment(s *segment) {
	old := c.segment(s.id)
	if old != nil {
		c.items = c.items.without(item{revision: old.revision, kind: itemSegment, segment: s.id}, compareItems)
	}
	c.segments = c.segments.with(s, compareSegments)
	c.items = c.items.with(item{revision: s.revision, kind: itemSegment, segment: s.id}, compareItems)
	c.comeBack(item{kind: itemSegmentDeleted, segment: s.id})
}

// removeSegment takes the segment out at revision and reports whether it was there.
func (c *content) removeSegment(id int, revision int64) bool {
	old := c.segment(id)
	if old == nil {
		return false
	}
	c.items = c.items.without(item{revision: old.revision, kind: itemSegment, segment: id}, compareItems)
	c.segments = c.segments.without(old, compareSegments)
	c.leave(item{revision: revision, kind: itemSegmentDeleted, segment: id})
	return true
}

// leave records that something is no longer there.
func (c *content) leave(i item) {
	if i.feature != nil { // keep the names, not the flag
		i.feature = &entry{name: i.feature.name, project: i.feature.project}
	}
	if recorded, found := c.gone.find(func(other item) int { return compareSubjects(other, i) }); found {
		if recorded.revision >= i.revision {
			return
		}
		c.items = c.items.without(recorded, compareItems)
	}
	c.gone = c.gone.with(i, compareSubjects)
	c.items = c.items.with(i, compareItems)
}

// comeBack forgets that the item's subject was gone.
func (c *content) comeBack(i item) {
	recorded, found := c.gone.find(func(other item) int { return compareSubjects(other, i) })
	if !found {
		return
	}
	c.gone = c.gone.without(recorded, compareSubjects)
	c.items = c.items.without(recorded, compareItems)
}

// between records what readers may know that saw the states between the transactions of one delta, which were skipped
// here: flags that came to a project and left it again. known is the revision before the delta.
func (c *content) between(environment string, rows []Row, known int64) {
	for i := range rows {
		row := &rows[i]
		if row.Project == "" || (row.Environment != "" && row.Environment != environment) {
			continue
		}
		switch row.Kind {
		case KindFeature:
			if now := c.feature(row.Entity); now == nil || now.project != row.Project {
				c.leave(item{revision: row.Revision, kind: itemDeparted, feature: &entry{name: row.Entity, project: row.Project}})
			}
		case KindProject, KindProjectEnvironment:
			if !c.hasFlags(row.Project) {
				c.barriers = append(slices.Clone(c.barriers), barrier{project: row.Project, after: known, revision: row.Revision})
			}
		case KindSegment, KindEnvironment, KindToken, KindSetting, KindResync:
		}
	}
}

func (c *content) hasFlags(project string) bool {
	for e := range c.features.all() {
		if e.project == project {
			return true
		}
	}
	return false
}

// forget raises base and drops what only readers below it would need.
func (c *content) forget(base int64) {
	if base <= c.base {
		return
	}
	c.base = base
	c.barriers = slices.DeleteFunc(slices.Clone(c.barriers), func(b barrier) bool { return b.revision <= base })
	expired := func(i item) bool {
		return i.revision <= base && i.kind != itemUpdated && i.kind != itemRetagged && i.kind != itemSegment
	}
	if !slices.ContainsFunc(slices.Collect(c.gone.all()), expired) {
		return
	}
	c.gone = listOf(slices.DeleteFunc(slices.Collect(c.gone.all()), expired))
	c.items = listOf(slices.DeleteFunc(slices.Collect(c.items.all()), expired))
}

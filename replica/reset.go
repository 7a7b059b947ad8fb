package replica

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/pennonhq/pennon/eval"
)

// Reset replaces everything by the snapshot.
//
// If the store continues the same history, it compares: what is equal keeps its revision, what differs gets the
// snapshot's, what is missing is reported as gone. So readers resume over a Reset as over any other change. Otherwise
// revisions are those the log tells (see origins), and readers resume if the log still knows their cursor.
func (s *Store) Reset(snapshot Snapshot) {
	old := s.view.Load()
	s.noteTokens(snapshot.Log)
	changed := map[string]bool{}
	var next *View
	if old != nil {
		if !snapshot.Forked && !forked(snapshot.Log, old.log.head()) {
			next = s.compare(old, &snapshot)
		}
		if next == nil {
			next = s.startOver(old, &snapshot)
		}
		for name := range old.states {
			changed[name] = true
			if next.states[name] == nil {
				s.shelf.drop(name)
			}
		}
	} else {
		log := history{}.with(snapshot.Log).trimmed(historyKept)
		next = s.build(log, &snapshot, newOrigins(log, snapshot.Log))
	}
	for name := range next.states {
		changed[name] = true
	}
	if n := len(snapshot.Log); n > 0 {
		next.at = snapshot.Log[n-1].At
	}
	s.publish(next, changed, 0)
}

// forked reports whether the log cannot be a continuation of a history with that head.
func forked(log []Row, head Cursor) bool {
	if len(log) == 0 || log[len(log)-1].Revision < head.Revision {
		return head.Revision > 0
	}
	if log[0].Revision > head.Revision {
		return false // a gap: nothing can be said
	}
	i, found := slices.BinarySearchFunc(log, head.Revision, func(r Row, revision int64) int { return cmp.Compare(r.Revision, revision) })
	return !found || log[i].Mark != head.Mark
}

// startOver makes states that no cursor handed out before can be resumed from.
func (s *Store) startOver(old *View, snapshot *Snapshot) *View {
	log := history{}.with(snapshot.Log).trimmed(1)
	head := log.head()
	log.numbersFrom = max(head.Revision, old.log.head().Revision, old.log.numbersFrom-1) + 1
	from := newOrigins(log, nil)
	if old.log.continues(head) {
		from.oldest++ // the head itself was handed out: resume from the next row on
	}
	s.logger.Warn("flags are not as the change log tells: clients start over", "revision", head.Revision)
	s.shelf = newShelf(s.built)
	return s.build(log, snapshot, from)
}

func rowsAfter(log []Row, revision int64) []Row {
	for i := range log {
		if log[i].Revision > revision {
			return log[i:]
		}
	}
	return nil
}

// build makes the states from nothing but the snapshot.
func (s *Store) build(log history, snapshot *Snapshot, from *origins) *View {
	segments := make([]*segment, 0, len(snapshot.Segments))
	for i := range snapshot.Segments {
		encoded := s.encoder.segment(&snapshot.Segments[i])
		encoded.revision = max(from.segments[encoded.id], from.oldest)
		segments = append(segments, encoded)
	}
	slices.SortFunc(segments, compareSegments)
	next := &View{states: make(map[string]*State, len(snapshot.Environments)), log: log, segments: listOf(segments)}
	var twins *content
	for _, name := range slices.Sorted(maps.Keys(snapshot.Environments)) {
		c := s.restore(name, snapshot.Environments[name], next.segments, twins, from)
		next.states[name] = s.state(name, c, log, nil)
		twins = &c
	}
	return next
}

// load makes the content of an environment that begins at revision.
func (s *Store) load(features []Feature, segments list[*segment], twins *content, revision int64) content {
	return s.restore("", features, segments, twins, &origins{oldest: revision})
}

// restore makes the content of one environment, with the revisions and the departures the log tells of.
func (s *Store) restore(environment string, features []Feature, segments list[*segment], twins *content, from *origins) content {
	c := content{segments: segments, base: from.base(environment)}
	entries := make([]*entry, 0, len(features))
	present := make(map[departure]bool, len(features))
	projects := map[string]bool{}
	for i := range features {
		var twin *entry
		if twins != nil {
			twin = twins.feature(features[i].Name)
		}
		e := s.encoder.entry(&features[i], twin)
		e.revision = from.feature(environment, e)
		e.tagRevision = e.revision
		entries = append(entries, e)
		present[departure{e.project, e.name}] = true
		projects[e.project] = true
	}
	slices.SortFunc(entries, compareEntries)
	c.features = listOf(entries)

	var references []reference
	var items, gone []item
	for _, e := range entries {
		items = append(items, item{revision: e.revision, kind: itemUpdated, feature: e})
		for _, id := range e.segments {
			references = append(references, reference{segment: id, feature: e})
		}
	}
	for segment := range segments.all() {
		items = append(items, item{revision: segment.revision, kind: itemSegment, segment: segment.id})
	}
	for left, revision := range from.departures {
		if !present[left] && revision > c.base {
			gone = append(gone, item{revision: revision, kind: itemDeparted, feature: &entry{name: left.name, project: s.encoder.project(left.project)}})
		}
	}
	for id, revision := range from.segments {
		if c.segment(id) == nil && revision > c.base {
			gone = append(gone, item{revision: revision, kind: itemSegmentDeleted, segment: id})
		}
	}
	items = append(items, gone...)
	slices.SortFunc(references, compareReferences)
	slices.SortFunc(items, compareItems)
	slices.SortFunc(gone, compareSubjects)
	c.references, c.items, c.gone = listOf(references), listOf(items), listOf(gone)
	for project, revision := range from.projectsOf(environment) {
		// Whoever holds flags of a project without flags cannot be told which of them have gone with the project.
		if !projects[project] && revision > c.base {
			c.barriers = append(c.barriers, barrier{project: project, after: -1, revision: revision})
		}
	}
	slices.SortFunc(c.barriers, func(a, b barrier) int { return strings.Compare(a.project, b.project) })
	return c
}

// compare makes the states from the present ones and what is different in the snapshot. It returns nil if something is
// different though the log has no new row: then readers at the head cannot be told.
func (s *Store) compare(old *View, snapshot *Snapshot) *View {
	// What came and went between the two states is not known. So of the new rows only the last one can be resumed from.
	rows := rowsAfter(snapshot.Log, old.log.head().Revision)
	log := old.log.with(rows[max(len(rows)-1, 0):])
	if len(log.revisions) > historyMax {
		log = log.trimmed(historyKept)
	}
	head := log.head().Revision
	changes := s.segmentDifferences(old.segments, snapshot.Segments, head)
	shared := content{segments: old.segments}
	for _, change := range changes {
		change.apply(&shared)
	}
	next := &View{states: make(map[string]*State, len(snapshot.Environments)), log: log, segments: shared.segments}
	different := len(changes) > 0 || len(snapshot.Environments) != len(old.states)
	var twins *content
	for _, name := range slices.Sorted(maps.Keys(snapshot.Environments)) {
		var c content
		was := old.states[name]
		if was == nil {
			c = s.load(snapshot.Environments[name], next.segments, twins, head)
			different = true
		} else {
			c = was.content
			for _, change := range changes {
				change.apply(&c)
			}
			if s.replace(&c, snapshot.Environments[name], twins, head) {
				different = true
			}
			c.forget(log.oldest())
		}
		next.states[name] = s.state(name, c, log, was)
		twins = &c
	}
	if different && head == old.log.head().Revision {
		return nil
	}
	return next
}

func (s *Store) segmentDifferences(present list[*segment], wanted []eval.Segment, revision int64) []segmentChange {
	changes := make([]SegmentChange, 0, len(wanted))
	kept := make(map[int]bool, len(wanted))
	for i := range wanted {
		kept[wanted[i].ID] = true
		changes = append(changes, SegmentChange{ID: wanted[i].ID, Segment: &wanted[i], Revision: revision})
	}
	for segment := range present.all() {
		if !kept[segment.id] {
			changes = append(changes, SegmentChange{ID: segment.id, Revision: revision})
		}
	}
	return s.segmentChanges(present, changes, true)
}

// replace makes features all the flags there are; those that differ from the present ones change at revision. It reports
// whether any does.
func (s *Store) replace(c *content, features []Feature, twins *content, revision int64) (different bool) {
	kept := make(map[string]bool, len(features))
	for i := range features {
		name := features[i].Name
		kept[name] = true
		candidates := []*entry{c.feature(name)}
		if twins != nil {
			candidates = append(candidates, twins.feature(name))
		}
		if c.put(s.encoder.entry(&features[i], candidates...), revision, true) {
			different = true
			s.changes++
		}
	}
	for present := range c.features.all() {
		if !kept[present.name] {
			c.remove(present.name, revision)
			different = true
			s.changes++
		}
	}
	return different
}

package replica

import (
	"slices"
	"strconv"
)

// event is one element of a delta, before it is encoded. One of its subjects is set at most.
type event struct {
	revision int64

	updated *entry   // feature-updated
	removed *entry   // feature-removed: name and project
	left    *entry   // feature-left: name and project; see Query.Departures
	segment *segment // segment-updated

	segmentRemoved int // segment-removed, if the others are nil
}

// eventsSince lists what a reader who knows everything up to a revision has to apply, in order, to hold exactly what the
// query selects now. Each flag and segment is named once at most, as it is now.
//
//   - A segment comes before the first flag that refers to it, and is repeated for each flag that may be new to the reader.
//   - Segments nothing refers to any more go last.
//   - Nothing is said about flags in projects the scope does not see, nor about segments only those refer to.
func (c *content) eventsSince(q *Query, since, head int64) []event {
	var (
		events   []event
		sent     []int // segments in events
		dropped  []int // segments that may be unreferenced now
		departed []string
	)
	segmentUpdated := func(id int, revision int64) {
		if slices.Contains(sent, id) {
			return
		}
		if s := c.segment(id); s != nil {
			events = append(events, event{revision: revision, segment: s})
			sent = append(sent, id)
		}
	}
	update := func(e *entry, revision int64) {
		for _, id := range e.segments {
			segmentUpdated(id, revision)
		}
		events = append(events, event{revision: revision, updated: e})
	}
	remove := func(e *entry, revision int64) {
		now := c.feature(e.name)
		elsewhere := now != nil && q.selects(now) // in the scope, and reported there
		if elsewhere || slices.Contains(departed, e.name) {
			if q.Departures && (now == nil || now.project != e.project) {
				events = append(events, event{revision: revision, left: e})
			}
			return
		}
		departed = append(departed, e.name)
		events = append(events, event{revision: revision, removed: e})
	}
	for i := range c.after(since) {
		if !c.concerns(i, q, since) && i.kind != itemSegment {
			continue
		}
		switch i.kind {
		case itemUpdated, itemRetagged:
			if i.kind == itemRetagged && i.feature.revision > since {
				continue // reported as updated
			}
			if q.tagged(i.feature) {
				update(i.feature, i.revision)
				continue
			}
			remove(i.feature, i.revision)
			dropped = append(dropped, i.feature.segments...)
		case itemDeparted:
			remove(i.feature, i.revision)
		case itemUnreferenced, itemSegmentDeleted:
			dropped = append(dropped, i.segment)
		case itemSegment:
			if !slices.Contains(sent, i.segment) && c.referenced(i.segment, q) {
				segmentUpdated(i.segment, i.revision)
			}
		}
	}
	slices.Sort(dropped)
	for _, id := range slices.Compact(dropped) {
		if c.segment(id) == nil || !c.referenced(id, q) {
			events = append(events, event{revision: head, segmentRemoved: id})
		}
	}
	if len(events) > 0 {
		// Readers take the last id for their cursor: it says how far the log was considered, not where the last match was.
		events[len(events)-1].revision = head
	}
	return events
}

// appendEvents encodes a delta as SDKs read it: {"events":[…]}.
func appendEvents(b []byte, events []event) []byte {
	size := 16
	for i := range events {
		size += events[i].size()
	}
	b = slices.Grow(b, size)
	b = append(b, `{"events":[`...)
	for i := range events {
		if i > 0 {
			b = append(b, ',')
		}
		b = events[i].append(b)
	}
	return append(b, `]}`...)
}

func (e *event) append(b []byte) []byte {
	open := func(kind, key string) {
		b = append(b, `{"type":"`...)
		b = append(b, kind...)
		b = append(b, `","eventId":`...)
		b = strconv.AppendInt(b, e.revision, 10)
		b = append(b, `,"`...)
		b = append(b, key...)
		b = append(b, `":`...)
	}
	switch {
	case e.updated != nil:
		open("feature-updated", "feature")
		b = append(b, e.updated.json...)
	case e.removed != nil:
		open("feature-removed", "featureName")
		b = appendString(b, e.removed.name)
		b = append(b, `,"project":`...)
		b = appendString(b, e.removed.project)
	case e.left != nil:
		open("feature-left", "featureName")
		b = appendString(b, e.left.name)
		b = append(b, `,"project":`...)
		b = appendString(b, e.left.project)
	case e.segment != nil:
		open("segment-updated", "segment")
		b = append(b, e.segment.json...)
	default:
		open("segment-removed", "segmentId")
		b = strconv.AppendInt(b, int64(e.segmentRemoved), 10)
	}
	return append(b, '}')
}

// size is about how many bytes append writes.
func (e *event) size() int {
	const frame = 96
	switch {
	case e.updated != nil:
		return frame + len(e.updated.json)
	case e.removed != nil:
		return frame + len(e.removed.name) + len(e.removed.project)
	case e.left != nil:
		return frame + len(e.left.name) + len(e.left.project)
	case e.segment != nil:
		return frame + len(e.segment.json)
	default:
		return frame
	}
}

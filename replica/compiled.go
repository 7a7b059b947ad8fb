package replica

import (
	"sync"

	"github.com/pennonhq/pennon/eval"
)

// compiled is the evaluation's form of a state, made when first asked for. The next state starts from it.
type compiled struct {
	mu       sync.Mutex
	snapshot *eval.Snapshot
	upTo     int64 // revision of the state the snapshot was made for

	strategies eval.Strategies // set before the state is shared
}

// follow takes over what the state before has compiled.
func (c *compiled) follow(old *compiled) {
	old.mu.Lock()
	defer old.mu.Unlock()
	c.snapshot, c.upTo = old.snapshot, old.upTo
}

// Compiled returns the environment's flags ready for evaluation. The first call compiles them all and is slow; from then
// on each state compiles only what is new in it. An environment nobody evaluates costs nothing.
func (st *State) Compiled() *eval.Snapshot {
	c := &st.compiled
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.snapshot != nil && c.upTo == st.head():
	case c.snapshot == nil || c.upTo < st.base:
		c.snapshot = st.compileAll()
	default:
		c.snapshot = c.snapshot.With(st.changeSince(c.upTo))
	}
	c.upTo = st.head()
	return c.snapshot
}

func (st *State) compileAll() *eval.Snapshot {
	features := make([]eval.Feature, 0, st.features.length)
	for e := range st.features.all() {
		features = append(features, e.decode())
	}
	segments := make([]eval.Segment, 0, st.segments.length)
	for s := range st.segments.all() {
		segments = append(segments, s.decode())
	}
	return st.compiled.strategies.Compile(features, segments)
}

// changeSince collects what is different from the state at a revision.
func (st *State) changeSince(revision int64) eval.Change {
	var change eval.Change
	for i := range st.after(revision) {
		switch i.kind {
		case itemUpdated:
			change.Features = append(change.Features, i.feature.decode())
		case itemDeparted:
			if st.feature(i.feature.name) == nil { // and not in another project
				change.RemovedFeatures = append(change.RemovedFeatures, i.feature.name)
			}
		case itemSegment:
			change.Segments = append(change.Segments, st.segment(i.segment).decode())
		case itemSegmentDeleted:
			change.RemovedSegments = append(change.RemovedSegments, i.segment)
		case itemRetagged, itemUnreferenced: // the evaluation sees neither
		}
	}
	return change
}

func (e *entry) decode() (f eval.Feature) {
	decode(e.json, &f)
	return f
}

func (s *segment) decode() (decoded eval.Segment) {
	decode(s.json, &decoded)
	return decoded
}

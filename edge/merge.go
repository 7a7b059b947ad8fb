package edge

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
)

// errUnhydrated says that events came before anything they could change.
var errUnhydrated = errors.New("the upstream sent changes without the flags they change")

// merger makes one history out of what all feeds bring, and hands it to the Sink. It belongs to the goroutine of
// Upstream.Run.
//
// What comes over the link brings the rows of the upstream's change log, and they become the Sink's: then a cursor means the
// same here as there, and on every other edge. Otherwise revisions are the upstream's numbers as long as they rise. Where
// they do not (another feed was ahead, or the upstream was restored to an older state) they go on by one. Every upstream
// history gets a mark of its own, so that no cursor of another one fits; but the clients' own cursors stay valid, because
// what they get is always the difference to what there was here. Once the link's rows are above the Sink's they are taken
// over again.
type merger struct {
	sink         replica.Sink
	logger       *slog.Logger
	started      bool // Reset was called
	head         replica.Cursor
	adopted      int64  // newest revision whose row came over the link or from an earlier run; 0: none
	mark         uint32 // of rows that did not
	feeds        []*held
	environments map[string]bool // that the Sink has

	kept    map[string]bool // environments that an earlier run has left in the Sink
	resumed int64           // the revision at which it did
}

func newMerger(sink replica.Sink, logger *slog.Logger) *merger {
	return &merger{sink: sink, logger: logger, mark: newMark(), environments: map[string]bool{}}
}

func newMark() uint32 { return rand.Uint32N(1<<32-1) + 1 }

// batch is what a feed has to say at once.
type batch struct {
	feed     int
	document document
	revision int64                    // of a document without events; 0: unknown
	accepts  func(*eval.Feature) bool // flags that it does not accept count as not sent
	initial  bool                     // counts only while nothing else has come
	restored bool                     // is from an earlier run: initial, but as good as the upstream's
	resumed  bool                     // restored, and its feed asks for what has changed since
	leave    bool                     // says that the feed has ended

	frame   *frame // of the link: it concerns many feeds; nothing else is set
	release []int  // feeds that the link no longer brings; nothing else is set
}

// errLinked says that what a feed has brought itself came after the link had taken it over.
var errLinked = errors.New("the link brings this now")

// change collects what a batch changes.
type change struct {
	features map[string]*replica.Feature // nil: gone
	segments map[int]*eval.Segment       // nil: gone
	revision int64                       // the upstream's
	older    bool                        // the upstream's history has gone back

	// For what comes over the link.
	between   bool             // readers may have seen states between the last one and this one, so all there is counts as news
	at        int64            // revision of the event in hand
	revisions map[string]int64 // of features, as far as known
	gone      []replica.Departure
}

func newChange(h *held) *change {
	return &change{
		features: map[string]*replica.Feature{}, segments: map[int]*eval.Segment{}, revisions: map[string]int64{}, revision: h.upstream,
	}
}

// put notes that a flag is so now; nil: gone.
func (c *change) put(name string, feature *replica.Feature) {
	c.features[name], c.revisions[name] = feature, c.at
}

// merge applies a batch. It fails without having changed anything when the batch says nothing that can be understood where
// it stands.
func (m *merger) merge(b *batch) error {
	switch {
	case b.frame != nil:
		return m.follow(b.frame)
	case b.release != nil:
		for _, i := range b.release {
			m.feeds[i].linked = false
		}
		return nil
	}
	h := m.feeds[b.feed]
	switch {
	case b.leave:
		m.leave(h)
		return nil
	case b.initial && (h.filled || len(h.features) > 0):
		return nil
	case h.linked:
		return errLinked
	}
	c := newChange(h)
	begins := !h.filled && !h.restored
	if b.restored && m.kept[h.environment] { // the Sink has it
		m.replace(h, c, b, *b.document.Features, b.document.Segments)
		h.restored, h.resumable, h.asOf = true, b.resumed, m.resumed
		return nil
	}
	if b.document.Events == nil {
		m.replace(h, c, b, *b.document.Features, b.document.Segments)
		c.advance(h, b.revision, false) // of a scope: it may lag behind the revisions of streams
		h.filled, h.restored, h.resumable = !b.initial, b.restored, b.resumed
	} else if err := m.events(h, c, b, *b.document.Events); err != nil {
		return err
	}
	if c.older {
		m.mark = newMark()
		m.logger.Info("the upstream's history has gone back; going on with what is different",
			"environment", h.environment, "revision", h.upstream, "upstream_revision", c.revision)
	}
	if begins && h.filled {
		m.sweep(h, c)
	}
	h.upstream = c.revision
	m.publish(h, c, begins)
	return nil
}

func (m *merger) events(h *held, c *change, b *batch, events []event) error {
	for i := range events {
		e := &events[i]
		if e.Type == hydration {
			m.replace(h, c, b, *e.Features, e.Segments)
			c.advance(h, e.ID, true)
			h.filled = true
			continue
		}
		if !h.filled && !h.resumable {
			return errUnhydrated // the first event: nothing is changed yet
		}
		switch e.Type {
		case featureUpdated:
			m.feature(h, c, b, e.Feature)
		case featureRemoved:
			m.removeFeature(h, c, e.FeatureName)
		case segmentUpdated:
			m.segment(h, c, e.Segment)
		case segmentRemoved:
			m.removeSegment(h, c, e.SegmentID)
		default:
			m.logger.Debug("an event of an unknown type was skipped", "type", e.Type)
		}
		c.advance(h, e.ID, false)
	}
	if h.resumable {
		h.filled, h.restored, h.resumable = true, false, false
	}
	return nil
}

// advance notes the upstream's revision. With everything, one below what is known means another history.
func (c *change) advance(h *held, revision int64, everything bool) {
	if everything && h.filled && revision > 0 && revision < c.revision {
		c.older, c.revision = true, revision
		return
	}
	c.revision = max(c.revision, revision)
}

// replace makes the elements all there are.
func (m *merger) replace(h *held, c *change, b *batch, features, segments []json.RawMessage) {
	kept, whole := make(map[string]bool, len(features)), true
	for _, raw := range features {
		name := m.feature(h, c, b, raw)
		whole = whole && name != ""
		kept[name] = true
	}
	if !whole {
		m.logger.Warn("the upstream sent a flag without a name; no flag is taken away", "environment", h.environment)
	}
	for name := range h.features {
		if whole && !kept[name] {
			m.removeFeature(h, c, name)
		}
	}
	keptSegments, whole := make(map[int]bool, len(segments)), true
	used := b.uses(features)
	for _, raw := range segments {
		if used != nil && !used[idOf(raw)] {
			continue
		}
		id, ok := m.segment(h, c, raw)
		whole = whole && ok
		keptSegments[id] = true
	}
	for id := range h.segments {
		if whole && !keptSegments[id] {
			m.removeSegment(h, c, id)
		}
	}
}

// uses are the segments that the flags refer to which are accepted, where the document may hold those of others; nil: it
// does not.
func (b *batch) uses(features []json.RawMessage) map[int]bool {
	if !b.restored || b.accepts == nil {
		return nil
	}
	used := map[int]bool{}
	for _, raw := range features {
		feature, err := parseFeature(raw)
		if err != nil || !b.accepts(&feature) {
			continue
		}
		for i := range feature.Strategies {
			for _, id := range feature.Strategies[i].Segments {
				used[id] = true
			}
		}
	}
	return used
}

// publish hands the change to the Sink: as a Reset the first time, then always as a Delta. Begins says that the feed held
// nothing before.
func (m *merger) publish(h *held, c *change, begins bool) {
	known := m.environments[h.environment]
	if !known && !h.filled && !h.restored && len(c.features) == 0 {
		return // a bootstrap without flags
	}
	delta := replica.Delta{}
	if known && m.adopted > h.asOf { // readers from elsewhere may come with a cursor of which nothing is known here
		since := h.asOf
		if begins {
			since = -1
		}
		delta.Gaps = []replica.Gap{{Scope: h.scope, Since: since}}
	}
	changed := !known || len(c.features)+len(c.segments)+len(delta.Gaps) > 0
	row := m.row(c.revision)
	if c.revision <= m.head.Revision && !changed {
		return
	}
	if m.started && c.revision <= m.head.Revision && (!known || begins && c.adds(h.scope)) {
		if known {
			delta.Gaps = []replica.Gap{{Scope: h.scope, Since: -1}}
		}
		c.fill(&delta, h.environment, known)
		m.hand(delta)
		h.asOf = m.head.Revision
		if m.adopted > 0 { // it may be older than what readers from elsewhere have
			h.asOf = -1
		}
		return
	}
	c.fill(&delta, h.environment, known)
	row.Environment, delta.Rows = h.environment, []replica.Row{row}
	m.hand(delta)
	h.asOf = m.head.Revision
}

// row is the next one of the Sink's history that the upstream's does not have, with the upstream's number if that is above.
func (m *merger) row(revision int64) replica.Row {
	return replica.Row{Revision: max(revision, m.head.Revision+1), Mark: m.mark, Kind: replica.KindFeature, At: time.Now()}
}

// fill adds the change to the delta.
func (c *change) fill(delta *replica.Delta, environment string, known bool) {
	for id, segment := range c.segments {
		change := replica.SegmentChange{ID: id, Segment: segment}
		// A feed may have taken out what the next one has put in.
		if i := slices.IndexFunc(delta.Segments, func(s replica.SegmentChange) bool { return s.ID == id }); i >= 0 {
			delta.Segments[i] = change
			continue
		}
		delta.Segments = append(delta.Segments, change)
	}
	if !known {
		if delta.EnvironmentsCreated == nil {
			delta.EnvironmentsCreated = map[string][]replica.Feature{}
		}
		delta.EnvironmentsCreated[environment] = c.list(delta.EnvironmentsCreated[environment])
		return
	}
	for name, feature := range c.features {
		delta.Features = append(delta.Features, replica.FeatureChange{
			Environment: environment, Name: name, Feature: feature, Revision: c.revisions[name],
		})
	}
	for _, left := range c.gone {
		left.Environment = environment
		delta.Departures = append(delta.Departures, left)
	}
}

// hand gives the Sink the delta.
func (m *merger) hand(delta replica.Delta) {
	for environment := range delta.EnvironmentsCreated {
		m.environments[environment] = true
	}
	if n := len(delta.Rows); n > 0 {
		m.head = replica.Cursor{Revision: delta.Rows[n-1].Revision, Mark: delta.Rows[n-1].Mark}
	}
	if m.started {
		m.sink.Apply(delta)
		return
	}
	m.started = true
	snapshot := replica.Snapshot{Log: delta.Rows[len(delta.Rows)-1:], Environments: delta.EnvironmentsCreated}
	for i := range delta.Segments {
		if segment := delta.Segments[i].Segment; segment != nil {
			snapshot.Segments = append(snapshot.Segments, *segment)
		}
	}
	m.sink.Reset(snapshot)
}

// list adds the flags to those that other feeds have brought, which may be the same.
func (c *change) list(others []replica.Feature) []replica.Feature {
	features := make([]replica.Feature, 0, len(c.features)+len(others))
	for _, feature := range c.features {
		if feature != nil {
			features = append(features, *feature)
		}
	}
	for i := range others {
		if c.features[others[i].Name] == nil {
			features = append(features, others[i])
		}
	}
	return features
}

package edge

import (
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
)

// errUnhydrated says that events came before anything they could change.
var errUnhydrated = errors.New("the upstream sent changes without the flags they change")

// merger makes one history out of what all feeds bring, and hands it to the Sink. It belongs to the goroutine of
// Upstream.Run.
//
// Revisions are the upstream's numbers as long as they rise. Where they do not (another feed was ahead, or the upstream was
// restored to an older state) they go on by one. Every upstream history gets a mark of its own, so that no cursor of
// another one fits; but the clients' own cursors stay valid, because what they get is always the difference to what there
// was here.
type merger struct {
	sink         replica.Sink
	logger       *slog.Logger
	started      bool // Reset was called
	head         int64
	mark         uint32
	feeds        []*held
	environments map[string]bool // that the Sink has
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
	leave    bool                     // says that the feed has ended
}

// change collects what a batch changes.
type change struct {
	features map[string]*replica.Feature // nil: gone
	segments map[int]*eval.Segment       // nil: gone
	revision int64                       // the upstream's
	older    bool                        // the upstream's history has gone back
}

// merge applies a batch. It fails without having changed anything when the batch says nothing that can be understood where
// it stands.
func (m *merger) merge(b *batch) error {
	h := m.feeds[b.feed]
	if b.leave {
		m.leave(h)
		return nil
	}
	if b.initial && (h.filled || len(h.features) > 0) {
		return nil
	}
	c := &change{features: map[string]*replica.Feature{}, segments: map[int]*eval.Segment{}, revision: h.upstream}
	if b.document.Events == nil {
		m.replace(h, c, b, *b.document.Features, b.document.Segments)
		c.advance(h, b.revision, false) // of a scope: it may lag behind the revisions of streams
		h.filled, h.restored = !b.initial, b.restored
	} else if err := m.events(h, c, b, *b.document.Events); err != nil {
		return err
	}
	if c.older {
		m.mark = newMark()
		m.logger.Info("the upstream's history has gone back; going on with what is different",
			"environment", h.environment, "revision", h.upstream, "upstream_revision", c.revision)
	}
	h.upstream = c.revision
	m.publish(h, c)
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
		if !h.filled {
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
	for _, raw := range segments {
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

// publish hands the change to the Sink: as a Reset the first time, then always as a Delta.
func (m *merger) publish(h *held, c *change) {
	known := m.environments[h.environment]
	if !known && !h.filled && !h.restored && len(c.features) == 0 {
		return // a bootstrap without flags
	}
	changed := !known || len(c.features)+len(c.segments) > 0
	revision := c.revision
	if revision <= m.head {
		if !changed {
			return
		}
		revision = m.head + 1
	}
	m.head, m.environments[h.environment] = revision, true
	row := replica.Row{
		Revision: revision, Mark: m.mark, Kind: replica.KindFeature, Environment: h.environment, At: time.Now(),
	}
	if !m.started {
		m.started = true
		snapshot := replica.Snapshot{Log: []replica.Row{row}, Environments: map[string][]replica.Feature{h.environment: c.list()}}
		for _, segment := range c.segments {
			if segment != nil {
				snapshot.Segments = append(snapshot.Segments, *segment)
			}
		}
		m.sink.Reset(snapshot)
		return
	}
	delta := replica.Delta{Rows: []replica.Row{row}}
	for id, segment := range c.segments {
		delta.Segments = append(delta.Segments, replica.SegmentChange{ID: id, Segment: segment, Revision: revision})
	}
	if !known {
		delta.EnvironmentsCreated = map[string][]replica.Feature{h.environment: c.list()}
		m.sink.Apply(delta)
		return
	}
	for name, feature := range c.features {
		delta.Features = append(delta.Features, replica.FeatureChange{
			Environment: h.environment, Name: name, Feature: feature, Revision: revision,
		})
	}
	m.sink.Apply(delta)
}

func (c *change) list() []replica.Feature {
	features := make([]replica.Feature, 0, len(c.features))
	for _, feature := range c.features {
		if feature != nil {
			features = append(features, *feature)
		}
	}
	return features
}

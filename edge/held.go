package edge

import (
	"encoding/json"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// held is what one feed has brought. Flags are held as fingerprints, for the Sink has them; only where several feeds share
// an environment they are kept, because what one of them loses another may still have.
type held struct {
	scope       token.Scope
	environment string
	shared      bool
	filled      bool  // everything has come once
	restored    bool  // what there is comes from an earlier run
	resumable   bool  // restored, and the upstream may be asked for what has changed since
	linked      bool  // the link brings it, so that nothing else may
	left        bool  // nobody brings more
	upstream    int64 // newest revision of the upstream that has come
	asOf        int64 // the Sink's revision up to which what is held was the upstream's

	features map[string]heldFeature
	names    map[uint64]string // by fingerprint
	segments map[int]uint64
}

type heldFeature struct {
	sum     uint64
	feature *replica.Feature // nil unless shared
}

func newHeld(scope token.Scope, shared bool) *held {
	return &held{
		scope: scope, environment: scope.Environment, shared: shared,
		features: map[string]heldFeature{}, names: map[uint64]string{}, segments: map[int]uint64{},
	}
}

// join makes room for one more feed. Feeds that see some projects only may always be joined by others of their environment,
// so their flags are kept; one that sees all of them is asked for every flag, and what it says last counts. What a feed has
// left behind, the next one of its environment goes on with.
func (m *merger) join(scope token.Scope) {
	h := newHeld(scope, !scope.AllProjects())
	for i, other := range m.feeds {
		switch {
		case other.environment != scope.Environment:
		case other.left && len(other.features) > 0:
			m.feeds[i] = newHeld(other.scope, false)
			m.feeds[i].left = true
			other.left, other.filled, other.restored, other.resumable = false, false, false, false
			other.shared, other.scope = h.shared, scope
			h = other
		case !other.left:
			h.shared = true
		}
	}
	m.feeds = append(m.feeds, h)
}

// leave ends a feed. Its flags go, unless it was the last of its environment.
func (m *merger) leave(h *held) {
	h.left, h.linked = true, false
	for _, other := range m.feeds {
		if other.environment != h.environment || other.left || !other.filled {
			continue
		}
		c := newChange(h)
		for name := range h.features {
			m.removeFeature(h, c, name)
		}
		for id := range h.segments {
			m.removeSegment(h, c, id)
		}
		m.publish(h, c, false)
		return
	}
}

// sweep takes out what feeds have left behind that h has come to follow, once all feeds of the environment are there.
func (m *merger) sweep(h *held, c *change) {
	for _, other := range m.feeds {
		if other.environment == h.environment && !other.left && !other.filled {
			return
		}
	}
	for _, other := range m.feeds {
		if other.environment != h.environment || !other.left {
			continue
		}
		gone := newChange(other)
		for name := range other.features {
			m.removeFeature(other, gone, name)
		}
		for id := range other.segments {
			m.removeSegment(other, gone, id)
		}
		for name, feature := range gone.features {
			if _, news := c.features[name]; !news {
				c.put(name, feature)
			}
		}
		for id := range gone.segments {
			if _, news := c.segments[id]; !news {
				c.segments[id] = nil
			}
		}
	}
}

// feature takes a flag in and returns its name, empty if even that cannot be read. A flag that is broken stays as it was:
// one bad flag must not cost the others, nor be switched by chance.
func (m *merger) feature(h *held, c *change, b *batch, raw json.RawMessage) string {
	sum := fingerprint(raw)
	if name, known := h.names[sum]; known && !c.between {
		return name
	}
	feature, err := parseFeature(raw)
	if err != nil {
		name := nameOf(raw)
		m.logger.Error("a flag from the upstream cannot be read; it stays as it was", "feature", name, "environment", h.environment, "err", err)
		return name
	}
	if b.accepts != nil && !b.accepts(&feature) {
		m.removeFeature(h, c, feature.Name)
		return feature.Name
	}
	m.forget(h, feature.Name)
	news := &replica.Feature{Feature: feature}
	now := heldFeature{sum: sum}
	if h.shared {
		now.feature = news
	}
	h.features[feature.Name], h.names[sum] = now, feature.Name
	c.put(feature.Name, news)
	return feature.Name
}

// removeFeature takes a flag out, unless another feed of the environment has it.
func (m *merger) removeFeature(h *held, c *change, name string) {
	if _, known := h.features[name]; !known {
		return
	}
	m.forget(h, name)
	c.put(name, nil)
	for _, other := range m.feeds {
		if other != h && other.environment == h.environment {
			if theirs, known := other.features[name]; known && theirs.feature != nil {
				c.put(name, theirs.feature)
			} else if known {
				delete(c.features, name) // theirs will say what becomes of it
			}
		}
	}
}

func (m *merger) forget(h *held, name string) {
	if old, known := h.features[name]; known {
		delete(h.names, old.sum)
		delete(h.features, name)
	}
}

// segment takes a segment in and returns its id, or false if it cannot be read.
func (m *merger) segment(h *held, c *change, raw json.RawMessage) (int, bool) {
	segment, err := parseSegment(raw)
	if err != nil {
		m.logger.Error("a segment from the upstream cannot be read; it stays as it was", "environment", h.environment, "err", err)
		return 0, false
	}
	sum := fingerprint(raw)
	if known, ok := h.segments[segment.ID]; ok && known == sum && !c.between {
		return segment.ID, true
	}
	h.segments[segment.ID] = sum
	c.segments[segment.ID] = &segment
	return segment.ID, true
}

// removeSegment takes a segment out, unless another feed has it: segments belong to all environments.
func (m *merger) removeSegment(h *held, c *change, id int) {
	if _, known := h.segments[id]; !known {
		return
	}
	delete(h.segments, id)
	for _, other := range m.feeds {
		if _, known := other.segments[id]; known {
			return
		}
	}
	c.segments[id] = nil
}

// accepts reports whether the flag is one the filter asks for. Upstreams need not apply it to streams.
func (f Filter) accepts(feature *eval.Feature) bool {
	return (f.Project == "" || feature.Project == f.Project) &&
		len(feature.Name) >= len(f.NamePrefix) && feature.Name[:len(f.NamePrefix)] == f.NamePrefix
}

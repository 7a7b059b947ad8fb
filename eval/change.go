package eval

import (
	"hash/maphash"
	"maps"
	"slices"
	"strings"
)

// Change is a difference between two snapshots. Removals are applied first: what is both removed and updated is there
// afterwards. Updates of unknown features and segments add them, removals of unknown ones do nothing.
type Change struct {
	Features        []Feature
	RemovedFeatures []string
	Segments        []Segment
	RemovedSegments []int
}

// With gives the snapshot that follows change. Only features that changed, whose segment changed or whose parent
// changed are compiled or linked anew; everything else is shared with s, which stays valid. The snapshot keeps what the
// change holds: it must not be modified afterwards.
func (s *Snapshot) With(change Change) *Snapshot {
	if len(change.Features)+len(change.RemovedFeatures)+len(change.Segments)+len(change.RemovedSegments) == 0 {
		return s
	}
	next := &Snapshot{table: s.table, segments: s.segments, fields: s.fields, custom: s.custom, children: s.children}
	next.fields.shared = true
	touched := next.applySegments(change)

	// fresh holds the new state of every feature that is not simply shared; nil marks a removal.
	fresh := make(map[string]*Compiled, len(change.Features)+len(change.RemovedFeatures))
	for _, name := range change.RemovedFeatures {
		if s.Lookup(name) != nil {
			fresh[name] = nil
		}
	}
	for _, feature := range change.Features {
		fresh[feature.Name] = next.compile(feature)
	}
	if len(touched) > 0 {
		for _, c := range s.features {
			if _, done := fresh[c.name]; !done && c.usesAny(touched) {
				fresh[c.name] = next.compile(*c.feature)
			}
		}
	}
	s.relinkChildren(fresh)
	next.merge(s, fresh)
	for _, c := range fresh {
		if c != nil {
			c.link(next.Lookup)
		}
	}
	return next
}

// applySegments replaces the segments and returns the ids that changed.
func (s *Snapshot) applySegments(change Change) map[int]bool {
	if len(change.Segments)+len(change.RemovedSegments) == 0 {
		return nil
	}
	touched := make(map[int]bool)
	segments := maps.Clone(s.segments)
	if segments == nil {
		segments = make(map[int]*compiledSegment, len(change.Segments))
	}
	for _, id := range change.RemovedSegments {
		touched[id] = true
		delete(segments, id)
	}
	for _, segment := range change.Segments {
		touched[segment.ID] = true
		segments[segment.ID] = compileSegment(segment, &s.fields)
	}
	s.segments = segments
	return touched
}

func (s *Snapshot) compile(feature Feature) *Compiled {
	return compileFeature(feature, maphash.String(nameSeed, feature.Name), s.segments, &s.fields, s.custom)
}

func (c *Compiled) usesAny(segments map[int]bool) bool {
	return slices.ContainsFunc(c.segments, func(id int) bool { return segments[id] })
}

// relinkChildren adds to fresh a copy of every feature that depends on one in it, because the copy will point to the
// parent's new state. Children of children need nothing: a feature that has parents is nobody's valid parent.
func (s *Snapshot) relinkChildren(fresh map[string]*Compiled) {
	if len(s.children) == 0 {
		return
	}
	for _, name := range slices.Collect(maps.Keys(fresh)) {
		for _, child := range s.children[name] {
			if _, done := fresh[child]; done {
				continue
			}
			relinked := *s.Lookup(child)
			fresh[child] = &relinked
		}
	}
}

// merge sets the features, the table and the children of s from those of previous and the fresh ones.
func (s *Snapshot) merge(previous *Snapshot, fresh map[string]*Compiled) {
	s.features = slices.Clone(previous.features)
	sameNames, sameParents := true, true
	var added []*Compiled
	for name, c := range fresh {
		at, known := slices.BinarySearchFunc(previous.features, name, func(c *Compiled, name string) int {
			return strings.Compare(c.name, name)
		})
		var before, after []Dependency
		if known {
			before = previous.features[at].feature.Dependencies
			s.features[at] = c
		} else {
			added = append(added, c)
		}
		if c != nil {
			after = c.feature.Dependencies
		}
		sameNames = sameNames && known && c != nil
		sameParents = sameParents && slices.EqualFunc(before, after, func(a, b Dependency) bool { return a.Feature == b.Feature })
	}
	if !sameNames {
		s.features = append(s.features, added...)
		s.features = slices.DeleteFunc(s.features, func(c *Compiled) bool { return c == nil })
		slices.SortFunc(s.features, func(a, b *Compiled) int { return strings.Compare(a.name, b.name) })
		s.table = newTable(s.features)
	}
	if !sameParents {
		s.children = childrenOf(s.features)
	}
}

func childrenOf(features []*Compiled) map[string][]string {
	children := make(map[string][]string)
	for _, c := range features {
		for _, dependency := range c.feature.Dependencies {
			children[dependency.Feature] = append(children[dependency.Feature], c.name)
		}
	}
	return children
}

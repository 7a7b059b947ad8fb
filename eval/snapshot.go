package eval

import (
	"hash/maphash"
)

// Snapshot is an immutable compiled set of features and segments. It is safe for use by any number of goroutines; With
// derives the next one.
type Snapshot struct {
	features []*Compiled // in order of name
	table    table
	segments map[int]*compiledSegment
	fields   fieldTable
	custom   Strategies

	// children holds, by the name of a parent, the names of the features that depend on it.
	children map[string][]string
}

var empty = &Snapshot{}

// Compile prepares features and segments for evaluation. Of several features with one name, or segments with one id,
// the last counts. The snapshot keeps what it is given: it must not be modified afterwards.
func Compile(features []Feature, segments []Segment) *Snapshot {
	return empty.With(Change{Features: features, Segments: segments})
}

// Len is the number of features.
func (s *Snapshot) Len() int { return len(s.features) }

// Features are all features, in order of name. The slice must not be modified. A snapshot that follows another one has the
// same value for each feature that gives the same answers in both: one is new exactly where the feature, one of its
// segments or one of its parents has changed.
func (s *Snapshot) Features() []*Compiled { return s.features }

// Lookup finds a feature by name, nil if it is unknown.
func (s *Snapshot) Lookup(name string) *Compiled {
	return s.table.find(s.features, name, maphash.String(nameSeed, name))
}

// Segment finds a segment by id.
func (s *Snapshot) Segment(id int) (Segment, bool) {
	if segment := s.segments[id]; segment != nil {
		return segment.source, true
	}
	return Segment{}, false
}

// Enabled reports whether the named feature is on; an unknown feature is off. A nil context is an empty one. It
// allocates nothing.
func (s *Snapshot) Enabled(name string, ctx *Context) bool {
	c := s.Lookup(name)
	return c != nil && c.Enabled(ctx)
}

// Evaluate answers for the named feature and reports whether it is known. It allocates nothing.
func (s *Snapshot) Evaluate(name string, ctx *Context) (result Result, known bool) {
	c := s.Lookup(name)
	if c == nil {
		return Result{}, false
	}
	return c.Evaluate(ctx), true
}

// Variant is Evaluate in the form of the SDKs' getVariant; an unknown feature gives the disabled variant. It allocates
// nothing.
func (s *Snapshot) Variant(name string, ctx *Context) VariantResult {
	result, _ := s.Evaluate(name, ctx)
	return result.VariantResult()
}

// All evaluates every feature for one context, in order of name, until yield returns false. It is faster than one call
// per feature, because each context field is looked up and parsed once. It allocates nothing itself.
func (s *Snapshot) All(ctx *Context, yield func(*Compiled, Result) bool) {
	var cache fieldCache
	f := newFrame(ctx)
	f.cache = &cache
	for _, c := range s.features {
		if !yield(c, c.result(&f)) {
			return
		}
	}
}

// Each is All for some features of one snapshot, which it names by their place among those given.
func Each(ctx *Context, features []*Compiled, yield func(int, Result) bool) {
	var cache fieldCache
	f := newFrame(ctx)
	f.cache = &cache
	for i, c := range features {
		if !yield(i, c.result(&f)) {
			return
		}
	}
}

// nameSeed hashes feature names; per process, so that nobody can choose names that collide.
var nameSeed = maphash.MakeSeed()

// table finds the position of a feature by the hash of its name: open addressing with linear probing, at most half
// full. Snapshots that differ only in the content of features share it.
type table []slot

type slot struct {
	tag   uint32 // upper half of the hash
	index uint32 // position in features plus one; 0 marks a free slot
}

func newTable(features []*Compiled) table {
	size := 8
	for size < 2*len(features) {
		size *= 2
	}
	t := make(table, size)
	for i, c := range features {
		at := int(c.hash) & (size - 1)
		for t[at].index != 0 {
			at = (at + 1) & (size - 1)
		}
		t[at] = slot{tag: uint32(c.hash >> 32), index: uint32(i) + 1}
	}
	return t
}

func (t table) find(features []*Compiled, name string, hash uint64) *Compiled {
	if len(t) == 0 {
		return nil
	}
	mask := len(t) - 1
	for at := int(hash) & mask; ; at = (at + 1) & mask {
		s := t[at]
		if s.index == 0 {
			return nil
		}
		if s.tag == uint32(hash>>32) {
			if c := features[s.index-1]; c.name == name {
				return c
			}
		}
	}
}

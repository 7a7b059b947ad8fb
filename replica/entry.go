package replica

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pennonhq/pennon/eval"
)

// entry is one flag in one environment. It is immutable, and kept as the JSON SDKs get: the struct it was made from would
// take several times the memory and nobody but the evaluation wants it (see Compiled).
type entry struct {
	name     string
	project  string
	json     string
	tags     []Tag // sorted
	segments []int // ids its strategies refer to, ascending, each once

	revision    int64 // of the last change of what SDKs see, or an upper bound of it
	tagRevision int64 // same, of tags: only queries by tag look at it
}

// segment is one segment, the same in every environment. It is immutable.
type segment struct {
	id       int
	json     string
	revision int64
}

// reference says that a flag refers to a segment, which may not exist.
type reference struct {
	segment int
	feature *entry
}

// itemKind says what an item reports.
type itemKind uint8

const (
	itemUpdated        itemKind = iota // the flag is as feature says
	itemRetagged                       // the flag has other tags since (only when that is newer than its last change)
	itemDeparted                       // the flag feature.name is no longer in the project feature.project
	itemUnreferenced                   // feature.name in feature.project no longer refers to the segment
	itemSegment                        // the segment has changed
	itemSegmentDeleted                 // the segment is gone
)

// item is the newest thing to know about one subject: a State has at most one item of a kind for a subject. Readers that
// know everything up to a revision need the items above it, and nothing else.
type item struct {
	revision int64
	kind     itemKind
	segment  int    // for the kinds that concern a segment
	feature  *entry // for the kinds that concern a flag; with name and project only if it is gone
}

// compareSubjects orders items by what they are about.
func compareSubjects(a, b item) int {
	if c := cmp.Compare(a.kind, b.kind); c != 0 {
		return c
	}
	if a.feature != nil && b.feature != nil {
		if c := strings.Compare(a.feature.name, b.feature.name); c != 0 {
			return c
		}
		// A flag is in one project only; where it has been matters to those who saw it there.
		if a.kind == itemDeparted || a.kind == itemUnreferenced {
			if c := strings.Compare(a.feature.project, b.feature.project); c != 0 {
				return c
			}
		}
	}
	return cmp.Compare(a.segment, b.segment)
}

// compareItems orders items by revision.
func compareItems(a, b item) int {
	if c := cmp.Compare(a.revision, b.revision); c != 0 {
		return c
	}
	return compareSubjects(a, b)
}

func compareEntries(a, b *entry) int { return strings.Compare(a.name, b.name) }

func compareSegments(a, b *segment) int { return cmp.Compare(a.id, b.id) }

func compareReferences(a, b reference) int {
	if c := cmp.Compare(a.segment, b.segment); c != 0 {
		return c
	}
	if c := strings.Compare(a.feature.project, b.feature.project); c != 0 {
		return c
	}
	return strings.Compare(a.feature.name, b.feature.name)
}

// segmentsOf returns the ids of the segments that the strategies refer to.
func segmentsOf(f *eval.Feature) []int {
	var ids []int
	for i := range f.Strategies {
		ids = append(ids, f.Strategies[i].Segments...)
	}
	slices.Sort(ids)
	return slices.Clip(slices.Compact(ids))
}

// encoder turns what a Source delivers into entries, sharing equal texts. It belongs to the Source's goroutine.
type encoder struct {
	scratch  []byte
	projects map[string]string
}

// entry makes the entry of f, without revisions. Texts equal to those of a twin (the same flag in another environment or
// in an earlier state; nil for none) are shared with it.
func (en *encoder) entry(f *Feature, twins ...*entry) *entry {
	en.scratch = appendFeature(en.scratch[:0], &f.Feature)
	e := &entry{project: en.project(f.Project), segments: segmentsOf(&f.Feature)}
	for _, twin := range twins {
		if twin == nil || twin.name != f.Name {
			continue
		}
		e.name = twin.name
		if e.json == "" && string(en.scratch) == twin.json {
			e.json = twin.json
		}
		if e.tags == nil && equalTags(f.Tags, twin.tags) {
			e.tags = twin.tags
		}
		if slices.Equal(e.segments, twin.segments) {
			e.segments = twin.segments
		}
	}
	if e.name == "" {
		e.name = strings.Clone(f.Name)
	}
	if e.json == "" {
		e.json = string(en.scratch)
	}
	if e.tags == nil && len(f.Tags) > 0 {
		e.tags = slices.Clip(sortedTags(f.Tags))
	}
	return e
}

// segment makes the value of s, without revision.
func (en *encoder) segment(s *eval.Segment) *segment {
	en.scratch = appendSegment(en.scratch[:0], s)
	return &segment{id: s.ID, json: string(en.scratch)}
}

func (en *encoder) project(id string) string {
	shared, known := en.projects[id]
	if !known {
		if en.projects == nil {
			en.projects = map[string]string{}
		}
		shared = strings.Clone(id)
		en.projects[shared] = shared
	}
	return shared
}

// equalTags compares tags in any order with sorted ones.
func equalTags(tags, sorted []Tag) bool {
	if slices.Equal(tags, sorted) {
		return true
	}
	return slices.Equal(sortedTags(tags), sorted)
}

package evaluation

import (
	"iter"
	"slices"
	"time"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
)

// Set is the answer for one request and one context. It is immutable and safe for concurrent use.
type Set struct {
	view   *view
	cursor replica.Cursor
	places outcomes // of each flag's outcome, parallel to the view's flags

	hash uint64 // sum of the hashes of the flags that are on: equal for equal output, and easy to keep
	size int    // bytes of those flags, encoded, with commas

	at   int64 // when it was evaluated, in milliseconds since 1970; moments up to it count
	next time.Time
}

// Toggle is the answer for one flag.
type Toggle struct {
	Name           string
	Project        string
	Feature        *eval.Feature // the definition, which must not be modified or shown
	Result         eval.Result
	ImpressionData bool
}

// setTime notes when the set is evaluated, and when that has to be done again.
func (s *Set) setTime(c *eval.Context, now time.Time) {
	s.at = now.UnixMilli()
	if len(s.view.moments) > 0 && (c == nil || !c.FixesTime()) {
		s.next, _ = eval.NextMoment(s.view.moments, now)
	}
}

func (s *Set) add(text *fragment) {
	s.hash += text.hash
	s.size += len(text.json) + 1
}

func (s *Set) remove(text *fragment) {
	s.hash -= text.hash
	s.size -= len(text.json) + 1
}

// Len is how many flags the request lists, those that are off included.
func (s *Set) Len() int { return s.places.count }

// Toggles yields the answers in order of name, those that are off included.
func (s *Set) Toggles() iter.Seq[Toggle] {
	return func(yield func(Toggle) bool) {
		for i := range s.places.count {
			if !yield(s.toggle(i)) {
				return
			}
		}
	}
}

// Toggle is the answer for one flag, if the request lists it.
func (s *Set) Toggle(name string) (toggle Toggle, listed bool) {
	i, found := s.view.find(name)
	if !found {
		return Toggle{}, false
	}
	return s.toggle(i), true
}

func (s *Set) toggle(i int) Toggle {
	f := s.view.flags[i]
	feature := f.compiled.Feature()
	return Toggle{
		Name: f.name, Project: feature.Project, Feature: feature, Result: f.result(s.places.at(int32(i))), ImpressionData: feature.ImpressionData,
	}
}

// Kept is what Keep has been given under the key for sets that list the same flags, unchanged.
func (s *Set) Kept(key any) any {
	kept, _ := s.view.kept.Load(key)
	return kept
}

// Keep keeps what a caller has made of the flags of this set for all sets that list the same flags, unchanged. It goes with
// the last of them.
func (s *Set) Keep(key, value any) { s.view.kept.Store(key, value) }

// Outcome numbers what the flag at a place answers, places being counted in order of name: 0 is off. The same number is the
// same answer in all sets that list the same flags, unchanged.
func (s *Set) Outcome(place int) int { return int(s.places.at(int32(place))) }

// At is the answer for the flag at a place.
func (s *Set) At(place int) Toggle { return s.toggle(place) }

// AppendEnabled appends {"toggles":[…]} with the flags that are on, as /api/frontend answers.
func (s *Set) AppendEnabled(b []byte) []byte {
	b = slices.Grow(b, s.size+len(`{"toggles":[]}`))
	b = append(b, `{"toggles":[`...)
	start := len(b)
	for i, place := range s.places.all() {
		if place == off {
			continue
		}
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(b, s.view.flags[i].fragment(place).json...)
	}
	return append(b, `]}`...)
}

// AppendAll is AppendEnabled with those that are off, as /api/frontend/all answers.
func (s *Set) AppendAll(b []byte) []byte {
	const usual = 160 // bytes of a flag that is off
	b = slices.Grow(b, s.size+usual*s.places.count)
	b = append(b, `{"toggles":[`...)
	for i, place := range s.places.all() {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, s.view.flags[i].fragment(place).json...)
	}
	return append(b, `]}`...)
}

// ETag is the weak entity tag of what AppendEnabled or AppendAll says, with its quotes. Whatever server evaluates, at
// whatever revision, equal output has an equal tag.
func (s *Set) ETag(all bool) string {
	tag := make([]byte, 0, len(`W/""`)+hashDigits)
	tag = append(tag, `W/"`...)
	tag = AppendHash(tag, s.Hash(all))
	return string(append(tag, '"'))
}

// Hash is the number in the entity tag.
func (s *Set) Hash(all bool) uint64 {
	hash := s.hash
	if all {
		for i, place := range s.places.all() {
			if place == off {
				hash += s.view.flags[i].fragment(off).hash
			}
		}
	}
	return hash
}

// Cursor is the state that was evaluated.
func (s *Set) Cursor() replica.Cursor { return s.cursor }

// Next is when a DATE constraint can change the answer although no flag changes; zero: never.
func (s *Set) Next() time.Time { return s.next }

// hashDigits is how long a hash is in text.
const hashDigits = 16

// AppendHash appends a hash as entity tags and ids show it.
func AppendHash(b []byte, n uint64) []byte {
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[n>>shift&15])
	}
	return b
}

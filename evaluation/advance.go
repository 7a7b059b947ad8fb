package evaluation

import (
	"slices"
	"time"

	"github.com/pennonhq/pennon/eval"
)

// Advance brings a set of the same request and context up to date. Only flags that may answer anew are evaluated: those
// that changed, or whose segments or parents did, and those of which a moment has passed. The others keep what they
// answered, even where chance decides. A set with nothing new is returned as it is. It reports false if the environment is
// no longer there. The request must not be modified afterwards.
func (e *Evaluator) Advance(r Request, c *eval.Context, old *Set) (next *Set, diff Diff, known bool) {
	catalogue := e.catalogue(r.Scope.Environment)
	if catalogue == nil {
		return nil, Diff{}, false
	}
	v := old.view
	switch base := catalogue.base(&r); {
	case r.Names == nil:
		v = base
	case v.base != base:
		v = base.named(r.Names)
	}
	now := time.Now()
	dated := old.passed(v, c, now)
	if v == old.view && len(dated) == 0 {
		return old, Diff{}, true
	}
	next, diff = old.follow(v, c, now, dated)
	next.cursor = catalogue.cursor
	return next, diff, true
}

// passed are the places in v of the flags of which a moment lies between the evaluation of the set and now, whichever way
// the clock went.
func (s *Set) passed(v *view, c *eval.Context, now time.Time) []int32 {
	from, to := s.at, now.UnixMilli()
	if len(v.moments) == 0 || from == to || (c != nil && c.FixesTime()) {
		return nil
	}
	if from > to {
		from, to = to, from
	}
	within := func(moments []int64) bool {
		i, found := slices.BinarySearch(moments, from+1)
		return found || (i < len(moments) && moments[i] <= to)
	}
	if !within(v.moments) {
		return nil
	}
	var places []int32
	for _, place := range v.dated {
		if within(v.flags[place].moments) {
			places = append(places, place)
		}
	}
	return places
}

// follow makes the set of view v out of s, evaluating what the transition and dated name.
func (s *Set) follow(v *view, c *eval.Context, now time.Time, dated []int32) (*Set, Diff) {
	next := &Set{view: v, hash: s.hash, size: s.size}
	places := following{outcomes: s.places, before: s.places}
	t := &transition{}
	if v != s.view {
		t = v.transition(s.view)
	}
	next.setTime(c, now)
	var diff Diff
	for _, place := range t.gone {
		next.leave(s, place, &diff)
	}
	if t.from != nil {
		places = following{outcomes: s.places.moved(t.from), own: true}
	}
	changed := t.changed
	if len(dated) > 0 {
		changed = slices.Concat(changed, dated)
		slices.Sort(changed)
		changed = slices.Compact(changed)
	}
	var some [8]*eval.Compiled
	compiled := some[:0]
	for _, place := range changed {
		compiled = append(compiled, v.compiled[place])
	}
	eval.Each(c, compiled, func(i int, result eval.Result) bool {
		place := changed[i]
		f := v.flags[place]
		outcome := f.place(result)
		places.change(place, outcome)
		was := s.outcomeBefore(t, place)
		is := f.fragment(outcome)
		if was.on {
			next.remove(was.text)
		}
		if outcome != off {
			next.add(is)
		}
		if was.text == nil || was.text.hash != is.hash {
			diff.changes = append(diff.changes, change{name: f.name, was: was, is: answer{text: is, on: outcome != off}})
		}
		return true
	})
	next.places = places.outcomes
	diff.sort()
	return next, diff
}

// outcomeBefore is what the flag at a place of the new view answered in the old one.
func (s *Set) outcomeBefore(t *transition, place int32) answer {
	if t.from != nil {
		if place = t.from[place]; place < 0 {
			return answer{}
		}
	}
	outcome := s.places.at(place)
	return answer{text: s.view.flags[place].fragment(outcome), on: outcome != off}
}

// leave takes the flag at a place of the old view out.
func (s *Set) leave(old *Set, place int32, diff *Diff) {
	f := old.view.flags[place]
	outcome := old.places.at(place)
	was := answer{text: f.fragment(outcome), on: outcome != off}
	if was.on {
		s.remove(was.text)
	}
	diff.changes = append(diff.changes, change{name: f.name, was: was})
}

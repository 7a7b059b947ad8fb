package evaluation

import "sync"

// transitionsKept bounds the transitions a view keeps. Whoever is up to date comes from one view, a few who were slow from
// others.
const transitionsKept = 8

// transition is how to get from one view to another.
type transition struct {
	from    []int32 // by place in the new view: the place in the old one, or -1; nil: all places are the same
	changed []int32 // places in the new view of flags that may answer anew
	gone    []int32 // places in the old view of flags that are no longer listed
}

// transitions are those to one view, by the serial of the view they come from: the view itself would stay in memory.
type transitions struct {
	mu       sync.Mutex
	bySerial map[uint64]*transition
}

// transition from old to v. It is worked out once, however many sets follow it.
func (v *view) transition(old *view) *transition {
	v.transitions.mu.Lock()
	defer v.transitions.mu.Unlock()
	if t := v.transitions.bySerial[old.serial]; t != nil {
		return t
	}
	t := newTransition(old.flags, v.flags)
	if v.transitions.bySerial == nil || len(v.transitions.bySerial) >= transitionsKept {
		v.transitions.bySerial = make(map[uint64]*transition)
	}
	v.transitions.bySerial[old.serial] = t
	return t
}

// newTransition walks two lists of flags that are in order of name.
func newTransition(old, next []*flag) *transition {
	t := &transition{}
	from := make([]int32, len(next))
	moved := len(old) != len(next)
	o := 0
	for n, f := range next {
		for o < len(old) && old[o].name < f.name {
			t.gone = append(t.gone, int32(o))
			o++
		}
		if o == len(old) || old[o].name != f.name {
			from[n] = -1
			t.changed = append(t.changed, int32(n))
			moved = true
			continue
		}
		from[n] = int32(o)
		moved = moved || o != n
		if old[o] != f {
			t.changed = append(t.changed, int32(n))
		}
		o++
	}
	for ; o < len(old); o++ {
		t.gone = append(t.gone, int32(o))
	}
	if moved {
		t.from = from
	}
	return t
}

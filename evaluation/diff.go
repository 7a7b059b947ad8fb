package evaluation

import (
	"slices"
	"strings"

	"github.com/pennonhq/pennon/replica"
)

// Diff is what is different between two sets of one request and context. The zero Diff is none. It is immutable.
type Diff struct {
	changes []change // in order of name, each name once
}

// change is that of one flag.
type change struct {
	name    string
	was, is answer
}

// answer is what a flag answered; without text it was not listed.
type answer struct {
	text *fragment
	on   bool
}

func (a answer) hash() uint64 {
	if a.text == nil {
		return 0
	}
	return a.text.hash
}

// Len is how many flags answer differently, those that are off both times included.
func (d Diff) Len() int { return len(d.changes) }

// Visible reports whether the difference shows where only flags that are on are listed.
func (d Diff) Visible() bool {
	return slices.ContainsFunc(d.changes, func(c change) bool { return c.was.on || c.is.on })
}

// Names yields the flags that answer differently, in order.
func (d Diff) Names(yield func(string) bool) {
	for i := range d.changes {
		if !yield(d.changes[i].name) {
			return
		}
	}
}

// Then is the difference that d and a following one make together. What changed back is none.
func (d Diff) Then(next Diff) Diff {
	if len(d.changes) == 0 {
		return next
	}
	if len(next.changes) == 0 {
		return d
	}
	both := Diff{changes: make([]change, 0, len(d.changes)+len(next.changes))}
	a, b := d.changes, next.changes
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || (len(a) > 0 && a[0].name < b[0].name):
			both.changes, a = append(both.changes, a[0]), a[1:]
		case len(a) == 0 || b[0].name < a[0].name:
			both.changes, b = append(both.changes, b[0]), b[1:]
		default:
			if a[0].was.hash() != b[0].is.hash() {
				both.changes = append(both.changes, change{name: a[0].name, was: a[0].was, is: b[0].is})
			}
			a, b = a[1:], b[1:]
		}
	}
	return both
}

// AppendUpdate appends {"updated":[…],"removed":[…]} for someone who holds the flags that were on before: those that are on
// now and answer differently, and the names of those that no longer are.
func (d Diff) AppendUpdate(b []byte) []byte {
	b = append(b, `{"updated":[`...)
	start := len(b)
	for i := range d.changes {
		if d.changes[i].is.on {
			if len(b) > start {
				b = append(b, ',')
			}
			b = append(b, d.changes[i].is.text.json...)
		}
	}
	b = append(b, `],"removed":[`...)
	start = len(b)
	for i := range d.changes {
		if d.changes[i].was.on && !d.changes[i].is.on {
			if len(b) > start {
				b = append(b, ',')
			}
			b = replica.AppendString(b, d.changes[i].name)
		}
	}
	return append(b, `]}`...)
}

func (d Diff) sort() {
	slices.SortFunc(d.changes, func(a, b change) int { return strings.Compare(a.name, b.name) })
}

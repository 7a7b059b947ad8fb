package evaluation

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
)

// viewsMax bounds the narrowed views a catalogue keeps: tokens have few scopes, but callers choose prefixes and tags.
const viewsMax = 64

// catalogue is one environment at one state, ready to answer. It shares all flags that give the same answers with the
// catalogue it follows.
type catalogue struct {
	state    *replica.State
	cursor   replica.Cursor
	snapshot *eval.Snapshot
	whole    *view

	mu    sync.Mutex
	views map[string]*view // by Query.Key
}

// view is what one request lists of a catalogue. It is immutable but for the transitions to it and what is kept.
type view struct {
	serial   uint64 // names the view for as long as the process lives
	flags    []*flag
	compiled []*eval.Compiled // of the flags
	moments  []int64          // in order, of all flags
	dated    []int32          // places of the flags with moments
	base     *view            // what a view by names was taken from
	tagged   bool             // tags decide what is listed

	transitions transitions
	kept        sync.Map // what others have made of the flags
}

var serials atomic.Uint64

// newCatalogue makes the catalogue of a state that follows old, which is nil for the first.
func newCatalogue(state *replica.State, old *catalogue) *catalogue {
	c := &catalogue{state: state, cursor: state.Cursor(), snapshot: state.Compiled()}
	if old == nil {
		old = &catalogue{whole: &view{}}
	}
	if c.snapshot == old.snapshot {
		c.whole, c.views = old.whole, old.untagged()
		return c
	}
	features := c.snapshot.Features()
	flags := make([]*flag, len(features))
	known := old.whole.flags
	for i, feature := range features {
		for len(known) > 0 && known[0].name < feature.Name() {
			known = known[1:]
		}
		if len(known) > 0 && known[0].compiled == feature {
			flags[i] = known[0]
		} else {
			flags[i] = newFlag(feature)
		}
	}
	c.whole = newView(flags, features)
	return c
}

// untagged are the views that stay the same as long as no flag changes.
func (c *catalogue) untagged() map[string]*view {
	c.mu.Lock()
	defer c.mu.Unlock()
	views := maps.Clone(c.views)
	maps.DeleteFunc(views, func(_ string, v *view) bool { return v.tagged })
	return views
}

func newView(flags []*flag, compiled []*eval.Compiled) *view {
	v := &view{serial: serials.Add(1), flags: flags, compiled: compiled}
	for i, f := range flags {
		if len(f.moments) > 0 {
			v.dated = append(v.dated, int32(i))
			v.moments = append(v.moments, f.moments...)
		}
	}
	slices.Sort(v.moments)
	v.moments = slices.Clip(slices.Compact(v.moments))
	return v
}

// view is what the request lists.
func (c *catalogue) view(r *Request) *view {
	base := c.base(r)
	if r.Names == nil {
		return base
	}
	return base.named(r.Names)
}

// base is the view of the request without its names.
func (c *catalogue) base(r *Request) *view {
	if r.everything() {
		return c.whole
	}
	query := r.query()
	key := query.Key()
	c.mu.Lock()
	defer c.mu.Unlock()
	if v := c.views[key]; v != nil {
		return v
	}
	v := c.narrowed(query)
	v.tagged = len(query.Tags) > 0
	if c.views == nil || len(c.views) >= viewsMax {
		c.views = make(map[string]*view)
	}
	c.views[key] = v
	return v
}

func (c *catalogue) narrowed(query replica.Query) *view {
	rest := c.whole.flags
	var flags []*flag
	for name := range c.state.Names(query) {
		for len(rest) > 0 && rest[0].name < name { // both are in order of name
			rest = rest[1:]
		}
		if len(rest) > 0 && rest[0].name == name {
			flags = append(flags, rest[0])
		}
	}
	return newView(flags, compiledOf(flags))
}

// named is the part of the view that has one of the names.
func (v *view) named(names []string) *view {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	flags := make([]*flag, 0, len(names))
	for _, name := range names {
		if at, found := v.find(name); found {
			flags = append(flags, v.flags[at])
		}
	}
	n := newView(flags, compiledOf(flags))
	n.base = v
	return n
}

// find is the place of a flag in the view.
func (v *view) find(name string) (place int, found bool) {
	return slices.BinarySearchFunc(v.flags, name, func(f *flag, name string) int { return strings.Compare(f.name, name) })
}

func compiledOf(flags []*flag) []*eval.Compiled {
	compiled := make([]*eval.Compiled, len(flags))
	for i, f := range flags {
		compiled[i] = f.compiled
	}
	return compiled
}

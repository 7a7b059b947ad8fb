// Package evaluation answers which flags are on for a context, in the JSON that frontends read.
//
// An Evaluator keeps, for each environment that is asked for, a catalogue of its flags with every answer a flag can give
// already encoded. An answer for a context is then an evaluation (package eval) and a copy of bytes. Answers, called sets,
// are immutable; Advance brings one up to date by evaluating only what has changed, and tells the difference. Whoever
// pushes to browsers builds on that.
//
// What leaves the package holds names of flags that were asked for, and their results: no rule, no segment, no value of a
// context. The package starts no goroutine. It may import eval, replica and token.
package evaluation

import (
	"encoding/binary"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// Request is which flags an answer lists: those of the scope's projects, narrowed by name and by tag. Flags beyond it still
// count as parents of those within.
type Request struct {
	Scope      token.Scope
	NamePrefix string
	Tags       []replica.Tag // flags with any of them; none: flags with any tags or none
	Names      []string      // only these; nil: all
}

// query is what the replica selects for the request.
func (r *Request) query() replica.Query {
	return replica.Query{Scope: r.Scope, NamePrefix: r.NamePrefix, Tags: r.Tags}
}

// AppendKey appends what tells the request from others. It is not for display.
func (r *Request) AppendKey(b []byte) []byte {
	appendPart := func(text string) {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	query := r.query()
	appendPart(query.Key())
	if r.Names == nil {
		return append(b, 0)
	}
	names := slices.Compact(slices.Sorted(slices.Values(r.Names)))
	b = binary.AppendUvarint(b, uint64(len(names))+1)
	for _, name := range names {
		appendPart(name)
	}
	return b
}

// everything reports whether the request lists a whole environment.
func (r *Request) everything() bool {
	return r.Scope.AllProjects() && r.NamePrefix == "" && len(r.Tags) == 0
}

// Evaluator evaluates the flags of a Store. It is safe for concurrent use.
type Evaluator struct {
	store        *replica.Store
	environments sync.Map // of *environment, by name
}

// environment holds the newest catalogue of one environment.
type environment struct {
	building sync.Mutex
	current  atomic.Pointer[catalogue]
}

// New makes an Evaluator. An environment costs nothing before it is asked for.
func New(store *replica.Store) *Evaluator {
	return &Evaluator{store: store}
}

// Evaluate answers a request for a context at the newest state; nil is an empty context. It reports false if the
// environment is not there, or not loaded yet. The context is not kept.
func (e *Evaluator) Evaluate(r Request, c *eval.Context) (set *Set, known bool) {
	catalogue := e.catalogue(r.Scope.Environment)
	if catalogue == nil {
		return nil, false
	}
	return catalogue.view(&r).evaluate(c, catalogue.cursor), true
}

// Newest is the newest row of the change log that the environment's flags include; zero if there is no such environment.
func (e *Evaluator) Newest(environment string) replica.Cursor {
	if state := e.store.State(environment); state != nil {
		return state.Cursor()
	}
	return replica.Cursor{}
}

// catalogue is that of the newest state, or nil if there is no such environment.
func (e *Evaluator) catalogue(name string) *catalogue {
	state := e.store.State(name)
	if state == nil {
		e.environments.Delete(name)
		return nil
	}
	var env *environment
	if held, found := e.environments.Load(name); found {
		env = held.(*environment)
	} else {
		held, _ := e.environments.LoadOrStore(name, &environment{})
		env = held.(*environment)
	}
	if c := env.current.Load(); c != nil && c.state == state {
		return c
	}
	env.building.Lock()
	defer env.building.Unlock()
	// Others may have built it meanwhile, and of a state that is newer than the one found above.
	if state = e.store.State(name); state == nil {
		return nil
	}
	old := env.current.Load()
	if old == nil || old.state != state {
		old = newCatalogue(state, old)
		env.current.Store(old)
	}
	return old
}

// evaluate answers for every flag of the view.
func (v *view) evaluate(c *eval.Context, cursor replica.Cursor) *Set {
	s := &Set{view: v, cursor: cursor, places: newOutcomes(len(v.flags))}
	s.setTime(c, time.Now())
	eval.Each(c, v.compiled, func(i int, result eval.Result) bool {
		if result.Enabled {
			f := v.flags[i]
			place := f.place(result)
			s.places.put(i, place)
			s.add(f.fragment(place))
		}
		return true
	})
	return s
}

package fleet

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pennonhq/pennon/replica"
)

// changesKept is how many of an environment's last changes are remembered with their times.
const changesKept = 32

// change is that an environment has moved, as this node learned of it. It is immutable but for the times.
type change struct {
	from, to int64     // the revisions (from, to] came together
	written  time.Time // on the database's clock; zero: not known, as of what a node finds when it starts
	learned  time.Time
	took     [len(Kinds)]atomic.Pointer[distribution] // since learned
}

// timeline holds the last changes of each environment, oldest first. Readers take no lock.
type timeline struct {
	mu            sync.Mutex
	head          int64 // mu
	byEnvironment atomic.Pointer[map[string][]*change]
}

// all returns the changes of every environment. They must not be changed.
func (t *timeline) all() map[string][]*change {
	all := t.byEnvironment.Load()
	if all == nil {
		return nil
	}
	return *all
}

// add notes that the environments have moved to head.
func (t *timeline) add(environments []string, head int64, written, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := map[string][]*change{}
	if head >= t.head { // else history has forked: revisions mean other changes now
		maps.Copy(next, t.all())
	}
	for _, environment := range environments {
		known := next[environment]
		if len(known) >= changesKept {
			known = known[len(known)-changesKept+1:]
		}
		next[environment] = append(slices.Clone(known), &change{from: min(t.head, head-1), to: head, written: written, learned: now})
	}
	t.head = head
	t.byEnvironment.Store(&next)
}

// Follow has the Registry learn of every change of the store. Call it before anything else that tells clients of changes
// registers with the store, so that nothing is delivered before it is known, and before the store's Source runs.
func (r *Registry) Follow(store *replica.Store) {
	if r == nil {
		return
	}
	r.store.Store(store)
	store.OnChange(func(environments []string) {
		known := environments[:0:0]
		for _, environment := range environments {
			if store.State(environment) != nil { // else it was deleted
				known = append(known, environment)
			}
		}
		r.Changed(known, store.Cursor(), store.ChangedAt())
	})
}

// Changed notes that environments have moved to cursor by a change that was written at that time on the database's clock;
// zero: not known.
func (r *Registry) Changed(environments []string, cursor replica.Cursor, written time.Time) {
	if r == nil {
		return
	}
	r.changes.add(environments, cursor.Revision, written, r.now())
	r.touch()
}

// Delivered notes that streams of the environment were written the message that leads to the revision. Kind is Delivered
// or Browsers.
func (r *Registry) Delivered(kind Kind, environment string, revision int64, streams int) {
	if r == nil {
		return
	}
	now := r.now()
	changes := r.changes.all()[environment]
	for i := len(changes) - 1; i >= 0 && changes[i].to >= revision; i-- {
		if changes[i].to == revision {
			r.note(changes[i], kind, now.Sub(changes[i].learned), streams)
		}
	}
	r.touch()
}

// took notes that a client of the kind has moved from one revision to another. One that held nothing before says nothing
// of how long a change takes.
func (r *Registry) took(kind Kind, environment string, from, to int64, now time.Time) {
	if from == 0 {
		return
	}
	changes := r.changes.all()[environment]
	for i := len(changes) - 1; i >= 0 && changes[i].to > from; i-- {
		if changes[i].to <= to {
			r.note(changes[i], kind, now.Sub(changes[i].learned), 1)
		}
	}
}

// note counts what a change took.
func (r *Registry) note(c *change, kind Kind, took time.Duration, clients int) {
	if c.written.IsZero() {
		return
	}
	at := &c.took[kind.index()]
	d := at.Load()
	if d == nil {
		at.CompareAndSwap(nil, new(distribution))
		d = at.Load()
	}
	took = max(took, 0)
	d.observe(took, clients)
	r.observe(kind, took, clients)
}

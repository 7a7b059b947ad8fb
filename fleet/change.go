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
	written  time.Time // on the database's clock; zero: not known
	learned  time.Time
	took     [len(Kinds)]atomic.Pointer[distribution]
}

// timeline holds the last changes of each environment, oldest first. Readers take no lock.
type timeline struct {
	mu            sync.Mutex
	head          int64 // mu
	byEnvironment atomic.Pointer[map[string][]*change]
}

// of returns the environment's changes. They must not be changed.
func (t *timeline) of(environment string) []*change {
	all := t.byEnvironment.Load()
	if all == nil {
		return nil
	}
	return (*all)[environment]
}

// add notes that the environments have moved to head.
func (t *timeline) add(environments []string, head int64, written, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	next := map[string][]*change{}
	if all := t.byEnvironment.Load(); all != nil && head >= t.head { // else history has forked: revisions mean other changes
		maps.Copy(next, *all)
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
	store.OnChange(func(environments []string) {
		r.Changed(environments, store.Cursor(), store.ChangedAt())
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

// took notes that a client of the kind, there since joined, has moved from one revision to another. Changes from before it
// came, when it came with nothing, say nothing of how long anything takes.
func (r *Registry) took(kind Kind, environment string, from, to int64, joined, now time.Time) {
	changes := r.changes.of(environment)
	for i := len(changes) - 1; i >= 0 && changes[i].to > from; i-- {
		c := changes[i]
		if c.to > to || (from == 0 && c.learned.Before(joined)) {
			continue
		}
		r.note(c, kind, now.Sub(c.learned), 1)
	}
}

// note counts what a change took.
func (r *Registry) note(c *change, kind Kind, took time.Duration, clients int) {
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

package fleet

import (
	"context"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pennonhq/pennon/replica"
)

// Config is what a Registry needs to know. Zero values mean the defaults.
type Config struct {
	Node    string // what this node is called, unlike any other of the instance
	Version string

	// Streams tells where this node's streams are; it is asked when a Report is made. nil: there are none.
	Streams func(context.Context) []Group

	// Observe is told each time that something took, since this node learned of the change. It must not block; nil: nobody.
	Observe func(kind Kind, took time.Duration, clients int)

	// Now is the clock; time.Now.
	Now func() time.Time
}

// Registry holds this node's clients. Make one with New. All methods are safe for concurrent use and do nothing on a nil
// Registry.
type Registry struct {
	config  Config
	now     func() time.Time
	observe func(Kind, time.Duration, int)
	started time.Time
	offset  atomic.Int64                  // see SetClock
	store   atomic.Pointer[replica.Store] // nil: none is followed
	changes timeline
	polls   polls
	dirty   chan struct{} // holds one when a Report would show something else

	membersMu sync.Mutex
	members   map[*Member]struct{}

	instancesMu sync.Mutex
	instances   map[string]*reported
}

// New makes a Registry.
func New(config Config) *Registry {
	r := &Registry{
		config: config, now: config.Now, observe: config.Observe,
		dirty: make(chan struct{}, 1), members: map[*Member]struct{}{}, instances: map[string]*reported{},
	}
	if r.now == nil {
		r.now = time.Now
	}
	if r.observe == nil {
		r.observe = func(Kind, time.Duration, int) {}
	}
	if r.config.Streams == nil {
		r.config.Streams = func(context.Context) []Group { return nil }
	}
	r.started = r.now()
	r.polls.seed = maphash.MakeSeed()
	for i := range r.polls.shards {
		r.polls.shards[i].pollers = map[pollerKey]*poller{}
	}
	return r
}

// Node is what this node is called.
func (r *Registry) Node() string { return r.config.Node }

// SetClock says by how much the database's clock is ahead of this node's. All times in a Report are then on the database's
// clock, so that those of several nodes can be compared.
func (r *Registry) SetClock(ahead time.Duration) { r.offset.Store(int64(ahead)) }

// Now is the time on the database's clock, as well as it is known.
func (r *Registry) Now() time.Time { return r.onDatabase(r.now()) }

// Dirty gets a value when a Report would show something else than before. Streams that come and go are not told.
func (r *Registry) Dirty() <-chan struct{} { return r.dirty }

// touch notes that a Report would show something else.
func (r *Registry) touch() {
	select {
	case r.dirty <- struct{}{}:
	default: // it is known already
	}
}

// onDatabase is a time of this node on the database's clock.
func (r *Registry) onDatabase(t time.Time) time.Time {
	return t.Add(time.Duration(r.offset.Load()))
}

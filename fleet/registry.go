package fleet

import (
	"sync"
	"sync/atomic"
	"time"
)

// Config is what a Registry needs to know. Zero values mean the defaults.
type Config struct {
	// Now is the clock; time.Now.
	Now func() time.Time

	// Observe is told each time that something took, since this node learned of the change. It must not block; nil: nobody.
	Observe func(kind Kind, took time.Duration, clients int)
}

// Registry holds this node's clients. Make one with New. All methods are safe for concurrent use and do nothing on a nil
// Registry.
type Registry struct {
	now     func() time.Time
	observe func(Kind, time.Duration, int)
	changes timeline
	version atomic.Uint64 // rises with whatever a Report shows

	membersMu sync.Mutex
	members   map[*Member]struct{}
}

// New makes a Registry.
func New(config Config) *Registry {
	r := &Registry{now: config.Now, observe: config.Observe, members: map[*Member]struct{}{}}
	if r.now == nil {
		r.now = time.Now
	}
	if r.observe == nil {
		r.observe = func(Kind, time.Duration, int) {}
	}
	return r
}

// touch notes that a Report would show something else.
func (r *Registry) touch() { r.version.Add(1) }

// Package metrics counts and times what the program does and writes it in the text format that Prometheus scrapes
// (https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4).
//
// Counters and histograms are atomics that the hot paths hold directly; everything else is read when it is scraped, by the
// functions that Registry.Collect is given. It is our own because the client libraries cost three megabytes of the program
// and as much memory, for a format of a page. The package imports only the standard library.
package metrics

import (
	"math"
	"sort"
	"sync"
	"sync/atomic"
)

// Counter counts up. The zero Counter is ready.
type Counter struct{ n atomic.Uint64 }

// Add adds n.
func (c *Counter) Add(n uint64) { c.n.Add(n) }

// Value is what was counted.
func (c *Counter) Value() uint64 { return c.n.Load() }

// Histogram counts observations in buckets. Make it with NewHistogram. It is safe for concurrent use; a scrape may see an
// observation in the count that is not in the sum yet.
type Histogram struct {
	bounds []float64 // shared, ascending, without +Inf
	counts []atomic.Uint64
	sum    atomic.Uint64 // bits of a float64
}

// NewHistogram makes a histogram with buckets up to each bound, ascending, and one above. The bounds are not copied.
func NewHistogram(bounds []float64) *Histogram {
	return &Histogram{bounds: bounds, counts: make([]atomic.Uint64, len(bounds)+1)}
}

// Observe counts value n times.
func (h *Histogram) Observe(value float64, n uint64) {
	h.counts[sort.SearchFloat64s(h.bounds, value)].Add(n)
	added := value * float64(n)
	for {
		old := h.sum.Load()
		if h.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+added)) {
			return
		}
	}
}

// Count is how many values were observed.
func (h *Histogram) Count() (count uint64) {
	for i := range h.counts {
		count += h.counts[i].Load()
	}
	return count
}

// Registry is what is written at a scrape. The zero Registry is ready; it is safe for concurrent use.
type Registry struct {
	mu         sync.Mutex
	collectors []func(*Writer)
}

// Collect has collect called at every scrape, in the order of registration. It must return soon.
func (r *Registry) Collect(collect func(*Writer)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.collectors = append(r.collectors, collect)
}

// Write appends everything to text.
func (r *Registry) Write(text []byte) []byte {
	r.mu.Lock()
	collectors := r.collectors
	r.mu.Unlock()
	w := Writer{text: text, written: map[string]bool{}}
	for _, collect := range collectors {
		collect(&w)
	}
	return w.text
}

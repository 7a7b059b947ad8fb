package edge

import (
	"sync"
	"time"

	"github.com/pennonhq/pennon/metrics"
	"github.com/pennonhq/pennon/usage"
)

// Why usage is dropped for good.
const (
	dropRefused  = "refused"  // by the upstream, or too old for it
	dropOrphaned = "no_token" // no upstream token is of its environment
	dropOverflow = "overflow" // more than is kept for the next run
)

// sizeBounds are the buckets of reports in bytes, as Unleash Edge has them.
var sizeBounds = []float64{1e3, 1e4, 2e4, 5e4, 7.5e4, 1e5, 2.5e5, 5e5, 1e6}

// forwardStats is what a Forwarder has done. The zero forwardStats is ready; it is safe for concurrent use.
type forwardStats struct {
	mu       sync.Mutex
	errors   uint64             // mu; reports without an answer
	statuses map[int]uint64     // mu; answers other than success
	lost     map[string]uint64  // mu; evaluations dropped, by why
	sizes    *metrics.Histogram // mu; of what was sent; nil: nothing yet
	wait     time.Duration      // mu; the present interval
}

func (s *forwardStats) waits(interval time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.wait = interval
}

func (s *forwardStats) sent(size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sizes == nil {
		s.sizes = metrics.NewHistogram(sizeBounds)
	}
	s.sizes.Observe(float64(size), 1)
}

func (s *forwardStats) failed() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors++
}

func (s *forwardStats) answered(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.statuses == nil {
		s.statuses = map[int]uint64{}
	}
	s.statuses[status]++
}

// lose counts what is dropped, and returns how many evaluations that are.
func (s *forwardStats) lose(why string, batch usage.Batch) (evaluations uint64) {
	for _, count := range batch.Counts {
		evaluations += uint64(max(count.Yes, 0)) + uint64(max(count.No, 0))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lost == nil {
		s.lost = map[string]uint64{}
	}
	s.lost[why] += evaluations
	return evaluations
}

package fleet

import (
	"cmp"
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// A distribution counts durations in buckets that grow by a factor of 2^(1/4) from 0.1 ms to half an hour: a percentile is
// off by at most 19 %, upwards.
const (
	buckets       = 96
	perOctave     = 4
	smallestMilli = 0.1
)

// distribution is what a change took, for one kind. It is safe for concurrent use.
type distribution struct {
	counts [buckets]atomic.Uint32
	max    atomic.Int64 // nanoseconds
}

// observe adds n durations.
func (d *distribution) observe(took time.Duration, n int) {
	d.counts[bucketOf(took)].Add(uint32(n))
	for {
		known := d.max.Load()
		if int64(took) <= known || d.max.CompareAndSwap(known, int64(took)) {
			return
		}
	}
}

// bucketOf is the bucket whose upper bound is the first not below the duration.
func bucketOf(took time.Duration) int {
	milli := float64(took) / float64(time.Millisecond)
	if milli <= smallestMilli {
		return 0
	}
	return min(int(math.Ceil(math.Log2(milli/smallestMilli)*perOctave)), buckets-1)
}

// boundOf is the upper bound of a bucket in milliseconds.
func boundOf(bucket int) float64 {
	return smallestMilli * math.Exp2(float64(bucket)/perOctave)
}

// Times is a distribution as it is reported: pairs of a bucket and a count, and the longest.
type Times struct {
	Buckets [][2]int `json:"b,omitempty"`
	Max     float64  `json:"m"` // milliseconds, exact
}

// times returns what has been observed, nil: nothing.
func (d *distribution) times() *Times {
	if d == nil {
		return nil
	}
	t := &Times{Max: float64(d.max.Load()) / float64(time.Millisecond)}
	for i := range d.counts {
		if n := d.counts[i].Load(); n > 0 {
			t.Buckets = append(t.Buckets, [2]int{i, int(n)})
		}
	}
	if len(t.Buckets) == 0 {
		return nil
	}
	return t
}

// spread gathers durations, in milliseconds, of several nodes.
type spread struct {
	samples []sample
	clients int
	max     float64
}

type sample struct {
	milli   float64
	clients int
}

func (s *spread) add(milli float64) {
	s.samples = append(s.samples, sample{milli, 1})
	s.clients++
	s.max = max(s.max, milli)
}

// addTimes adds what a node has counted, each duration longer by so much.
func (s *spread) addTimes(t *Times, after float64) {
	for _, b := range t.Buckets {
		s.samples = append(s.samples, sample{min(boundOf(b[0]), t.Max) + after, b[1]})
		s.clients += b[1]
	}
	s.max = max(s.max, t.Max+after)
}

// took sums up, nil: there is nothing.
func (s *spread) took() *Took {
	if s.clients == 0 {
		return nil
	}
	slices.SortFunc(s.samples, func(a, b sample) int { return cmp.Compare(a.milli, b.milli) })
	return &Took{Clients: s.clients, P50: s.percentile(0.5), P99: s.percentile(0.99), Max: s.max}
}

// percentile is the duration that a share of the clients took at most.
func (s *spread) percentile(share float64) float64 {
	rank := int(math.Ceil(share * float64(s.clients)))
	for _, sample := range s.samples {
		if rank -= sample.clients; rank <= 0 {
			return sample.milli
		}
	}
	return s.max
}

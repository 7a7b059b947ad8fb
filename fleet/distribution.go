package fleet

import (
	"math"
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

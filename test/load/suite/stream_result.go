package suite

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/swarm"
)

// streamResult is what the visits of one round to one streaming server found.
type streamResult struct {
	connect    []float64 // ms, by visit
	memory     []float64 // KiB per stream, by visit
	last       []float64 // ms, by change
	missing    int
	cpu        time.Duration // for the paced changes
	deliveries int           // of the paced changes
	bytes      int64         // received during the paced changes
	burst      *burstResult

	outOfOrder, repeated, closed int
	lost                         error // why the first stream was lost
}

type burstResult struct {
	unequal    int           // subscribers without the final state
	settled    time.Duration // from the last commit to the final state everywhere
	deliveries float64       // per subscriber
}

// add takes over what a swarm has counted.
func (r *streamResult) add(tally swarm.Tally) {
	r.outOfOrder += tally.OutOfOrder
	r.repeated += tally.Duplicates
	r.closed += tally.Closed
	if r.lost == nil {
		r.lost = tally.FirstError
	}
}

// put records the result as figures under path.
func (r *streamResult) put(b *Bench, path string) {
	b.Put(path+"/connect", report.Percentile(r.connect, 50))
	b.Put(path+"/memory", report.Percentile(r.memory, 50))
	b.Put(path+"/last", report.Percentile(r.last, 50))
	b.Put(path+"/last99", report.Percentile(r.last, 99))
	b.Put(path+"/missing", float64(r.missing))
	b.Put(path+"/cpu", float64(r.cpu.Microseconds())/float64(r.deliveries))
	b.Put(path+"/bytes", float64(r.bytes)/float64(r.deliveries))
	b.Put(path+"/disorder", float64(r.outOfOrder))
	b.Put(path+"/repeated", float64(r.repeated))
	b.Put(path+"/closed", float64(r.closed))
	if r.burst != nil {
		b.Put(path+"/unequal", float64(r.burst.unequal))
		b.Put(path+"/burst", milliseconds(r.burst.settled))
		b.Put(path+"/burst-deliveries", r.burst.deliveries)
	}
	if r.closed > 0 {
		b.Logger.Warn("streams were lost", "figure", path, "streams", r.closed, "err", r.lost)
	}
}

// visitor visits a streaming server once and adds to the result.
type visitor func(ctx context.Context, s streams, r *streamResult) error

// compareStreams visits Pennon and the ceiling twice each, in the order a, b, b, a, so that a machine that slows down or
// speeds up meanwhile does so for both. burst changes follow on the second visit to Pennon.
func (b *Bench) compareStreams(ctx context.Context, area string, s streams, burst int, ceiling, pennon visitor) {
	visitors := map[string]visitor{"ceiling": ceiling, "pennon": pennon}
	order := []string{"ceiling", "pennon"}
	if b.round%2 == 1 {
		slices.Reverse(order)
	}
	results := map[string]*streamResult{"ceiling": {}, "pennon": {}}
	for visit, name := range []string{order[0], order[1], order[1], order[0]} {
		r := results[name]
		if r == nil {
			continue // its first visit failed
		}
		s := s
		s.number = b.round*10_000 + visit*1000
		if name == "pennon" && len(r.connect) == 1 {
			s.burst = burst
		}
		if err := visitors[name](ctx, s, r); err != nil {
			path := fmt.Sprintf("%s/%s", area, name)
			b.Fail(path, err)
			b.Logger.Warn("not measured", "figure", path, "round", b.round+1, "err", err)
			results[name] = nil
		}
	}
	for name, r := range results {
		if r != nil {
			r.put(b, area+"/"+name)
		}
	}
}

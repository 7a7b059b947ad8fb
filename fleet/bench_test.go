package fleet_test

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/pennonhq/pennon/fleet"
)

// BenchmarkPolled is what each poll pays.
func BenchmarkPolled(b *testing.B) {
	r := fleet.New(fleet.Config{Node: "one"})
	ids := make([]string, 10_000)
	for i := range ids {
		ids[i] = fmt.Sprintf("9f3c1a7e-5b20-4d94-8c8f-%012d", i)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for _, id := range ids {
		r.Polled(fleet.Poll{Environment: "production", AppName: "shop", ID: id, Revision: 1})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			r.Polled(fleet.Poll{Environment: "production", AppName: "shop", ID: ids[i%len(ids)], Revision: 1, Interval: 15 * time.Second})
		}
	})
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(len(ids)), "B/client")
}

// BenchmarkReport is what a node with many clients pays every few seconds while flags change.
func BenchmarkReport(b *testing.B) {
	r := fleet.New(fleet.Config{Node: "one"})
	for i := range 10_000 {
		r.Polled(fleet.Poll{Environment: "production", AppName: "shop", ID: fmt.Sprint(i), Revision: 1})
	}
	for i := range 500 {
		r.Join(edge(fmt.Sprint("edge-", i), "production")).Ack(at(1))
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Report(b.Context())
	}
}

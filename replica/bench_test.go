package replica

import (
	"bytes"
	stdgzip "compress/gzip"
	"fmt"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/token"
)

// benchFeature has the size of the flags of the published measurements: 1,000 of them are about 820 KB.
func benchFeature(i, version int) Feature {
	description := fmt.Sprintf("flag %d of the benchmark, version %d", i, version)
	values := make([]string, 20)
	for v := range values {
		values[v] = fmt.Sprintf("user-%d-%d", i, v)
	}
	return Feature{Feature: eval.Feature{
		Name: fmt.Sprintf("bench.flag-%05d", i), Type: "release", Enabled: true, Project: "p" + strconv.Itoa(i%10), Description: &description,
		Strategies: []eval.Strategy{
			{
				Name: "flexibleRollout", Parameters: map[string]string{"groupId": fmt.Sprintf("bench.flag-%05d", i), "rollout": "50", "stickiness": "default"},
				Constraints: []eval.Constraint{{ContextName: "userId", Operator: "IN", Values: values}},
			},
			{
				Name: "flexibleRollout", Parameters: map[string]string{"groupId": fmt.Sprintf("bench.flag-%05d", i), "rollout": "100", "stickiness": "userId"},
				Segments: []int{1 + i%20},
			},
		},
	}}
}

func benchSnapshot(count int) Snapshot {
	s := Snapshot{Log: []Row{{Revision: 1, Mark: 1, Kind: KindSetting, Entity: "x"}}, Environments: map[string][]Feature{}}
	for _, environment := range []string{"development", "production"} {
		for i := range count {
			f := benchFeature(i, len(environment)) // different in the two, so that nothing is shared
			s.Environments[environment] = append(s.Environments[environment], f)
		}
	}
	for id := range 20 {
		s.Segments = append(s.Segments, eval.Segment{ID: id + 1, Name: "s", Constraints: []eval.Constraint{{ContextName: "userId", Operator: "IN", Values: []string{"1"}}}})
	}
	return s
}

func benchStore(count int) *Store {
	s := NewStore(discard)
	s.Reset(benchSnapshot(count))
	return s
}

var sizes = []int{1_000, 10_000}

func BenchmarkApply(b *testing.B) {
	for _, size := range sizes {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			s := benchStore(size)
			revision := int64(1)
			features := make([]Feature, size)
			for i := range features {
				features[i] = benchFeature(i, 0)
			}
			b.ReportAllocs()
			began := cpuTime()
			for n := 0; b.Loop(); n++ {
				revision++
				f := features[(n*7919)%size]
				f.Enabled = n/size%2 > 0
				s.Apply(Delta{
					Rows:     []Row{{Revision: revision, Mark: uint32(revision), Kind: KindFeature, Entity: f.Name, Environment: "development"}},
					Features: []FeatureChange{{Environment: "development", Name: f.Name, Feature: &f, Revision: revision}},
				})
			}
			b.ReportMetric(float64(cpuTime()-began)/float64(b.N)/1e3, "cpu-µs/op")
		})
	}
}

// cpuTime is what the process has used so far. On a shared machine it is steadier than the clock.
func cpuTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func BenchmarkSince(b *testing.B) {
	for _, size := range sizes {
		for _, behind := range []int{1, 100} {
			b.Run(fmt.Sprintf("%d/behind=%d", size, behind), func(b *testing.B) {
				s := benchStore(size)
				revision := int64(1)
				for n := range 1000 {
					revision++
					f := benchFeature(n, n+1)
					s.Apply(Delta{
						Rows:     []Row{{Revision: revision, Mark: uint32(revision), Kind: KindFeature, Entity: f.Name, Environment: "development"}},
						Features: []FeatureChange{{Environment: "development", Name: f.Name, Feature: &f, Revision: revision}},
					})
				}
				st := s.State("development")
				q := Query{Scope: token.NewScope("development", "*")}
				since := revision - int64(behind)
				b.ReportAllocs()
				for b.Loop() {
					if !st.Resumable(q.Scope, Cursor{Revision: since}) {
						b.Fatal("cannot resume")
					}
					appendEvents(nil, st.eventsSince(&q, since, revision))
				}
			})
		}
	}
}

func BenchmarkHydrationAndBody(b *testing.B) {
	for _, size := range sizes {
		st := benchStore(size).State("development")
		q := FeaturesQuery{Query: Query{Scope: token.NewScope("development", "*")}}
		b.Run(fmt.Sprintf("hydrate/%d", size), func(b *testing.B) {
			for b.Loop() {
				b.SetBytes(int64(len(st.hydrate(&q.Query).JSON)))
			}
		})
		b.Run(fmt.Sprintf("body/%d", size), func(b *testing.B) {
			for b.Loop() {
				b.SetBytes(int64(st.body(q).Size()))
			}
		})
		b.Run(fmt.Sprintf("kept/%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				st.Features(q)
			}
		})
	}
}

// BenchmarkMemory reports what a Store keeps for two environments that have nothing in common, before and after it has
// served everything.
func BenchmarkMemory(b *testing.B) {
	for _, size := range sizes {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			for b.Loop() {
				before := heap()
				s := benchStore(size)
				b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
				for _, environment := range s.Environments() {
					q := Query{Scope: token.NewScope(environment, "*")}
					s.State(environment).Hydration(q)
					s.State(environment).Features(FeaturesQuery{Query: q}).Gzip()
				}
				b.ReportMetric(float64(heap()-before)/(1<<20), "served-MiB")
				runtime.KeepAlive(s)
			}
		})
	}
}

func BenchmarkReset(b *testing.B) {
	for _, size := range sizes {
		snapshot := benchSnapshot(size)
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			for b.Loop() {
				NewStore(discard).Reset(snapshot)
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

func BenchmarkCompress(b *testing.B) {
	text := benchStore(1000).State("development").Features(FeaturesQuery{Query: Query{Scope: token.NewScope("development", "*")}}).Plain()
	for level := 1; level <= 9; level++ {
		b.Run(fmt.Sprintf("level=%d", level), func(b *testing.B) {
			var out bytes.Buffer
			w, _ := gzip.NewWriterLevel(&out, level)
			for b.Loop() {
				out.Reset()
				w.Reset(&out)
				_, _ = w.Write(text)
				_ = w.Close()
			}
			b.ReportMetric(float64(len(text)), "plain-B")
			b.ReportMetric(float64(out.Len()), "gzip-B")
		})
	}
	for _, level := range []int{1, 6} {
		b.Run(fmt.Sprintf("standard library/level=%d", level), func(b *testing.B) {
			var out bytes.Buffer
			w, _ := stdgzip.NewWriterLevel(&out, level)
			for b.Loop() {
				out.Reset()
				w.Reset(&out)
				_, _ = w.Write(text)
				_ = w.Close()
			}
			b.ReportMetric(float64(out.Len()), "gzip-B")
		})
	}
}

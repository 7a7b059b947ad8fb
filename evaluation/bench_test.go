package evaluation_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/replica"
)

// thousand is a world of 1,000 flags, of which a context has about two thirds.
func thousand() *world {
	var features []replica.Feature
	for i := range 1000 {
		f := flag(fmt.Sprintf("bench.flag-%04d", i), "p"+strconv.Itoa(i%10), eval.Strategy{
			Name: "flexibleRollout", Parameters: map[string]string{"rollout": "50", "stickiness": "default", "groupId": strconv.Itoa(i)},
		}, constrained(eval.Constraint{ContextName: "plan", Operator: "IN", Values: []string{"pro", strconv.Itoa(i % 3)}}))
		if i%5 == 0 {
			f.Variants = []eval.Variant{{Name: "a", Weight: 500}, {Name: "b", Weight: 500, Payload: &eval.Payload{Type: "string", Value: "blue"}}}
		}
		features = append(features, f)
	}
	return newWorld(features)
}

func contexts(count int) []*eval.Context {
	made := make([]*eval.Context, count)
	for i := range made {
		made[i] = &eval.Context{UserID: "user-" + strconv.Itoa(i), SessionID: "s", Properties: map[string]string{"plan": strconv.Itoa(i % 7)}}
	}
	return made
}

// BenchmarkRequest is what a request to /api/frontend with 1,000 flags costs beyond HTTP.
func BenchmarkRequest(b *testing.B) {
	e := evaluation.New(thousand().store)
	for _, distinct := range []int{1, 1000} {
		b.Run(fmt.Sprintf("contexts=%d", distinct), func(b *testing.B) {
			made := contexts(distinct)
			var body []byte
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				set, _ := e.Evaluate(all, made[i%len(made)])
				body = set.AppendEnabled(body[:0])
				_ = set.ETag(false)
			}
			b.ReportMetric(float64(len(body)), "B/answer")
		})
	}
	b.Run("one flag", func(b *testing.B) {
		one := all
		one.Names = []string{"bench.flag-0500"}
		b.ReportAllocs()
		for b.Loop() {
			_, _ = e.Evaluate(one, nil)
		}
	})
}

// BenchmarkAdvance is what a change of one of 1,000 flags costs for each context that streams.
func BenchmarkAdvance(b *testing.B) {
	w := thousand()
	e := evaluation.New(w.store)
	made := contexts(1000)
	sets := make([]*evaluation.Set, len(made))
	for i := range made {
		sets[i], _ = e.Evaluate(all, made[i])
	}
	b.ReportAllocs()
	changed := 0
	for i := 0; b.Loop(); i++ {
		at := i % len(made)
		if at == 0 {
			f := flag("bench.flag-0500", "p0")
			f.Enabled = i/len(made)%2 == 0
			w.put(f)
		}
		var diff evaluation.Diff
		sets[at], diff, _ = e.Advance(all, made[at], sets[at])
		changed += diff.Len()
	}
	b.ReportMetric(float64(changed)/float64(b.N), "changed/op")
}

// BenchmarkCatalogue is what a change of one of 1,000 flags costs before anything is evaluated.
func BenchmarkCatalogue(b *testing.B) {
	w := thousand()
	e := evaluation.New(w.store)
	none := all
	none.Names = []string{}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f := flag("bench.flag-0500", "p0")
		f.Enabled = i%2 == 0
		w.put(f)
		_, _ = e.Evaluate(none, nil)
	}
}

func TestRequestsAllocateLittleHoweverManyFlags(t *testing.T) { //nolint:paralleltest // counts allocations
	e := evaluation.New(thousand().store)
	made := contexts(50)
	body := make([]byte, 0, 1<<20)
	for _, c := range made { // what is encoded once
		set, _ := e.Evaluate(all, c)
		body = set.AppendEnabled(body[:0])
	}
	i := 0
	allocations := testing.AllocsPerRun(200, func() {
		set, _ := e.Evaluate(all, made[i%len(made)])
		body = set.AppendEnabled(body[:0])
		_ = set.ETag(false)
		i++
	})
	require.LessOrEqual(t, allocations, 4.0) // the set, its outcomes, where they are, the tag
}

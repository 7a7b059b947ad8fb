package suite

import (
	"bytes"
	"context"
	"strconv"

	"github.com/pennonhq/pennon/test/load/report"
)

// evaluation takes the evaluator's own benchmarks.
type evaluation struct {
	engine benchmarks
}

const (
	evaluateAll  = "BenchmarkAll1000NoAlloc"
	handCompiled = "BenchmarkHandCompiled1000"

	// evaluateRuns is how often both are run a round. The fastest counts: the loops do no I/O, so whatever makes one
	// slower is another program on the machine.
	evaluateRuns = 6
)

func (*evaluation) name() string { return "eval" }

func (a *evaluation) round(ctx context.Context, b *Bench) {
	a.engine.pkg = "./eval"
	if err := a.measure(ctx, b); err != nil {
		b.Fail("eval", err)
		b.Logger.Warn("not measured", "figure", "eval", "err", err)
	}
}

func (a *evaluation) measure(ctx context.Context, b *Bench) error {
	fastest := map[string]report.Benchmark{}
	for range evaluateRuns {
		out, err := a.engine.run(ctx, b, "^("+evaluateAll+"|"+handCompiled+")$", "100ms")
		if err != nil {
			return err
		}
		for _, name := range []string{evaluateAll, handCompiled} {
			result, err := report.ParseBenchmark(bytes.NewReader(out), name)
			if err != nil {
				return err
			}
			if best, ok := fastest[name]; ok {
				result.Nanoseconds = min(result.Nanoseconds, best.Nanoseconds)
				result.Allocations = max(result.Allocations, best.Allocations)
			}
			fastest[name] = result
		}
	}
	for system, name := range map[string]string{"pennon": evaluateAll, "ceiling": handCompiled} {
		b.Put("eval/"+system+"/time", fastest[name].Nanoseconds/1000)
		b.Put("eval/"+system+"/allocations", fastest[name].Allocations)
	}
	return nil
}

func (*evaluation) table(b *Bench) report.Table {
	row := func(quantity, text string) report.Row {
		return report.Row{
			Case: text, Pennon: b.Measured("eval/pennon/" + quantity), Ceiling: b.Measured("eval/ceiling/" + quantity),
			Peer: report.Measured{None: "–"},
		}
	}
	took, allocations := row("time", "all 1,000 flags for one context, µs"), row("allocations", "allocations")
	took.ToCeilingBar, allocations.Bar = report.AtMost(1.5), report.AtMost(0)
	return report.Table{
		Title: "Evaluating 1,000 flags",
		About: "Go benchmarks of ./eval, one goroutine: " + evaluateAll + ", and as the ceiling " + handCompiled +
			", the same flags written as Go code by hand. The two alternate; the fastest of " + strconv.Itoa(evaluateRuns) +
			" runs a round counts, because whatever slows such a loop down is another program.",
		Rows: []report.Row{took, allocations},
	}
}

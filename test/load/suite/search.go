package suite

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/pennonhq/pennon/test/load/report"
)

// search takes the benchmarks of the search over many flags.
type search struct {
	benchmarks benchmarks
}

const (
	searchBenchmark = "BenchmarkSearch"
	searchMost      = 50 // ms
	searchTimes     = "30x"
)

func (*search) name() string { return "search" }

func (a *search) round(ctx context.Context, b *Bench) {
	a.benchmarks.pkg = "./control/feature"
	out, err := a.benchmarks.run(ctx, b, "^"+searchBenchmark+"$", searchTimes)
	var p95 map[string]float64
	if err == nil {
		p95, err = report.ParseMetric(bytes.NewReader(out), searchBenchmark, "p95-ms")
	}
	if err != nil {
		b.Fail("search", err)
		b.Logger.Warn("not measured", "figure", "search", "err", err)
		return
	}
	times := slices.Sorted(maps.Values(p95))
	b.Put("search/pennon/slowest", times[len(times)-1])
	b.Put("search/pennon/median", times[len(times)/2])
	b.Put("search/pennon/text", p95["Text"])
	b.Put("search/pennon/several", p95["SeveralFilters"])
}

func (*search) table(b *Bench) report.Table {
	row := func(quantity, text string) report.Row {
		return report.Row{
			Case: text, Pennon: b.Measured("search/pennon/" + quantity), Bar: report.AtMost(searchMost),
			Ceiling: report.Measured{None: "–"}, Peer: report.Measured{None: "–"},
		}
	}
	return report.Table{
		Title: "Searching 10,000 flags",
		About: "Go benchmark of ./control/feature, " + searchBenchmark + ": one connection asks for a page of 50 with its total, " + searchTimes +
			" for each of 25 filters and orders.",
		Rows: []report.Row{
			row("slowest", "slowest filter or order, ms (p95)"),
			row("median", "median of all filters and orders, ms (p95)"),
			row("text", "by text, ms (p95)"),
			row("several", "six filters at once, ms (p95)"),
		},
	}
}

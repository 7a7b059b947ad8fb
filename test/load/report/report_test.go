package report_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/test/load/report"
)

func TestFigure(t *testing.T) {
	t.Parallel()

	t.Run("PrintsMedianAndSpread", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "2.00 [1.00..4.00]", report.Figure{4, 1, 2}.String())
	})
	t.Run("LeavesOutRoundsThatWereNotTaken", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "3.00 [2.00..4.00]", report.Figure{4, math.NaN(), 2}.String())
	})
	t.Run("DividesRoundByRound", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, report.Figure{2, 3}, report.Figure{4, 9}.Over(report.Figure{2, 3}))
	})
	t.Run("HasNoRatioWhereEitherSideIsMissing", func(t *testing.T) {
		t.Parallel()
		require.Empty(t, report.Figure{4}.Over(report.Figure{math.NaN()}).Taken())
		require.Empty(t, report.Figure{4}.Over(report.Figure{0}).Taken())
	})
	t.Run("InterpolatesPercentiles", func(t *testing.T) {
		t.Parallel()
		require.InDelta(t, 2.5, report.Percentile([]float64{4, 1, 3, 2}, 50), 1e-9)
		require.InDelta(t, 4, report.Percentile([]float64{4, 1, 3, 2}, 100), 1e-9)
	})
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for value, want := range map[float64]string{
		0: "0", 0.0123: "0.012", 0.5: "0.50", 7.126: "7.13", 62.44: "62.4", 821: "821", 42070: "42,070", 1234567: "1,234,567",
	} {
		require.Equal(t, want, report.Number(value))
	}
}

func TestRowVerdict(t *testing.T) {
	t.Parallel()
	taken := func(values ...float64) report.Measured { return report.Measured{Figure: values} }
	none := report.Measured{None: "–"}
	for name, tc := range map[string]struct {
		row  report.Row
		want report.Verdict
	}{
		"MetWhenTheMedianRatioKeepsTheBar": {
			report.Row{Pennon: taken(1.1, 5, 1), Ceiling: taken(1, 1, 1), Peer: none, ToCeilingBar: report.AtMost(1.2)}, report.Met,
		},
		"MissedWhenOneOfTwoBarsIsMissed": {
			report.Row{Pennon: taken(1), Ceiling: taken(1), Peer: taken(5), ToCeilingBar: report.AtMost(1.2), ToPeerBar: report.OneIn(10)}, report.Missed,
		},
		"MissedWhenARateDoesNotReachTheBar": {
			report.Row{Pennon: taken(19), Ceiling: none, Peer: taken(1), ToPeerBar: report.AtLeast(20)}, report.Missed,
		},
		"MetWhenPennonsOwnFigureIsZeroAsAsked": {
			report.Row{Pennon: taken(0, 0, 0), Ceiling: none, Peer: none, Bar: report.AtMost(0)}, report.Met,
		},
		"FailedWhenASystemIsNotThere": {
			report.Row{Pennon: report.Measured{Err: errors.New("no binary")}, Ceiling: taken(1), Peer: none}, report.Failed,
		},
		"FailedWhenAFigureIsSilentlyMissing": {
			report.Row{Pennon: taken(1), Ceiling: report.Measured{}, Peer: none}, report.Failed,
		},
		"NoBarWhenTheRowOnlyInforms": {
			report.Row{Pennon: taken(1), Ceiling: taken(1), Peer: none}, report.NoBar,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tc.want, tc.row.Verdict())
		})
	}
}

func TestDocumentWritesOneTableAnArea(t *testing.T) {
	t.Parallel()
	document := report.Document{
		Title: "Performance",
		Head:  []string{"2 cores"},
		Notes: "Read the ratios.",
		Tables: []report.Table{{
			Title: "Reads", About: "Whole bodies.",
			Rows: []report.Row{{
				Case:         "plain, CPU µs/request",
				Pennon:       report.Measured{Figure: report.Figure{110, 120, 130}},
				Ceiling:      report.Measured{Figure: report.Figure{100, 100, 100}},
				Peer:         report.Measured{Err: errors.New("exit 1 | port\nin use")},
				ToCeilingBar: report.AtMost(1.4),
			}},
		}},
	}
	var b strings.Builder
	_, err := document.WriteTo(&b)
	require.NoError(t, err)
	require.Equal(t, `# Performance

- 2 cores

Read the ratios.

## Reads

Whole bodies.

| case | pennon | ceiling | ratio (bar) | unleash-server | ratio (bar) |  |
| --- | --- | --- | --- | --- | --- | --- |
| plain, CPU µs/request | 120 [110..130] | 100 [100..100] | 1.20 [1.10..1.30] (≤ 1.40) | error | – | ✗ error |

Not measured:

- unleash-server: exit 1 | port in use
`, b.String())
	require.Equal(t, map[report.Verdict]int{report.Failed: 1}, document.Tally())
}

func TestParseBenchmark(t *testing.T) {
	t.Parallel()
	const output = "goos: linux\nBenchmarkAll1000NoAllocX-2 \t 1 \t 5 ns/op\n" +
		"BenchmarkAll1000NoAlloc-2     \t   23629\t     51799 ns/op\t       0 B/op\t       3 allocs/op\nPASS\n"
	result, err := report.ParseBenchmark(strings.NewReader(output), "BenchmarkAll1000NoAlloc")
	require.NoError(t, err)
	require.Equal(t, report.Benchmark{Nanoseconds: 51799, Allocations: 3}, result)
	_, err = report.ParseBenchmark(strings.NewReader(output), "BenchmarkOther")
	require.Error(t, err)
}

func TestParseMetricReadsAllParts(t *testing.T) {
	t.Parallel()
	const output = "goos: linux\nBenchmarkSearch/None-2   40   6123 ns/op   7.25 p95-ms\nBenchmarkSearch/Tag   40   9 ns/op   0.5 p95-ms\nBenchmarkOther/Tag-2   40   9 ns/op   3 p95-ms\n"
	values, err := report.ParseMetric(strings.NewReader(output), "BenchmarkSearch", "p95-ms")
	require.NoError(t, err)
	require.Equal(t, map[string]float64{"None": 7.25, "Tag": 0.5}, values)
	_, err = report.ParseMetric(strings.NewReader(output), "BenchmarkSearch", "p50-ms")
	require.Error(t, err)
}

func TestTableNamesItsPeer(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	_, err := report.Document{Tables: []report.Table{{Peer: "@unleash/proxy", Rows: []report.Row{{Peer: report.Measured{Err: errors.New("not there")}}}}}}.WriteTo(&text)
	require.NoError(t, err)
	require.Contains(t, text.String(), "| @unleash/proxy |")
	require.Contains(t, text.String(), "- @unleash/proxy: not there")
}

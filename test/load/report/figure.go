// Package report turns the figures of a benchmark run into the tables of docs/performance.md. It knows nothing of how a
// figure was taken: it computes medians, spreads and same-round ratios, holds them against bars and writes Markdown.
package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Figure is one measurement repeated, one value a round, in round order. A round in which it could not be taken is NaN.
type Figure []float64

// Taken returns the values that were taken, in round order.
func (f Figure) Taken() []float64 {
	return slices.DeleteFunc(slices.Clone([]float64(f)), math.IsNaN)
}

// Median returns the median of the values taken, NaN if there are none.
func (f Figure) Median() float64 { return Percentile(f.Taken(), 50) }

// Over returns the ratio f/g round by round; a round that misses either is NaN.
func (f Figure) Over(g Figure) Figure {
	ratios := make(Figure, min(len(f), len(g)))
	for i := range ratios {
		ratios[i] = math.NaN()
		if g[i] != 0 {
			ratios[i] = f[i] / g[i]
		}
	}
	return ratios
}

// String prints "median [min..max]".
func (f Figure) String() string {
	taken := f.Taken()
	if len(taken) == 0 {
		return "none"
	}
	return fmt.Sprintf("%s [%s..%s]", Number(f.Median()), Number(slices.Min(taken)), Number(slices.Max(taken)))
}

// Percentile returns the p-th percentile (0 to 100) of values by linear interpolation, NaN if there are none. It leaves
// values unsorted.
func Percentile(values []float64, p float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	at := p / 100 * float64(len(sorted)-1)
	low := int(at)
	high := min(low+1, len(sorted)-1)
	return sorted[low] + (sorted[high]-sorted[low])*(at-float64(low))
}

// Number prints a value with three significant digits or as a whole number, with commas between thousands.
func Number(v float64) string {
	switch size := math.Abs(v); {
	case v == 0:
		return "0"
	case size < 0.1:
		return strconv.FormatFloat(v, 'g', 2, 64)
	case size < 10:
		return strconv.FormatFloat(v, 'f', 2, 64)
	case size < 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	digits := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	for at := len(digits) - 3; at > 0 && digits[at-1] != '-'; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

package report

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Benchmark is one result of a Go benchmark.
type Benchmark struct {
	Nanoseconds float64 // per operation
	Allocations float64 // per operation; 0 without -benchmem
}

// ParseMetric finds a metric that sub-benchmarks of a benchmark report under unit, by what comes after the slash.
func ParseMetric(r io.Reader, name, unit string) (map[string]float64, error) {
	values := map[string]float64{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 {
			continue
		}
		got, _, _ := strings.Cut(fields[0], "-")
		part, ok := strings.CutPrefix(got, name+"/")
		if !ok {
			continue
		}
		for i := 2; i+1 < len(fields); i += 2 {
			if fields[i+1] != unit {
				continue
			}
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", got, err)
			}
			values[part] = value
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read benchmarks: %w", err)
	}
	if len(values) == 0 {
		return nil, fmt.Errorf("no %s of %s", unit, name)
	}
	return values, nil
}

// ParseBenchmark finds a benchmark's result in the output of go test -bench (golang.org/design/14313-benchmark-format). A
// name that is missing is an error.
func ParseBenchmark(r io.Reader, name string) (Benchmark, error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 4 {
			continue
		}
		// The name is followed by "-GOMAXPROCS", except when that is 1.
		if got, _, _ := strings.Cut(fields[0], "-"); got != name {
			continue
		}
		var b Benchmark
		found := false
		for i := 2; i+1 < len(fields); i += 2 {
			value, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return Benchmark{}, fmt.Errorf("read %s: %w", name, err)
			}
			switch fields[i+1] {
			case "ns/op":
				b.Nanoseconds, found = value, true
			case "allocs/op":
				b.Allocations = value
			}
		}
		if found {
			return b, nil
		}
	}
	if err := lines.Err(); err != nil {
		return Benchmark{}, fmt.Errorf("read benchmarks: %w", err)
	}
	return Benchmark{}, fmt.Errorf("no result of %s", name)
}

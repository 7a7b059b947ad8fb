package suite

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"

	"github.com/pennonhq/pennon/test/load/report"
)

// benchmarks are the Go benchmarks of a package, compiled once.
type benchmarks struct {
	pkg    string // as ./eval
	binary string
	err    error
}

// run runs the benchmarks whose names match and returns what they print.
func (g *benchmarks) run(ctx context.Context, b *Bench, pattern, time string) ([]byte, error) {
	if g.binary == "" && g.err == nil {
		g.binary = filepath.Join(b.Cache, path.Base(g.pkg)+".test")
		compile := exec.CommandContext(ctx, "go", "test", "-c", "-o", g.binary, g.pkg)
		compile.Dir = b.Root
		if out, err := compile.CombinedOutput(); err != nil {
			g.err = fmt.Errorf("compile the benchmarks of %s: %w: %s", g.pkg, err, firstLine(out))
		}
	}
	if g.err != nil {
		return nil, g.err
	}
	run := exec.CommandContext(ctx, g.binary, "-test.run=^$", "-test.benchmem", "-test.benchtime="+time, "-test.bench="+pattern)
	run.Dir = filepath.Join(b.Root, g.pkg)
	out, err := run.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("run the benchmarks of %s: %w: %s", g.pkg, err, firstLine(out))
	}
	return out, nil
}

// allocations records how often one operation of a benchmark allocates.
func (g *benchmarks) allocations(ctx context.Context, b *Bench, figure, name string) {
	out, err := g.run(ctx, b, "^"+name+"$", "200x")
	if err == nil {
		var result report.Benchmark
		if result, err = report.ParseBenchmark(bytes.NewReader(out), name); err == nil {
			b.Put(figure+"/allocations", result.Allocations)
			return
		}
	}
	b.Fail(figure+"/allocations", err)
	b.Logger.Warn("not measured", "figure", figure+"/allocations", "err", err)
}

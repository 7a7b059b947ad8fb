package suite

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pennonhq/pennon/test/load/report"
)

// area is one group of bars.
type area interface {
	// name is the area's name on the command line and the first part of its figures' names.
	name() string
	// round takes every figure of the area once. What fails is recorded, not returned.
	round(ctx context.Context, b *Bench)
	// table turns the figures of all rounds into rows.
	table(b *Bench) report.Table
}

// areas lists every area in the order of the report.
func areas() []area {
	return []area{
		&fanout{}, &push{}, &browser{}, &features{}, &frontend{}, &proxies{}, &edges{}, &edgeChain{},
		&edgeFanout{}, &evaluation{}, &writes{}, &search{}, &usage{}, &start{},
	}
}

// Names lists the areas' names.
func Names() []string {
	names := make([]string, 0)
	for _, a := range areas() {
		names = append(names, a.name())
	}
	return names
}

// Run measures and returns the report and the raw figures. The error is for runs that could not take place; a system that
// is missing or fails is in the report.
func Run(ctx context.Context, config Config) (report.Document, *Records, error) {
	chosen := areas()
	for _, name := range config.Only {
		if !slices.Contains(Names(), name) {
			return report.Document{}, nil, fmt.Errorf("no area %q: there are %s", name, strings.Join(Names(), ", "))
		}
	}
	if len(config.Only) > 0 {
		chosen = slices.DeleteFunc(chosen, func(a area) bool { return !slices.Contains(config.Only, a.name()) })
	}
	began := time.Now()
	b, err := open(ctx, config)
	if err != nil {
		return report.Document{}, nil, err
	}
	for b.round = range config.Rounds {
		for _, a := range chosen {
			at := time.Now()
			a.round(ctx, b)
			config.Logger.Info("measured", "round", b.round+1, "area", a.name(), "took", time.Since(at).Round(time.Second))
		}
	}
	if err := ctx.Err(); err != nil {
		_ = b.close() // the interruption is the error to tell
		return report.Document{}, nil, fmt.Errorf("run benchmark: %w", err)
	}
	document := report.Document{
		Title: "Performance",
		Head:  b.facts(ctx, began),
		Notes: notes,
	}
	for _, a := range chosen {
		document.Tables = append(document.Tables, a.table(b))
	}
	return document, b.Records, b.close()
}

const notes = `
Every figure is the median of the rounds, with the smallest and the largest in brackets. A round measures every system one
after the other, in an order that changes from round to round. A ratio is Pennon divided by the other system within the same
round; a bar is held against the median of the ratios. Processor time is read from the process's CPU clock and is the steady
figure; times and rates move with whatever else the machine does, so read those as ratios only. Every program is a process of
its own on the same machine as the generator and PostgreSQL, over loopback, without TLS.

A **ceiling** is a bare Go program of the same shape that does nothing else: no authentication, no limits, no logging, no
metrics. **unleash-server** is the npm package, run unmodified on the same PostgreSQL with its rate limits raised. It is one
Node.js process, and its open-source edition has no streaming. ✓ all bars of the row are met, ✗ one is missed, – no bar.
`

// systemRun is the measurement of one system within a round.
type systemRun struct {
	name string // pennon, ceiling or peer
	run  func() error
}

// inTurn runs the systems of a case, beginning with another one each round, and records failures under path.
func (b *Bench) inTurn(path string, systems ...systemRun) {
	for i := range systems {
		s := systems[(i+b.round)%len(systems)]
		if err := s.run(); err != nil {
			b.Fail(path+"/"+s.name, err)
			b.Logger.Warn("not measured", "figure", path+"/"+s.name, "round", b.round+1, "err", err)
		}
	}
}

// SavedRecords is where the raw figures of the last run are kept under the cache directory.
func SavedRecords(cache string) string { return filepath.Join(cache, "rounds.json") }

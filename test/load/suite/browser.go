package suite

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/seed"
	"github.com/pennonhq/pennon/test/load/swarm"
	"github.com/pennonhq/pennon/test/load/system"
)

// browser measures a change's way to browsers that all have other contexts, and that those hear nothing whose flags it
// does not change.
type browser struct{}

const (
	browserStreams  = 1000
	browserFlags    = 1000
	browserPath     = "/api/frontend/stream"
	watchedFlags    = 10                    // of those everybody has, and of those one half has
	browserSeen     = 110                   // changes that everybody sees: one that waits for the disk is not yet the 99th percentile
	browserGrouped  = 20                    // changes that one half sees
	browserUnseen   = 20                    // changes that nobody sees
	browserPace     = 20 * time.Millisecond // between a change's last arrival and the next change
	browserListen   = 300 * time.Millisecond
	browserMostP99  = 50 // ms
	browserConnects = 20 * time.Second
)

func (*browser) name() string { return "browser" }

func (a *browser) round(ctx context.Context, b *Bench) {
	if err := a.visit(ctx, b); err != nil {
		b.Fail("browser", err)
		b.Logger.Warn("not measured", "figure", "browser", "round", b.round+1, "err", err)
	}
}

// browserChange sets the mark in the payload of a flag's variant.
const browserChange = `UPDATE feature_strategies SET variants = jsonb_build_array(jsonb_build_object('name', 'marked', 'weight', 1000,
	'weightType', 'variable', 'stickiness', 'default', 'payload', jsonb_build_object('type', 'string', 'value', $2::text))) WHERE feature = $1`

// browserNoChange changes what SDKs see of a flag but no browser does.
const browserNoChange = `UPDATE features SET description = $2::text WHERE name = $1`

// browsers is one visit.
type browsers struct {
	bench    *Bench
	database string
	server   *system.Process
	swarm    *swarm.Swarm
	number   int // of the last change
}

func (*browser) visit(ctx context.Context, b *Bench) error {
	flags := slices.Concat(seed.Flags(browserFlags-2*watchedFlags), seed.WatchedFlags(watchedFlags, false), seed.WatchedFlags(watchedFlags, true))
	database, err := b.pennonDatabase(ctx, "browser", flags)
	if err != nil {
		return err
	}
	v := &browsers{bench: b, database: database, number: b.round * 1000}
	if v.server, err = b.startPennon(ctx, database); err != nil {
		return err
	}
	defer v.server.Kill()
	if err := v.connect(ctx); err != nil {
		return errors.Join(err, v.server.Alive())
	}
	defer v.swarm.Close()
	for _, step := range []func(context.Context) error{v.seen, v.grouped, v.unseen} {
		if err := step(ctx); err != nil {
			return errors.Join(err, v.server.Alive())
		}
	}
	tally := v.swarm.Tally()
	b.Put("browser/pennon/disorder", float64(tally.OutOfOrder+tally.Duplicates))
	b.Put("browser/pennon/closed", float64(tally.Closed))
	return ctx.Err()
}

// connect opens the streams and takes the memory they need.
func (v *browsers) connect(ctx context.Context) error {
	before, err := v.server.Memory()
	if err != nil {
		return err
	}
	began := time.Now()
	connecting, cancel := context.WithTimeout(ctx, browserConnects)
	defer cancel()
	v.swarm, err = swarm.Connect(connecting, swarm.Options{
		Addr: netip.MustParseAddrPort(v.server.Addr), Path: browserPath, Query: browserContext, Subscribers: browserStreams,
		Header: []string{system.Authorize(system.FrontendToken)}, Parse: swarm.ParseToggles,
		Flags: slices.Concat(seed.Names(seed.WatchedFlags(watchedFlags, false)), seed.Names(seed.WatchedFlags(watchedFlags, true))),
	})
	if err != nil {
		return err
	}
	v.bench.Put("browser/pennon/connect", milliseconds(time.Since(began)))
	wait(ctx, settle)
	after, err := v.server.Memory()
	if err != nil {
		return err
	}
	v.bench.Put("browser/pennon/memory", float64(after)/(1<<20))
	v.bench.Put("browser/pennon/stream-memory", float64(after-before)/browserStreams/1024)
	return nil
}

// seen makes changes that everybody sees, and waits for each.
func (v *browsers) seen(ctx context.Context) error {
	var took []float64
	used, err := v.changes(ctx, seed.Names(seed.WatchedFlags(watchedFlags, false)), browserSeen, browserStreams, &took)
	if err != nil {
		return err
	}
	b := v.bench
	b.Put("browser/pennon/p50", report.Percentile(took, 50))
	b.Put("browser/pennon/p99", report.Percentile(took, 99))
	b.Put("browser/pennon/last", slices.Max(took))
	b.Put("browser/pennon/missing", float64(browserSeen*browserStreams-len(took)))
	b.Put("browser/pennon/cpu", float64(used.Microseconds())/browserSeen/browserStreams)
	return nil
}

// grouped makes changes that one half sees, and counts what the other half is sent.
func (v *browsers) grouped(ctx context.Context) error {
	before := v.swarm.Said()
	var names []string
	for i, name := range seed.Names(seed.WatchedFlags(watchedFlags, true)) {
		if i%2 == 0 { // of group 0
			names = append(names, name)
		}
	}
	var took []float64
	used, err := v.changes(ctx, names, browserGrouped, browserStreams/2, &took)
	if err != nil {
		return err
	}
	wait(ctx, browserListen)
	sent := int64(0)
	for i, said := range v.swarm.Said() {
		if i%2 == 1 {
			sent += said - before[i]
		}
	}
	v.bench.Put("browser/pennon/others", float64(sent))
	v.bench.Put("browser/pennon/half-p99", report.Percentile(took, 99))
	v.bench.Put("browser/pennon/half-cpu", float64(used.Microseconds())/1000/browserGrouped)
	return nil
}

// unseen makes changes that no browser sees, and counts what they are sent all the same.
func (v *browsers) unseen(ctx context.Context) error {
	writer, err := v.bench.newSQLWriter(ctx, v.database, browserNoChange)
	if err != nil {
		return err
	}
	defer writer.close()
	writer.names = seed.Names(seed.WatchedFlags(watchedFlags, false))
	before := v.swarm.Said()
	used, err := cpu(v.server, func() error {
		for range browserUnseen {
			v.number++
			if _, err := writer.change(ctx, v.number%len(writer.names), v.number); err != nil {
				return err
			}
			wait(ctx, browserPace)
		}
		wait(ctx, browserListen)
		return nil
	})
	if err != nil {
		return err
	}
	sent := int64(0)
	for i, said := range v.swarm.Said() {
		sent += said - before[i]
	}
	v.bench.Put("browser/pennon/unseen", float64(sent))
	v.bench.Put("browser/pennon/unseen-cpu", float64(used.Microseconds())/1000/browserUnseen)
	// They were listening: one more change reaches everybody.
	_, err = v.changes(ctx, writer.names, 1, browserStreams, new([]float64))
	return err
}

// changes makes changes, waits until each has reached so many streams, and adds how long it took to each.
func (v *browsers) changes(ctx context.Context, names []string, count, streams int, took *[]float64) (used time.Duration, err error) {
	writer, err := v.bench.newSQLWriter(ctx, v.database, browserChange)
	if err != nil {
		return 0, err
	}
	defer writer.close()
	writer.names = names
	return cpu(v.server, func() error {
		for range count {
			v.number++
			flag := v.number % len(names)
			arrived := v.swarm.WatchSome(names[flag], v.number, streams)
			sent, err := writer.change(ctx, flag, v.number)
			if err != nil {
				return fmt.Errorf("make change %d: %w", v.number, err)
			}
			waiting, cancel := context.WithTimeout(ctx, arrivalLimit)
			arrival := arrived(waiting)
			cancel()
			if arrival.Reached == 0 {
				return fmt.Errorf("change %d reached nobody within %s", v.number, arrivalLimit)
			}
			for _, at := range arrival.Times {
				*took = append(*took, milliseconds(at.Sub(sent)))
			}
			wait(ctx, browserPace)
		}
		return nil
	})
}

func (*browser) table(b *Bench) report.Table {
	row := func(quantity, text string, bar *report.Bar) report.Row {
		return report.Row{
			Case: text, Pennon: b.Measured("browser/pennon/" + quantity), Bar: bar,
			Ceiling: report.Measured{None: "–"}, Peer: report.Measured{None: noStreaming},
		}
	}
	none := report.AtMost(0)
	return report.Table{
		Title: "A change's way to 1,000 browsers",
		About: fmt.Sprintf("%s SSE streams of /api/frontend/stream, each with a context of its own, over %s flags. %d changes that all see (the payload of a "+
			"variant), %d that every second one sees and %d that nobody sees (a description), each a commit in SQL and waited for. Times are from just "+
			"before COMMIT to the event at each stream, over all streams and changes. Heartbeats are comments and not counted as bytes. "+
			"Memory is taken %s after the last stream was opened and got its first event.",
			report.Number(browserStreams), report.Number(browserFlags), browserSeen, browserGrouped, browserUnseen, settle),
		Rows: []report.Row{
			row("p99", "commit → browser event, ms (p99)", report.AtMost(browserMostP99)),
			row("p50", "commit → browser event, ms (p50)", nil),
			row("last", "commit → browser event, ms (slowest)", nil),
			row("half-p99", "seen by half: commit → browser event, ms (p99)", nil),
			row("missing", "missing events", none),
			row("disorder", "out of order or repeated", none),
			row("closed", "streams lost", none),
			row("others", "bytes to the other half", none),
			row("unseen", "bytes for changes nobody sees", none),
			row("cpu", "seen by all: CPU µs/event", nil),
			row("half-cpu", "seen by half: CPU ms/change", nil),
			row("unseen-cpu", "seen by nobody: CPU ms/change", nil),
			row("memory", "resident memory of the server, MiB", nil),
			row("stream-memory", "of that for each stream, KiB", nil),
			row("connect", "connecting all, first event included, ms", nil),
		},
	}
}

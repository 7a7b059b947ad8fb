package suite

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/seed"
	"github.com/pennonhq/pennon/test/load/swarm"
	"github.com/pennonhq/pennon/test/load/system"
)

// edgeChain measures a commit's way through two edges, one behind the other, to the SDKs of each.
type edgeChain struct{}

const (
	chainStreams = 1000 // on each edge
	chainChanges = 120  // so that the slowest alone does not decide the 99th percentile
	chainMostP99 = 100  // ms
)

// chainLinks are the edges by their place: near is fed by the server, far by near.
var chainLinks = []struct{ name, text string }{{"far", "behind two edges"}, {"near", "behind one edge"}}

func (*edgeChain) name() string { return "edgechain" }

func (a *edgeChain) round(ctx context.Context, b *Bench) {
	if err := a.visit(ctx, b); err != nil {
		b.Fail("edgechain", err)
		b.Logger.Warn("not measured", "figure", "edgechain", "round", b.round+1, "err", err)
	}
}

func (a *edgeChain) visit(ctx context.Context, b *Bench) error {
	flags := seed.MarkedFlags(markedFlags)
	database, err := b.pennonDatabase(ctx, "edgechain", flags)
	if err != nil {
		return err
	}
	server, err := b.startPennon(ctx, database)
	if err != nil {
		return err
	}
	defer server.Kill()
	near, err := b.startEdge(ctx, server.Addr)
	if err != nil {
		return err
	}
	defer near.Kill()
	far, err := b.startEdge(ctx, near.Addr)
	if err != nil {
		return err
	}
	defer far.Kill()
	swarms := map[string]*swarm.Swarm{}
	edges := map[string]*system.Process{"near": near, "far": far}
	for name, edge := range edges {
		connecting, cancel := context.WithTimeout(ctx, connectLimit)
		swarms[name], err = swarm.Connect(connecting, swarm.Options{
			Addr: netip.MustParseAddrPort(edge.Addr), Path: streamingPath, Header: []string{system.Authorize(system.ClientToken)},
			Subscribers: chainStreams, Flags: seed.Names(flags),
		})
		cancel()
		if err != nil {
			return errors.Join(err, edge.Alive())
		}
		defer swarms[name].Close()
	}
	wait(ctx, quiet)
	writer, err := b.newSQLWriter(ctx, database, pennonChange)
	if err != nil {
		return err
	}
	defer writer.close()
	used, err := cpu(far, func() error { return a.changes(ctx, b, writer, swarms) })
	if err != nil {
		return errors.Join(err, server.Alive(), near.Alive())
	}
	b.Put("edgechain/far/cpu", float64(used.Microseconds())/chainChanges/chainStreams)
	wait(ctx, quiet)
	for name, s := range swarms {
		tally := s.Tally()
		b.Put("edgechain/"+name+"/disorder", float64(tally.OutOfOrder+tally.Duplicates))
		b.Put("edgechain/"+name+"/closed", float64(tally.Closed))
	}
	return ctx.Err()
}

// changes makes changes, each waited for at both edges, and records how long each took to each stream.
func (*edgeChain) changes(ctx context.Context, b *Bench, writer *sqlWriter, swarms map[string]*swarm.Swarm) error {
	took := map[string][]float64{}
	for i := range chainChanges {
		number := b.round*1000 + i + 1
		flag := number % len(writer.names)
		arrived := map[string]func(context.Context) swarm.Arrival{}
		for name, s := range swarms {
			arrived[name] = s.Watch(writer.names[flag], number)
		}
		sent, err := writer.change(ctx, flag, number)
		if err != nil {
			return fmt.Errorf("make change %d: %w", number, err)
		}
		waiting, cancel := context.WithTimeout(ctx, arrivalLimit)
		for name, wait := range arrived {
			for _, at := range wait(waiting).Times {
				took[name] = append(took[name], milliseconds(at.Sub(sent)))
			}
		}
		cancel()
		wait(ctx, pace)
	}
	for name := range swarms {
		if len(took[name]) == 0 {
			return fmt.Errorf("no change reached anybody at the %s edge", name)
		}
		b.Put("edgechain/"+name+"/p50", report.Percentile(took[name], 50))
		b.Put("edgechain/"+name+"/p99", report.Percentile(took[name], 99))
		b.Put("edgechain/"+name+"/last", slices.Max(took[name]))
		b.Put("edgechain/"+name+"/missing", float64(chainChanges*chainStreams-len(took[name])))
	}
	return nil
}

func (*edgeChain) table(b *Bench) report.Table {
	row := func(place, quantity, text string, bar *report.Bar) report.Row {
		return report.Row{
			Case: text, Pennon: b.Measured("edgechain/" + place + "/" + quantity), Bar: bar,
			Ceiling: report.Measured{None: "–"}, Peer: report.Measured{None: "streaming is licensed"},
		}
	}
	none := report.AtMost(0)
	table := report.Table{
		Title: "A commit's way through two edges", Peer: "Unleash Edge",
		About: fmt.Sprintf("PostgreSQL, server, edge, edge, all on this machine; %s SSE streams on each edge. %d changes, each waited for at both. Times are from "+
			"just before COMMIT of an UPDATE in SQL to the last byte at each stream, over all streams and changes. Processor time is the far edge's.",
			report.Number(chainStreams), chainChanges),
	}
	for _, link := range chainLinks {
		table.Rows = append(table.Rows,
			row(link.name, "p99", "commit → SDK "+link.text+", ms (p99)", report.AtMost(chainMostP99)),
			row(link.name, "p50", "commit → SDK "+link.text+", ms (p50)", nil),
			row(link.name, "last", "commit → SDK "+link.text+", ms (slowest)", nil),
			row(link.name, "missing", "missing "+link.text, none),
			row(link.name, "disorder", "out of order or repeated "+link.text, none),
			row(link.name, "closed", "streams lost "+link.text, none))
	}
	table.Rows = append(table.Rows, row("far", "cpu", "CPU µs/delivery", nil))
	return table
}

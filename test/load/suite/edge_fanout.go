package suite

import (
	"context"
	"fmt"

	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/seed"
)

// edgeFanout measures very many streams on one edge, beside as many on the server (fanout) in the same round.
type edgeFanout struct{}

const (
	edgeFanoutChanges = 12
	edgeMemoryLimit   = 2 // times the server's memory a stream
)

func (*edgeFanout) name() string { return "edgefanout" }

func (a *edgeFanout) round(ctx context.Context, b *Bench) {
	r := &streamResult{}
	if err := a.visit(ctx, b, r); err != nil {
		b.Fail("edgefanout/pennon", err)
		b.Logger.Warn("not measured", "figure", "edgefanout/pennon", "round", b.round+1, "err", err)
		return
	}
	r.put(b, "edgefanout/pennon")
}

func (*edgeFanout) visit(ctx context.Context, b *Bench, r *streamResult) error {
	database, err := b.pennonDatabase(ctx, "edgefanout", seed.MarkedFlags(markedFlags))
	if err != nil {
		return err
	}
	server, err := b.startPennon(ctx, database)
	if err != nil {
		return err
	}
	defer server.Kill()
	edge, err := b.startEdge(ctx, server.Addr)
	if err != nil {
		return err
	}
	defer edge.Kill() // a drain of streams that have gone takes its time and tells nothing
	writer, err := b.newSQLWriter(ctx, database, pennonChange)
	if err != nil {
		return err
	}
	defer writer.close()
	s := streams{process: edge, path: streamingPath, subscribers: b.Streams, writer: writer, changes: edgeFanoutChanges, number: b.round * 1000}
	return s.visit(ctx, r)
}

func (*edgeFanout) table(b *Bench) report.Table {
	row := func(quantity, text string) report.Row {
		return report.Row{
			Case: text, Pennon: b.Measured("edgefanout/pennon/" + quantity), Ceiling: report.Measured{None: "–"},
			Peer: b.Measured("fanout/pennon/" + quantity),
		}
	}
	memory := row("memory", "resident per idle stream, KiB")
	memory.ToPeerBar = report.AtMost(edgeMemoryLimit)
	rows := []report.Row{
		memory, row("last", "commit → last subscriber, ms (p50)"), row("cpu", "CPU µs/delivery"),
		row("connect", "connecting all, first event included, ms"), row("bytes", "bytes per delivery"),
	}
	for _, zero := range [][2]string{
		{"missing", "missing deliveries"}, {"disorder", "out of order"}, {"repeated", "repeated"}, {"closed", "streams lost"},
	} {
		r := row(zero[0], zero[1])
		r.Bar = report.AtMost(0)
		rows = append(rows, r)
	}
	return report.Table{
		Title: "A change's way to " + report.Number(float64(b.Streams)) + " SSE subscribers of an edge", Peer: "the server itself",
		About: fmt.Sprintf("As the first table, with the subscribers on an edge of the server: one visit a round with %d changes. The server's own figures are "+
			"those of the first table, in the same round.", edgeFanoutChanges),
		Rows: rows,
	}
}

package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/pennonhq/pennon/test/load/httpload"
	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/seed"
	"github.com/pennonhq/pennon/test/load/swarm"
	"github.com/pennonhq/pennon/test/load/system"
)

// fanout measures a change's way to very many subscribers beside a raw hijacked fan-out.
type fanout struct{}

const (
	fanoutChanges = 12 // a visit
	fanoutBurst   = 200
)

func (*fanout) name() string { return "fanout" }

func (*fanout) round(ctx context.Context, b *Bench) {
	s := streams{subscribers: b.Streams, changes: fanoutChanges}
	b.compareStreams(ctx, "fanout", s, fanoutBurst, b.streamRawFan, func(ctx context.Context, s streams, r *streamResult) error {
		return b.streamPennon(ctx, "fanout", s, r)
	})
}

func (b *Bench) streamRawFan(ctx context.Context, s streams, r *streamResult) error {
	p, err := system.StartCeiling(ctx, b.ceiling, "rawfan", b.logs())
	if err != nil {
		return err
	}
	defer p.Stop()
	client, err := httpload.Dial(p.Addr)
	if err != nil {
		return err
	}
	s.process, s.path = p, "/stream"
	s.writer = &postWriter{addr: p.Addr, client: client, flags: seed.MarkedFlags(markedFlags)}
	defer s.writer.close()
	return s.visit(ctx, r)
}

// postWriter hands the raw fan-out the frame Pennon would send.
type postWriter struct {
	addr   string
	client *httpload.Client
	flags  []seed.Flag
}

func (w *postWriter) change(_ context.Context, flag, n int) (time.Time, error) {
	w.flags[flag].Strategies[0].Parameters["groupId"] = fmt.Sprintf("%s%d", swarm.MarkPrefix, n)
	frame, err := seed.Delta(n, w.flags[flag])
	if err != nil {
		return time.Time{}, err
	}
	sent := time.Now()
	response, err := w.client.Post(w.addr, "/publish", frame, sent.Add(arrivalLimit))
	if err == nil && response.Status != 204 {
		err = fmt.Errorf("/publish answered %d", response.Status)
	}
	return sent, err
}

func (w *postWriter) close() { _ = w.client.Close() }

// noStreaming is why the Unleash server has no figure.
const noStreaming = "no streaming"

func (*fanout) table(b *Bench) report.Table {
	row := streamRow(b, "fanout")
	last, used := row("last", "commit → last subscriber, ms (p50)"), row("cpu", "CPU µs/delivery")
	memory := row("memory", "resident per idle stream, KiB")
	last.ToCeilingBar, used.ToCeilingBar, memory.Bar = report.AtMost(1.2), report.AtMost(1.3), report.AtMost(6)
	rows := []report.Row{last, used, memory}
	for _, zero := range [][2]string{
		{"missing", "missing deliveries"},
		{"disorder", "out of order, burst included"},
		{"repeated", "repeated, burst included"},
		{"closed", "streams lost"},
	} {
		r := row(zero[0], zero[1])
		r.Bar = report.AtMost(0)
		rows = append(rows, r)
	}
	own := func(quantity, text string) report.Row {
		return report.Row{
			Case: text, Pennon: b.Measured("fanout/pennon/" + quantity), Ceiling: report.Measured{None: "–"}, Peer: report.Measured{None: noStreaming},
		}
	}
	unequal := own("unequal", fmt.Sprintf("subscribers without the final state after %d changes back to back", fanoutBurst))
	unequal.Bar = report.AtMost(0)
	return report.Table{
		Title: "A change's way to " + report.Number(float64(b.Streams)) + " SSE subscribers",
		About: fmt.Sprintf("Each system is visited twice a round, in the order a, b, b, a: %d changes, each waited for; at the end of Pennon's second visit "+
			"%d more back to back, each a commit of its own. Pennon's time is from just "+
			"before COMMIT of an UPDATE in SQL to the last subscriber's last byte: the deferred trigger, the commit's fsync, NOTIFY, the "+
			"catch-up read and the fan-out. The ceiling's is from just before the POST of a ready frame: hijacked connections and two "+
			"writing goroutines, no database. Memory is the growth of the resident set from no stream to all idle, %s after the last "+
			"connected, divided by the streams. Processor time counts the server, not PostgreSQL.", fanoutChanges, fanoutBurst, settle),
		Rows: append(rows, unequal,
			own("burst", "burst: last commit → final state everywhere, ms"),
			own("burst-deliveries", fmt.Sprintf("burst: deliveries per subscriber (of %d)", fanoutBurst)),
			row("connect", "connecting all, first event included, ms"),
			row("bytes", "bytes per delivery"),
		),
	}
}

// streamRow returns a maker of rows of a streaming area.
func streamRow(b *Bench, area string) func(quantity, text string) report.Row {
	return func(quantity, text string) report.Row {
		return report.Row{
			Case: text, Pennon: b.Measured(area + "/pennon/" + quantity), Ceiling: b.Measured(area + "/ceiling/" + quantity),
			Peer: report.Measured{None: noStreaming},
		}
	}
}

package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/pennonhq/pennon/test/load/httpload"
	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/system"
)

// start measures how long a server takes to be ready and how much memory it then needs.
type start struct{}

const (
	startReads  = 10 // of all flags, plain and gzip each, before memory is read
	startSettle = time.Second
)

// startSizes are the numbers of flags.
var startSizes = []int{1000, 10_000}

func (*start) name() string { return "start" }

func (a *start) round(ctx context.Context, b *Bench) {
	for _, flags := range startSizes {
		path := fmt.Sprintf("start/%d", flags)
		b.inTurn(path,
			systemRun{"pennon", func() error { return a.measure(ctx, b, path+"/pennon", flags, b.pennonWith) }},
			systemRun{"ceiling", func() error { return a.measure(ctx, b, path+"/ceiling", flags, b.jsonServe) }},
			systemRun{"peer", func() error { return a.measure(ctx, b, path+"/peer", flags, b.peerWith) }})
	}
}

func (*start) measure(ctx context.Context, b *Bench, path string, flags int, run func(context.Context, int) (*system.Process, error)) error {
	p, err := run(ctx, flags)
	if err != nil {
		return err
	}
	defer p.Stop()
	b.Put(path+"/ready", milliseconds(p.Started))
	for range startReads {
		for _, coding := range []string{"identity", "gzip"} {
			response, _, err := httpload.Get(p.Addr, httpload.Request{
				Method: "GET", Path: featuresPath, Header: []string{system.Authorize(system.ClientToken), "Accept-Encoding: " + coding},
			})
			if err != nil {
				return err
			}
			if response.Status != 200 {
				return fmt.Errorf("%s answered %d", featuresPath, response.Status)
			}
		}
	}
	wait(ctx, startSettle)
	memory, err := p.Memory()
	if err != nil {
		return err
	}
	b.Put(path+"/memory", float64(memory)/(1<<20))
	return nil
}

func (*start) table(b *Bench) report.Table {
	table := report.Table{
		Title: "Starting, and memory",
		About: fmt.Sprintf("From exec on a migrated database to the first 200 of /ready (unleash-server: /health, which it answers earlier). "+
			"Resident memory is read %s after %d plain and %d gzip reads of all flags. The ceiling is the prebuilt-body server.",
			startSettle, startReads, startReads),
	}
	for _, flags := range startSizes {
		for _, q := range []struct {
			quantity, text string
			bar            *report.Bar
		}{
			{"ready", "start to ready, %s flags, ms", report.OneIn(10)},
			{"memory", "resident memory, %s flags, MiB", report.OneIn(5)},
		} {
			path := fmt.Sprintf("start/%d/", flags)
			table.Rows = append(table.Rows, report.Row{
				Case:   fmt.Sprintf(q.text, report.Number(float64(flags))),
				Pennon: b.Measured(path + "pennon/" + q.quantity), Ceiling: b.Measured(path + "ceiling/" + q.quantity),
				Peer: b.Measured(path + "peer/" + q.quantity), ToPeerBar: q.bar,
			})
		}
	}
	return table
}

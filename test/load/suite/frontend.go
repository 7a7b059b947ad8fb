package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/pennonhq/pennon/test/load/httpload"
	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/system"
)

// frontend measures GET /api/frontend: the flags that are on for a context, out of 1,000.
type frontend struct {
	handler benchmarks
}

const (
	frontendPath     = "/api/frontend"
	frontendContexts = 100
	frontendTime     = 1200 * time.Millisecond
	frontendFaster   = 20 // times as many requests a second as each of the published programs

	frontendBenchmark = "BenchmarkFrontend/Plain"
)

// evaluatedCases are the ways browsers ask for evaluated flags, each with all contexts in turn.
var evaluatedCases = []evaluatedCase{
	{name: "plain", text: "plain", status: 200},
	{name: "gzip", text: "gzip", header: []string{"Accept-Encoding: gzip"}, status: 200},
	{name: "unchanged", text: "304", status: 304}, // with the If-None-Match of the context
}

type evaluatedCase struct {
	name, text string
	header     []string
	status     int
}

func (*frontend) name() string { return "frontend" }

func (a *frontend) round(ctx context.Context, b *Bench) {
	b.evaluated(ctx, "frontend", frontendPath,
		func() (*system.Process, error) { return b.pennonWith(ctx, featuresFlags) },
		func() (*system.Process, error) { return b.peerWith(ctx, featuresFlags) })
	a.handler.pkg = "./api/frontend"
	a.handler.allocations(ctx, b, "frontend/pennon", frontendBenchmark)
}

// evaluated measures all cases on two servers that answer path.
func (b *Bench) evaluated(ctx context.Context, area, path string, pennon, peer func() (*system.Process, error)) {
	servers := map[string]*system.Process{}
	for name, start := range map[string]func() (*system.Process, error){"pennon": pennon, "peer": peer} {
		p, err := start()
		if err != nil {
			for _, c := range evaluatedCases {
				b.Fail(area+"/"+c.name+"/"+name, err)
			}
			b.Logger.Warn("not measured", "figure", area+"/*/"+name, "err", err)
			continue
		}
		defer p.Stop()
		servers[name] = p
	}
	for _, c := range evaluatedCases {
		var systems []systemRun
		for _, name := range []string{"pennon", "peer"} {
			if p := servers[name]; p != nil {
				systems = append(systems, systemRun{name, func() error {
					return b.evaluate(ctx, area+"/"+c.name+"/"+name, p, path, c)
				}})
			}
		}
		b.inTurn(area+"/"+c.name, systems...)
	}
}

// evaluate measures one case on one server. Asking once for each context warms it up.
func (b *Bench) evaluate(ctx context.Context, figure string, p *system.Process, path string, c evaluatedCase) error {
	var requests []httpload.Request
	for i := range frontendContexts {
		request := httpload.Request{
			Method: "GET", Path: path + browserContext(i), Header: append([]string{system.Authorize(system.FrontendToken)}, c.header...),
		}
		response, _, err := httpload.Get(p.Addr, request)
		if err != nil {
			return err
		}
		if response.Status != 200 {
			return fmt.Errorf("%s answered %d", path, response.Status)
		}
		if c.status == 304 {
			request.Header = append(request.Header, "If-None-Match: "+response.ETag)
		}
		requests = append(requests, request)
	}
	load := httpload.Load{
		Addr: p.Addr, Requests: requests, Connections: featuresConnections, Duration: frontendTime, WantStatus: c.status, Spread: true,
	}
	var result httpload.Result
	used, err := cpu(p, func() (err error) {
		result, err = httpload.Run(ctx, load)
		return err
	})
	if err != nil {
		return err
	}
	b.Put(figure+"/cpu", float64(used.Microseconds())/float64(result.Requests))
	b.Put(figure+"/rate", result.Rate())
	b.Put(figure+"/p99", milliseconds(result.P99))
	b.Put(figure+"/bytes", float64(result.Bytes)/float64(result.Requests))
	return nil
}

// browserContext is the query of one of the contexts. Each is on its own, and gets about two fifths of the flags.
func browserContext(i int) string {
	return fmt.Sprintf("?userId=user-%d&sessionId=session-%d&appVersion=%d.1&country=de&group=%d", i, i, i%9, i%2)
}

func (*frontend) table(b *Bench) report.Table {
	rows := evaluatedRows(b, "frontend")
	allocations := report.Row{
		Case: "plain, allocations/request (handler)", Pennon: b.Measured("frontend/pennon/allocations"), Ceiling: report.Measured{None: "–"},
		Peer: report.Measured{None: "–"}, Bar: report.AtMost(frontendAllocations),
	}
	return report.Table{
		Title: "Evaluated flags: GET /api/frontend, 1,000 flags",
		About: fmt.Sprintf("%d kept-alive connections for %s, with %d contexts in turn, each of which has been asked for once before; whole bodies are "+
			"read. 304: with the entity tag of the context's answer, which the server has to evaluate to compare. Allocations are those of a Go "+
			"benchmark of the handler with the token check, CORS and routing; a test holds them.",
			featuresConnections, frontendTime, frontendContexts),
		Rows: append(rows, allocations),
	}
}

// frontendAllocations bounds what a request may allocate, however many flags there are. The test of api/frontend holds it.
const frontendAllocations = 25

func evaluatedRows(b *Bench, area string) []report.Row {
	var rates, others []report.Row
	for _, c := range evaluatedCases {
		row := func(quantity, text string) report.Row {
			return report.Row{
				Case:   c.text + ", " + text,
				Pennon: b.Measured(area + "/" + c.name + "/pennon/" + quantity), Ceiling: report.Measured{None: "–"},
				Peer: b.Measured(area + "/" + c.name + "/peer/" + quantity),
			}
		}
		rate := row("rate", "requests/s")
		rate.ToPeerBar = report.AtLeast(frontendFaster)
		rates = append(rates, rate)
		others = append(others, row("cpu", "CPU µs/request"), row("p99", "p99 ms"))
		if c.status == 200 {
			others = append(others, row("bytes", "bytes of the body"))
		}
	}
	return append(rates, others...)
}

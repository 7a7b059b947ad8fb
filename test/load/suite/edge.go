package suite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pennonhq/pennon/test/load/httpload"
	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/system"
)

// edges measures `pennon edge` beside the open Unleash Edge, both in front of the same Pennon server.
type edges struct{}

const (
	edgeFaster  = 1.3 // times as many requests for the same processor time
	edgeWarmUp  = 400 * time.Millisecond
	edgeTime    = 1000 * time.Millisecond
	edgeReads   = 10 // of everything, of each kind, before memory is read again
	edgeSettle  = 1500 * time.Millisecond
	edgeBrowser = "frontend"
)

// edgeSizes are the numbers of flags that memory is taken with; the first one is also what requests are made with.
var edgeSizes = []int{featuresFlags, 10_000}

// edgePaths are what is asked for.
var edgePaths = []struct{ name, path, token string }{
	{"features", featuresPath, system.ClientToken},
	{edgeBrowser, frontendPath, system.FrontendToken},
}

func (*edges) name() string { return "edge" }

func (a *edges) round(ctx context.Context, b *Bench) {
	for _, flags := range edgeSizes {
		if err := a.size(ctx, b, flags); err != nil {
			b.Fail(fmt.Sprintf("edge/%d", flags), err)
			b.Logger.Warn("not measured", "figure", fmt.Sprintf("edge/%d", flags), "round", b.round+1, "err", err)
		}
	}
}

// size measures both edges in front of one server with so many flags.
func (a *edges) size(ctx context.Context, b *Bench, flags int) error {
	upstream, err := b.pennonWith(ctx, flags)
	if err != nil {
		return err
	}
	defer upstream.Stop()
	path := fmt.Sprintf("edge/%d", flags)
	processes := map[string]*system.Process{}
	for _, s := range []struct {
		name  string
		start func(ctx context.Context, upstream string) (*system.Process, error)
	}{{"pennon", b.startEdge}, {"peer", b.startUnleashEdge}} {
		p, err := s.start(ctx, upstream.Addr)
		if errors.Is(err, system.ErrNoCargo) {
			continue // the table tells
		}
		if err != nil {
			b.Fail(path+"/"+s.name, err)
			b.Logger.Warn("not measured", "figure", path+"/"+s.name, "round", b.round+1, "err", err)
			continue
		}
		defer p.Kill()
		processes[s.name] = p
	}
	each := func(figure string, measure func(name string, p *system.Process) error) {
		var systems []systemRun
		for _, name := range []string{"pennon", "peer"} {
			if p := processes[name]; p != nil {
				systems = append(systems, systemRun{name, func() error { return measure(name, p) }})
			}
		}
		b.inTurn(figure, systems...)
	}
	memory := func(when string) {
		wait(ctx, edgeSettle)
		each(path, func(name string, p *system.Process) error { return b.putMemory(path+"/"+name+"/"+when, p) })
	}
	memory("started")
	each(path, func(_ string, p *system.Process) error { return readAll(p) })
	memory("read")
	if flags != edgeSizes[0] {
		return ctx.Err()
	}
	for _, what := range edgePaths {
		for _, c := range evaluatedCases {
			figure := path + "/" + what.name + "/" + c.name
			each(figure, func(name string, p *system.Process) error {
				return b.ask(ctx, figure+"/"+name, p, what.path, what.token, c)
			})
		}
	}
	memory("loaded")
	return ctx.Err()
}

// putMemory records the resident memory of a process, and what of it is not backed by its program's file, in MiB.
func (b *Bench) putMemory(figure string, p *system.Process) error {
	resident, err := p.Memory()
	if err != nil {
		return err
	}
	anonymous, err := p.AnonymousMemory()
	if err != nil {
		return err
	}
	b.Put(figure, float64(resident)/(1<<20))
	b.Put(figure+"-anonymous", float64(anonymous)/(1<<20))
	return p.Alive()
}

// readAll asks for all flags and for evaluated ones, plain and compressed, a few times.
func readAll(p *system.Process) error {
	for i := range edgeReads {
		for _, what := range edgePaths {
			path := what.path
			if what.name == edgeBrowser {
				path += browserContext(i)
			}
			for _, coding := range []string{"identity", "gzip"} {
				response, _, err := httpload.Get(p.Addr, httpload.Request{
					Method: "GET", Path: path, Header: []string{system.Authorize(what.token), "Accept-Encoding: " + coding},
				})
				if err != nil {
					return err
				}
				if response.Status != 200 {
					return fmt.Errorf("%s answered %d", path, response.Status)
				}
			}
		}
	}
	return nil
}

// ask measures one case on one edge: requests for a second of its processor time.
func (b *Bench) ask(ctx context.Context, figure string, p *system.Process, path, token string, c evaluatedCase) error {
	contexts := 1
	if path == frontendPath {
		contexts = frontendContexts
	}
	var requests []httpload.Request
	for i := range contexts {
		request := httpload.Request{Method: "GET", Path: path, Header: append([]string{system.Authorize(token)}, c.header...)}
		if contexts > 1 {
			request.Path += browserContext(i)
		}
		if c.status == 304 {
			response, _, err := httpload.Get(p.Addr, request)
			if err != nil {
				return err
			}
			request.Header = append(request.Header, "If-None-Match: "+response.ETag)
		}
		requests = append(requests, request)
	}
	load := httpload.Load{Addr: p.Addr, Requests: requests, Connections: featuresConnections, Duration: edgeWarmUp, WantStatus: c.status, Spread: true}
	if _, err := httpload.Run(ctx, load); err != nil {
		return err
	}
	load.Duration = edgeTime
	var result httpload.Result
	used, err := cpu(p, func() (err error) {
		result, err = httpload.Run(ctx, load)
		return err
	})
	if err != nil {
		return err
	}
	b.Put(figure+"/efficiency", float64(result.Requests)/used.Seconds())
	b.Put(figure+"/p99", milliseconds(result.P99))
	b.Put(figure+"/bytes", float64(result.Bytes)/float64(result.Requests))
	return nil
}

// startEdge starts `pennon edge` and waits until it can serve.
func (b *Bench) startEdge(ctx context.Context, upstream string) (*system.Process, error) {
	if b.pennonErr != nil {
		return nil, b.pennonErr
	}
	p, err := system.StartEdge(b.pennon, upstream, b.logs())
	if err != nil {
		return nil, err
	}
	return ready(ctx, p, system.EdgeReady)
}

func (b *Bench) startUnleashEdge(ctx context.Context, upstream string) (*system.Process, error) {
	b.unleashEdgeOnce.Do(func() {
		began := time.Now()
		b.unleashEdge, b.unleashEdgeErr = system.InstallUnleashEdge(ctx, b.Root)
		b.unleashEdgeTook = time.Since(began)
	})
	if b.unleashEdgeErr != nil {
		return nil, b.unleashEdgeErr
	}
	p, err := system.StartUnleashEdge(b.unleashEdge, upstream, b.logs())
	if err != nil {
		return nil, err
	}
	return ready(ctx, p, system.EdgeReady)
}

func (*edges) table(b *Bench) report.Table {
	peerless := errors.Is(b.unleashEdgeErr, system.ErrNoCargo)
	row := func(figure, quantity, text string, bar *report.Bar) report.Row {
		r := report.Row{
			Case: text, Pennon: b.Measured(figure + "/pennon/" + quantity), Ceiling: report.Measured{None: "–"},
			Peer: b.Measured(figure + "/peer/" + quantity), ToPeerBar: bar,
		}
		if peerless {
			r.Peer, r.ToPeerBar = report.Measured{None: "not built"}, nil
		}
		return r
	}
	var rows, others []report.Row
	for _, what := range edgePaths {
		for _, c := range evaluatedCases {
			figure := fmt.Sprintf("edge/%d/%s/%s", edgeSizes[0], what.name, c.name)
			text := what.path + ", " + c.text
			rows = append(rows, row(figure, "efficiency", text+", requests/CPU-second", report.AtLeast(edgeFaster)))
			others = append(others, row(figure, "p99", text+", p99 ms", nil))
			if c.status == 200 {
				others = append(others, row(figure, "bytes", text+", bytes of the body", nil))
			}
		}
	}
	for _, flags := range edgeSizes {
		for _, when := range []struct{ name, text string }{{"started", "started"}, {"read", "after reads"}, {"loaded", "after the load above"}} {
			if when.name == "loaded" && flags != edgeSizes[0] {
				continue
			}
			figure := fmt.Sprintf("edge/%d", flags)
			text := fmt.Sprintf("%s flags, %s, resident memory, MiB", report.Number(float64(flags)), when.text)
			rows = append(rows, row(figure, when.name, text, report.AtMost(1)))
			others = append(others, row(figure, when.name+"-anonymous", text+", without the mapped program", nil))
		}
	}
	about := fmt.Sprintf("`pennon edge` beside the open Unleash Edge %s (built from the crate), both in front of one Pennon server with the same token; ours "+
		"follows it over the link, theirs polls it. %d kept-alive connections for %s after %s of warm-up, %s flags, evaluated for %d contexts in turn; whole bodies are "+
		"read. Memory is the resident set, mapped pages of the program included: %s after both are ready, after %d reads of everything plain and "+
		"compressed, and after the load.", system.UnleashEdgeVersion, featuresConnections, edgeTime, edgeWarmUp, report.Number(featuresFlags), frontendContexts,
		edgeSettle, edgeReads)
	if peerless {
		about += " Unleash Edge was not built: there is no cargo here."
	} else if b.unleashEdgeTook > time.Minute {
		about += fmt.Sprintf(" Building Unleash Edge took %s of this run.", b.unleashEdgeTook.Round(time.Second))
	}
	return report.Table{Title: "The edge beside Unleash Edge", Peer: "Unleash Edge", About: about, Rows: append(rows, others...)}
}

package suite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pennonhq/pennon/test/load/httpload"
	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/seed"
	"github.com/pennonhq/pennon/test/load/system"
)

// features measures GET /api/client/features with 1,000 flags.
type features struct{}

const (
	featuresPath        = "/api/client/features"
	featuresFlags       = 1000
	featuresConnections = 8
	featuresWarmUp      = 1500 * time.Millisecond // for Node.js to compile what is hot
	featuresDuration    = 2 * time.Second
)

func (*features) name() string { return "features" }

// featureCases are the ways SDKs ask.
var featureCases = []struct {
	name   string
	header []string
	status int
}{
	{"plain", nil, 200},
	{"gzip", []string{"Accept-Encoding: gzip"}, 200},
	{"unchanged", nil, 304}, // with If-None-Match
}

func (a *features) round(ctx context.Context, b *Bench) {
	var systems []systemRun
	servers := map[string]*system.Process{}
	for _, s := range []struct {
		name  string
		start func() (*system.Process, error)
	}{
		{"pennon", func() (*system.Process, error) { return b.pennonWith(ctx, featuresFlags) }},
		{"peer", func() (*system.Process, error) { return b.peerWith(ctx, featuresFlags) }},
		{"ceiling", func() (*system.Process, error) { return b.jsonServe(ctx, featuresFlags) }},
	} {
		p, err := s.start()
		if err != nil {
			for _, c := range featureCases {
				b.Fail("features/"+c.name+"/"+s.name, err)
			}
			b.Logger.Warn("not measured", "figure", "features/*/"+s.name, "err", err)
			continue
		}
		defer p.Stop()
		servers[s.name] = p
	}
	for _, c := range featureCases {
		systems = systems[:0]
		for _, name := range []string{"pennon", "ceiling", "peer"} {
			if p := servers[name]; p != nil {
				systems = append(systems, systemRun{name, func() error {
					return a.measure(ctx, b, "features/"+c.name+"/"+name, p, c.header, c.status)
				}})
			}
		}
		b.inTurn("features/"+c.name, systems...)
	}
}

func (*features) measure(ctx context.Context, b *Bench, path string, p *system.Process, header []string, status int) error {
	request := httpload.Request{Method: "GET", Path: featuresPath, Header: append([]string{system.Authorize(system.ClientToken)}, header...)}
	response, _, err := httpload.Get(p.Addr, request)
	if err != nil {
		return err
	}
	if response.Status != 200 {
		return fmt.Errorf("%s answered %d", featuresPath, response.Status)
	}
	if status == 304 {
		request.Header = append(request.Header, "If-None-Match: "+response.ETag)
	}
	load := httpload.Load{
		Addr: p.Addr, Requests: []httpload.Request{request}, Connections: featuresConnections, Duration: featuresWarmUp, WantStatus: status,
	}
	if _, err := httpload.Run(ctx, load); err != nil {
		return err
	}
	load.Duration = featuresDuration
	var result httpload.Result
	used, err := cpu(p, func() (err error) {
		result, err = httpload.Run(ctx, load)
		return err
	})
	if err != nil {
		return err
	}
	b.Put(path+"/cpu", float64(used.Microseconds())/float64(result.Requests))
	b.Put(path+"/rate", result.Rate())
	b.Put(path+"/p99", milliseconds(result.P99))
	b.Put(path+"/bytes", float64(result.Bytes)/float64(result.Requests))
	return nil
}

func (*features) table(b *Bench) report.Table {
	row := func(name, quantity, text string) report.Row {
		path := "features/" + name + "/"
		return report.Row{
			Case:   text,
			Pennon: b.Measured(path + "pennon/" + quantity), Ceiling: b.Measured(path + "ceiling/" + quantity),
			Peer: b.Measured(path + "peer/" + quantity),
		}
	}
	plain, gzip, unchanged := row("plain", "cpu", "plain, CPU µs/request"), row("gzip", "cpu", "gzip, CPU µs/request"),
		row("unchanged", "rate", "304, requests/s")
	plain.ToCeilingBar, gzip.ToCeilingBar, unchanged.ToPeerBar = report.AtMost(1.4), report.AtMost(2), report.AtLeast(20)
	return report.Table{
		Title: "Reading all flags: GET /api/client/features, 1,000 flags",
		About: fmt.Sprintf("%d kept-alive connections for %s after %s of warm-up; whole bodies are read. The ceiling is net/http with the "+
			"body Pennon serves, prebuilt and precompressed.", featuresConnections, featuresDuration, featuresWarmUp),
		Rows: []report.Row{
			plain, gzip, unchanged,
			row("unchanged", "cpu", "304, CPU µs/request"),
			row("plain", "rate", "plain, requests/s"),
			row("gzip", "rate", "gzip, requests/s"),
			row("plain", "p99", "plain, p99 ms"),
			row("plain", "bytes", "plain, bytes of the body"),
			row("gzip", "bytes", "gzip, bytes of the body"),
		},
	}
}

// pennonWith starts Pennon with the generated flags; nothing writes to that database.
func (b *Bench) pennonWith(ctx context.Context, flags int) (*system.Process, error) {
	database, err := b.pennonDatabase(ctx, fmt.Sprintf("read_%d", flags), seed.Flags(flags))
	if err != nil {
		return nil, err
	}
	return b.startPennon(ctx, database)
}

func (b *Bench) peerWith(ctx context.Context, flags int) (*system.Process, error) {
	database, err := b.peerDatabase(ctx, fmt.Sprintf("read_%d", flags), seed.Flags(flags))
	if err != nil {
		return nil, err
	}
	return b.startPeer(ctx, database)
}

// jsonServe starts the prebuilt-body ceiling with what Pennon serves, or what the Unleash server serves when there is no
// Pennon.
func (b *Bench) jsonServe(ctx context.Context, flags int) (*system.Process, error) {
	file := filepath.Join(b.Cache, fmt.Sprintf("features-%d.json", flags))
	if b.bodies[flags] == "" {
		p, err := b.pennonWith(ctx, flags)
		if err != nil {
			if p, err = b.peerWith(ctx, flags); err != nil {
				return nil, err
			}
		}
		defer p.Stop()
		response, body, err := httpload.Get(p.Addr, httpload.Request{
			Method: "GET", Path: featuresPath, Header: []string{system.Authorize(system.ClientToken)},
		})
		if err != nil {
			return nil, err
		}
		if response.Status != 200 {
			return nil, fmt.Errorf("%s answered %d", featuresPath, response.Status)
		}
		if err := os.WriteFile(file, body, 0o644); err != nil {
			return nil, fmt.Errorf("keep body: %w", err)
		}
		b.bodies[flags] = file
	}
	return system.StartCeiling(ctx, b.ceiling, "jsonserve", b.logs(), "-body", b.bodies[flags])
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

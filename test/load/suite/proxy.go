package suite

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/system"
)

// proxies measures GET /proxy of `pennon proxy` beside @unleash/proxy, both in front of the same Unleash server.
type proxies struct {
	legacy *system.LegacyProxy
	err    error // why there is none
}

const proxyPath = "/proxy"

func (*proxies) name() string { return "proxy" }

func (a *proxies) round(ctx context.Context, b *Bench) {
	upstream, err := b.peerWith(ctx, featuresFlags)
	if err != nil {
		b.Fail("proxy", err)
		b.Logger.Warn("not measured", "figure", "proxy", "err", err)
		return
	}
	defer upstream.Stop()
	b.evaluated(ctx, "proxy", proxyPath,
		func() (*system.Process, error) { return b.startProxy(ctx, upstream.Addr) },
		func() (*system.Process, error) { return a.startLegacy(ctx, b, upstream.Addr) })
}

func (b *Bench) startProxy(ctx context.Context, upstream string) (*system.Process, error) {
	if b.pennonErr != nil {
		return nil, b.pennonErr
	}
	p, err := system.StartProxy(b.pennon, upstream, b.logs())
	if err != nil {
		return nil, err
	}
	return ready(ctx, p, proxyPath+"/health")
}

func (a *proxies) startLegacy(ctx context.Context, b *Bench, upstream string) (*system.Process, error) {
	if a.legacy == nil && a.err == nil {
		dir := filepath.Join(b.Cache, "unleash-proxy-"+system.LegacyProxyVersion)
		a.legacy, a.err = system.InstallLegacyProxy(ctx, dir, filepath.Join(b.Root, "test", "sdk", "proxy"), b.peer)
	}
	if a.err != nil {
		return nil, a.err
	}
	p, err := a.legacy.Start(upstream, b.logs())
	if err != nil {
		return nil, err
	}
	return ready(ctx, p, proxyPath+"/health")
}

func (*proxies) table(b *Bench) report.Table {
	rows := evaluatedRows(b, "proxy")
	for _, c := range evaluatedCases {
		rows = append(rows, report.Row{
			Case:   c.text + ", /api/frontend of the server, requests/s",
			Pennon: b.Measured("frontend/" + c.name + "/pennon/rate"), Ceiling: report.Measured{None: "–"},
			Peer: b.Measured("proxy/" + c.name + "/peer/rate"), ToPeerBar: report.AtLeast(frontendFaster),
		})
	}
	return report.Table{
		Title: "Evaluated flags: GET /proxy, 1,000 flags",
		Peer:  "@unleash/proxy",
		About: fmt.Sprintf("As above, for `pennon proxy` beside @unleash/proxy %s, both in front of the same unleash-server. The last rows hold "+
			"Pennon's own /api/frontend, measured in the same round, against @unleash/proxy.", system.LegacyProxyVersion),
		Rows: rows,
	}
}

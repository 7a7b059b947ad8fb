package system

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
)

// LegacyProxyVersion is the published @unleash/proxy that `pennon proxy` is measured beside.
const LegacyProxyVersion = "1.4.19"

// LegacyProxy is an installed @unleash/proxy.
type LegacyProxy struct {
	node   string
	script string
}

// InstallLegacyProxy makes sure that @unleash/proxy is in dir, by npm from the package file and lock in manifest. It runs on
// the Node.js of the peer.
func InstallLegacyProxy(ctx context.Context, dir, manifest string, peer *Peer) (*LegacyProxy, error) {
	script := filepath.Join(dir, "node_modules", "@unleash", "proxy", "dist", "start.js")
	if !installed(script, LegacyProxyVersion) {
		if err := installFrom(ctx, dir, manifest); err != nil {
			return nil, fmt.Errorf("install @unleash/proxy: %w", err)
		}
	}
	return &LegacyProxy{node: peer.node, script: script}, nil
}

// Start starts the proxy in front of the server at upstream.
func (p *LegacyProxy) Start(upstream, logs string) (*Process, error) {
	return startProxy(Command{Name: "unleash-proxy", Path: p.node, Args: []string{p.script}, Log: logs}, upstream)
}

// StartProxy starts `pennon proxy` in front of the server at upstream.
func StartProxy(binary, upstream, logs string) (*Process, error) {
	return startProxy(Command{Name: "pennon-proxy", Path: binary, Args: []string{"proxy"}, Log: logs}, upstream)
}

// startProxy gives both the same configuration. They ask the upstream once a minute, so that neither is measured while it
// reads flags that have not changed.
func startProxy(c Command, upstream string) (*Process, error) {
	addr, err := FreeAddr()
	if err != nil {
		return nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	c.Addr = addr
	c.Env = []string{
		"NODE_ENV=production", "PORT=" + port, "UNLEASH_URL=http://" + upstream + "/api", "UNLEASH_API_TOKEN=" + ClientToken,
		"UNLEASH_PROXY_CLIENT_KEYS=" + FrontendToken, "UNLEASH_FETCH_INTERVAL=60000", "UNLEASH_METRICS_INTERVAL=60000",
	}
	return Start(c)
}

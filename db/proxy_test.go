package db_test

import (
	"net"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// proxy is a TCP proxy in front of a database that can refuse connections, or swallow what goes through them without
// closing anything, as a network does that lost its route.
type proxy struct {
	dsn      string
	target   string // path of the server's unix socket
	listener net.Listener

	mu     sync.Mutex
	frozen bool
	closed bool
	refuse bool
	conns  map[net.Conn]bool
	pumps  sync.WaitGroup
}

// newProxy starts a proxy for the time of the test.
func newProxy(t testing.TB, dsn string) *proxy {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	p := &proxy{conns: map[net.Conn]bool{}, target: socketPath(config)}
	p.listener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p.dsn = (&url.URL{
		Scheme: "postgres", User: url.User(config.User), Host: p.listener.Addr().String(), Path: config.Database, RawQuery: "sslmode=disable",
	}).String()
	p.pumps.Go(p.accept)
	t.Cleanup(p.close)
	return p
}

func socketPath(config *pgx.ConnConfig) string {
	return filepath.Join(config.Host, ".s.PGSQL."+strconv.Itoa(int(config.Port)))
}

// Redirect ends all connections and leads new ones elsewhere.
func (p *proxy) Redirect(t testing.TB, dsn string) {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	p.mu.Lock()
	p.target = socketPath(config)
	p.mu.Unlock()
	p.Refuse()
	p.Accept()
}

// DSN is the database's URL through the proxy.
func (p *proxy) DSN() string { return p.dsn }

// Refuse ends all connections and refuses new ones until Accept.
func (p *proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = true
	for conn := range p.conns {
		_ = conn.Close()
	}
}

// Accept ends Refuse.
func (p *proxy) Accept() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = false
}

// Freeze swallows everything from now on, on connections old and new; the peers are told nothing.
func (p *proxy) Freeze() { p.setFrozen(true) }

// Thaw lets new connections through again. What was swallowed stays lost: connections from before stay silent.
func (p *proxy) Thaw() { p.setFrozen(false) }

func (p *proxy) setFrozen(frozen bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = frozen
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for conn := range p.conns {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.pumps.Wait()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		target := p.target
		p.mu.Unlock()
		server, err := net.Dial("unix", target)
		if err != nil {
			_ = client.Close()
			continue
		}
		p.mu.Lock()
		if p.refuse || p.closed {
			_ = client.Close()
			_ = server.Close()
		} else {
			p.conns[client], p.conns[server] = true, true
			p.pumps.Go(func() { p.pump(server, client) })
			p.pumps.Go(func() { p.pump(client, server) })
		}
		p.mu.Unlock()
	}
}

// pump copies until an end closes. Once it has met a freeze, it keeps swallowing.
func (p *proxy) pump(to, from net.Conn) {
	defer func() {
		_ = to.Close()
		_ = from.Close()
		p.mu.Lock()
		delete(p.conns, to)
		delete(p.conns, from)
		p.mu.Unlock()
	}()
	buffer := make([]byte, 32<<10)
	silent := false
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		p.mu.Lock()
		silent = silent || p.frozen
		p.mu.Unlock()
		if silent {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

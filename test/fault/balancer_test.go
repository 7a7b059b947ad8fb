//go:build unix

package fault

import (
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// balancer stands for a load balancer, or for a NAT: it leads new connections to its target, leaves those there are where they
// go, and can forget them, which neither side is told.
type balancer struct {
	listener net.Listener
	running  sync.WaitGroup

	mu     sync.Mutex
	target string          // mu
	held   map[*relay]bool // mu
}

// relay is one connection through a balancer.
type relay struct {
	client, server net.Conn
	lost           chan struct{} // closed: nothing goes through any more
}

func newBalancer(t *testing.T, target string) *balancer {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	b := &balancer{listener: listener, target: target, held: map[*relay]bool{}}
	b.running.Go(b.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		b.mu.Lock()
		for r := range b.held {
			r.close()
		}
		b.mu.Unlock()
		b.running.Wait()
	})
	return b
}

func (b *balancer) address() string { return b.listener.Addr().String() }

// lead sends new connections to another target.
func (b *balancer) lead(to string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.target = to
}

// forget loses the connections there are: they stay open, and nothing comes through.
func (b *balancer) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for r := range b.held {
		select {
		case <-r.lost:
		default:
			close(r.lost)
		}
	}
}

func (b *balancer) accept() {
	for {
		client, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.mu.Lock()
		target := b.target
		b.mu.Unlock()
		server, err := net.Dial("tcp", target)
		if err != nil {
			_ = client.Close()
			continue
		}
		r := &relay{client: client, server: server, lost: make(chan struct{})}
		b.mu.Lock()
		b.held[r] = true
		b.mu.Unlock()
		b.running.Go(func() {
			var ways sync.WaitGroup
			ways.Go(func() { r.copy(client, server) })
			ways.Go(func() { r.copy(server, client) })
			ways.Wait()
			r.close()
			b.mu.Lock()
			delete(b.held, r)
			b.mu.Unlock()
		})
	}
}

func (r *relay) close() {
	_ = r.client.Close()
	_ = r.server.Close()
}

// copy passes on what comes from one side, and that it has ended, unless the connection was lost.
func (r *relay) copy(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		select {
		case <-r.lost:
			if err != nil { // the other side is not told
				return
			}
			continue
		default:
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				_ = from.Close()
				return
			}
		}
		if err != nil {
			_ = to.Close()
			return
		}
	}
}

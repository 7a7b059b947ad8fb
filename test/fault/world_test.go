//go:build unix

package fault

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/edge"
)

// world is everything that a fault can be done to:
//
//	writer ─▶ PostgreSQL ─▶ server ─▶ balancer ─▶ near ─▶ inner edge ─▶ far ─▶ outer edge
//	                                                      3 clients           3 clients
type world struct {
	t        *testing.T
	mode     edge.Mode
	database *dbtest.Database
	writer   *writer
	restored counters // what the older copy of the database holds
	server   *process
	second   *process // of a rolling restart; runs during it only
	balancer *balancer
	near     *wire
	inner    *process
	far      *wire
	outer    *process
	clients  []*client
	healed   time.Time // when the last fault was over
}

func newWorld(t *testing.T, mode edge.Mode, refresh time.Duration) *world {
	t.Helper()
	w := &world{t: t, mode: mode, database: dbtest.New(t)}
	w.writer = newWriter(t, w.database)
	pooled := dbtest.PgBouncer(t, w.database, dbtest.TransactionPooling)
	w.server = newProcess(t, "server", role{Database: pooled, Direct: w.database.DSN})
	w.server.start() // makes the tokens, which the copy is to hold
	w.server.await()
	w.server.drain()
	w.restored = w.writer.copyDatabase()
	w.second = newProcess(t, "second server", w.server.role)
	w.balancer = newBalancer(t, w.server.address())
	toxics := newToxiproxy(t)
	w.near = toxics.newWire("near", w.balancer.address())
	downstream := role{Prefer: mode, Refresh: refresh, Revalidation: time.Second}
	downstream.Upstream = w.near.url()
	downstream.Backup = t.TempDir()
	w.inner = newProcess(t, "inner edge", downstream)
	w.far = toxics.newWire("far", w.inner.address())
	downstream.Upstream = w.far.url()
	downstream.Backup = t.TempDir()
	w.outer = newProcess(t, "outer edge", downstream)
	for _, p := range []*process{w.server, w.inner, w.outer} {
		p.start()
	}
	for _, p := range []*process{w.server, w.inner, w.outer} {
		p.await()
	}
	w.follow()
	return w
}

// refresh starts the edges anew.
func (w *world) refresh() {
	w.outer.drain()
	w.inner.drain()
	for _, p := range []*process{w.inner, w.outer} {
		p.start()
		p.await()
	}
}

// follow starts the clients and the writer until the test ends.
func (w *world) follow() {
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	var running sync.WaitGroup
	for _, node := range []*process{w.inner, w.outer} {
		streaming, polling, browser := newClient("a stream", node), newClient("a poller", node), newClient("a browser", node)
		running.Go(func() { streaming.stream(ctx) })
		running.Go(func() { polling.poll(ctx, "/api/client/features", clientToken, features) })
		running.Go(func() { browser.poll(ctx, "/api/frontend?userId=u", frontendToken, toggles) })
		streaming.linked = w.mode == edge.Link
		w.clients = append(w.clients, streaming, polling, browser)
	}
	running.Go(func() { w.writer.run(ctx) })
	w.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

// behind are the clients of some nodes.
func (w *world) behind(nodes ...*process) []*client {
	var found []*client
	for _, c := range w.clients {
		for _, node := range nodes {
			if c.node == node {
				found = append(found, c)
			}
		}
	}
	return found
}

// converge waits until all the clients hold what the database holds now, or something newer.
func (w *world) converge(t *testing.T, clients []*client) {
	t.Helper()
	truth := w.writer.truth()
	for _, c := range clients {
		require.Eventually(t, func() bool { return reached(c.snapshot(), truth) }, patience, pollInterval/4, "%s: %s", c.name,
			later{func() string { return fmt.Sprint(c.snapshot(), " instead of ", truth) }})
	}
}

// later is a text that is made when it is read.
type later struct{ text func() string }

func (l later) String() string { return l.text() }

// reached reports whether what a client holds is at least that. Counters of a later history count for more.
func reached(held, wanted counters) bool {
	for name, counter := range wanted {
		if held[name] < counter {
			return false
		}
	}
	return len(held) > 0
}

// settle stops the writer for as long as it takes everybody to hold exactly what SQL says, and requires that the server and
// the edges answer the same, letter by letter.
func (w *world) settle(t *testing.T) {
	t.Helper()
	w.writer.mu.Lock()
	defer w.writer.mu.Unlock()
	truth := w.writer.truth()
	for _, c := range w.clients {
		same := func() bool {
			held := c.snapshot()
			for name, counter := range truth {
				if held[name] != counter {
					return false
				}
			}
			return len(held) > 0
		}
		require.Eventually(t, same, patience, pollInterval/4, "%s: %s", c.name,
			later{func() string { return fmt.Sprint(c.snapshot(), " instead of ", truth) }})
	}
	for _, asked := range []struct{ path, secret string }{
		{"/api/client/features", clientToken}, {"/api/frontend?userId=u", frontendToken},
	} {
		for _, node := range []*process{w.inner, w.outer} {
			var wanted, got string
			require.Eventually(t, func() bool {
				wanted, got = answered(w.server, asked.path, asked.secret), answered(node, asked.path, asked.secret)
				return wanted == got && wanted != ""
			}, patience, pollInterval, "%s of the %s: %s", asked.path, node.name, later{func() string { return got + " instead of " + wanted }})
		}
	}
	for _, c := range w.clients {
		c.mu.Lock()
		require.Empty(t, c.problems, c.name)
		require.Positive(t, c.answers, c.name)
		c.mu.Unlock()
	}
}

// answered is what a node answers, without its revision.
func answered(node *process, path, secret string) string {
	status, body := ask(http.MethodGet, node.url()+path, secret, nil)
	var answer struct{ Features, Segments, Toggles json.RawMessage }
	if status != http.StatusOK || json.Unmarshal(body, &answer) != nil {
		return ""
	}
	return string(answer.Features) + string(answer.Segments) + string(answer.Toggles)
}

// ask sends a request; the status is 0 if there is no answer.
func ask(method, address, secret string, body io.Reader) (int, []byte) {
	request, err := http.NewRequest(method, address, body)
	if err != nil {
		return 0, nil
	}
	request.Header.Set("Authorization", secret)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, nil
	}
	return response.StatusCode, text
}

// mayGoBack lets clients of the nodes be told what is older, until the returned function is called: the node starts from a
// backup and cannot ask.
func (w *world) mayGoBack(nodes ...*process) (end func()) {
	set := func(may bool) {
		for _, c := range w.behind(nodes...) {
			c.mu.Lock()
			c.may = may
			c.mu.Unlock()
		}
	}
	set(true)
	return func() { set(false) }
}

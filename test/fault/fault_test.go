//go:build unix

package fault

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/edge"
)

// fault is something that happens to a world. do returns when it is over; the clock of convergence starts then, or at the
// moment that do says in the world.
type fault struct {
	name string // as published
	do   func(t *testing.T, w *world)
	kind kind
}

type kind int

const (
	always kind = iota // happens to every way
	linked             // in the short form to the link only
	seldom             // in the long form only
)

// faults in the order in which they happen.
var faults = []fault{
	{"server killed (-9), started again", func(_ *testing.T, w *world) {
		w.server.kill()
		wait(w.t, outage())
		w.server.start()
		w.server.await()
	}, always},
	{"server frozen (SIGSTOP)", func(_ *testing.T, w *world) {
		w.server.signal(syscall.SIGSTOP)
		wait(w.t, outage())
		w.server.signal(syscall.SIGCONT)
	}, linked},
	{"server refuses connections", func(_ *testing.T, w *world) {
		w.near.cut(true)
		wait(w.t, outage())
		w.near.cut(false)
	}, seldom},
	{"server behind a wire that swallows all (timeout)", func(_ *testing.T, w *world) {
		w.near.spoilFor(outage(), "timeout", map[string]any{"timeout": 0})
	}, always},
	{"server behind a wire of 0 bytes/s", func(_ *testing.T, w *world) {
		w.near.spoilFor(outage(), "bandwidth", map[string]any{"rate": 0})
	}, seldom},
	{"server behind a wire that resets (reset_peer)", func(_ *testing.T, w *world) {
		w.near.spoilFor(outage(), "reset_peer", map[string]any{"timeout": 20})
	}, linked},
	{"server behind 100 ± 100 ms", func(_ *testing.T, w *world) {
		w.near.spoilFor(outage(), "latency", map[string]any{"latency": 100, "jitter": 100})
	}, linked},
	{"server behind 20 kB/s, closing late (slow_close)", func(_ *testing.T, w *world) {
		w.near.spoil("slow_close", map[string]any{"delay": 200})
		w.near.spoilFor(outage(), "bandwidth", map[string]any{"rate": 20})
	}, seldom},
	{"edge behind edge: swallowed (timeout)", func(t *testing.T, w *world) {
		t.Helper()
		w.far.spoil("timeout", map[string]any{"timeout": 0})
		wait(w.t, outage())
		w.converge(t, w.behind(w.inner)) // who is not cut off goes on
		w.far.heal()
	}, linked},
	{"edge behind edge: reset (reset_peer)", func(t *testing.T, w *world) {
		t.Helper()
		w.far.spoil("reset_peer", map[string]any{"timeout": 20})
		wait(w.t, outage())
		w.converge(t, w.behind(w.inner))
		w.far.heal()
	}, seldom},
	{"edge killed (-9), started from its backup", func(_ *testing.T, w *world) {
		w.inner.kill()
		wait(w.t, outage())
		w.inner.start()
		w.inner.await()
	}, always},
	{"edge killed (-9), started without a backup", func(t *testing.T, w *world) {
		t.Helper()
		w.inner.kill()
		emptied(t, w.inner.role.Backup)
		w.inner.start()
		w.inner.await()
	}, seldom},
	{"edge killed (-9), started while the server is away", func(t *testing.T, w *world) {
		t.Helper()
		settled := w.mayGoBack(w.inner, w.outer) // a backup is a second old
		backedUp(t, w.inner)
		w.near.cut(true)
		w.inner.kill()
		started := time.Now()
		w.inner.start()
		w.inner.await()
		for _, c := range w.behind(w.inner) { // are answered from the backup
			require.Eventually(t, func() bool {
				c.mu.Lock()
				defer c.mu.Unlock()
				return c.contact.After(started)
			}, patience, pollInterval, c.name)
		}
		w.near.cut(false)
		w.healed = time.Now()
		w.converge(t, w.clients)
		settled()
	}, always},
	{"two servers, one after the other restarted", func(_ *testing.T, w *world) {
		w.second.start()
		w.second.await()
		w.balancer.lead(w.second.address())
		w.server.drain()
		w.server.start()
		w.server.await()
		w.balancer.lead(w.server.address())
		w.second.drain()
	}, linked},
	{"token revoked while the edge is cut off", revoke, always},
	{"PgBouncer loses everybody", func(t *testing.T, w *world) {
		t.Helper()
		w.bouncer(t, "KILL "+w.database.Name)
		wait(w.t, outage())
		w.bouncer(t, "RESUME "+w.database.Name)
	}, linked},
	{"PostgreSQL refuses connections", func(_ *testing.T, w *world) {
		w.writer.server(lock, terminate)
		wait(w.t, outage())
		w.writer.server(unlock)
	}, seldom},
	{"PostgreSQL restored to an older copy", restore, always},
	{"connections to the server forgotten, silently (NAT)", func(_ *testing.T, w *world) {
		w.balancer.forget()
		w.healed = time.Now()
		wait(w.t, outage()) // something has to change for anybody to miss it
	}, seldom},
}

// bouncer gives PgBouncer a command.
func (w *world) bouncer(t *testing.T, command string) {
	t.Helper()
	config, err := pgx.ParseConfig(elsewhere(t, w.server.role.Database, "pgbouncer"))
	require.NoError(t, err)
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	connection, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer func() { _ = connection.Close(t.Context()) }()
	_, err = connection.Exec(t.Context(), command)
	require.NoError(t, err, command)
}

// backedUp waits until the edge has written its backup after now.
func backedUp(t *testing.T, p *process) {
	t.Helper()
	started := time.Now()
	require.Eventually(t, func() bool {
		info, err := os.Stat(filepath.Join(p.role.Backup, "pennon-edge.json"))
		return err == nil && info.ModTime().After(started)
	}, patience, pollInterval)
}

func emptied(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	require.NoError(t, err)
	for _, entry := range entries {
		require.NoError(t, os.RemoveAll(filepath.Join(folder, entry.Name())))
	}
}

// revoke deletes a token that both edges know while they cannot hear of it. It ends when neither accepts it any more.
func revoke(t *testing.T, w *world) {
	t.Helper()
	var status int
	var answer []byte
	require.Eventually(t, func() bool { // once the server has recovered from the fault before
		status, answer = ask(http.MethodPost, w.server.url()+"/api/admin/api-tokens", adminToken, strings.NewReader(
			`{"tokenName":"leaver","type":"client","environment":"development","projects":["*"]}`))
		return status == http.StatusCreated
	}, patience, pollInterval)
	var made struct{ Secret string }
	require.NoError(t, json.Unmarshal(answer, &made))
	accepted := func(node *process) bool {
		status, _ := ask(http.MethodGet, node.url()+"/api/client/features", made.Secret, nil)
		return status == http.StatusOK
	}
	for _, node := range []*process{w.inner, w.outer} {
		require.Eventually(t, func() bool { return accepted(node) }, patience, pollInterval, node.name)
	}
	w.near.cut(true)
	status, answer = ask(http.MethodDelete, w.server.url()+"/api/admin/api-tokens/"+made.Secret, adminToken, nil)
	require.Equal(t, http.StatusOK, status, string(answer))
	wait(w.t, outage())
	for _, node := range []*process{w.inner, w.outer} {
		require.True(t, accepted(node), "%s cannot know", node.name)
	}
	w.near.cut(false)
	w.healed = time.Now()
	for _, node := range []*process{w.inner, w.outer} {
		require.Eventually(t, func() bool { return !accepted(node) }, patience, pollInterval, node.name)
	}
}

// restore replaces the database by a copy of before, while everything runs. Revisions go back and history forks.
func restore(t *testing.T, w *world) {
	t.Helper()
	w.writer.mu.Lock()
	defer w.writer.mu.Unlock()
	for _, c := range w.clients {
		c.mu.Lock()
		c.restored = w.restored
		c.mu.Unlock()
	}
	w.writer.server(lock, terminate, awaitAlone, moveAway, bringBack, drop)
	w.writer.pool.Reset()
	w.writer.restart()
}

// TestFaults does one fault after the other to a world for each way in which edges are fed.
//
// Long form: make faults
func TestFaults(t *testing.T) {
	t.Parallel()
	t.Cleanup(func() { publish(t) })
	for _, way := range []struct {
		name    string
		mode    edge.Mode
		refresh time.Duration
	}{
		{"link", edge.Link, edge.DefaultRefreshInterval},
		{"streaming", edge.Streaming, edge.DefaultRefreshInterval},
		{"polling", edge.Full, 100 * time.Millisecond},
	} {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, way.mode, way.refresh)
			for _, f := range faults {
				if !*long && (f.kind == seldom || f.kind == linked && way.mode != edge.Link) {
					continue
				}
				if !t.Run(f.name, func(t *testing.T) {
					if *long { // what edges remember of the fault before makes them wait longer
						w.refresh()
					}
					w.converge(t, w.clients)
					w.healed = time.Time{}
					f.do(t, w)
					if w.healed.IsZero() {
						w.healed = time.Now()
					}
					w.converge(t, w.clients)
					took := time.Since(w.healed)
					w.settle(t)
					t.Logf("converged after %d ms", took.Milliseconds())
					note(f.name, way.name, took)
				}) {
					break
				}
			}
			t.Logf("%d transactions, %d failed", w.writer.written.Load(), w.writer.lost.Load())
			require.Positive(t, w.writer.written.Load())
		})
	}
}

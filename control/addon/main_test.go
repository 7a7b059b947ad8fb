package addon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/addon"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/job"
	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/outbound"
	"github.com/pennonhq/pennon/queries"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

var q = queries.New()

// patience is for what takes milliseconds on an idle machine.
const patience = 30 * time.Second

// request is what a receiver got.
type request struct {
	method, path, body string
	header             http.Header
}

// receiver notes requests and answers with what answer says, or 200.
type receiver struct {
	*httptest.Server
	answer func(n int, r request, w http.ResponseWriter) // n counts from 1

	mu  sync.Mutex
	got []request
}

func newReceiver(t *testing.T, answer func(n int, r request, w http.ResponseWriter)) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, in *http.Request) {
	body, _ := io.ReadAll(in.Body)
	got := request{in.Method, in.URL.Path, string(body), in.Header}
	r.mu.Lock()
	r.got = append(r.got, got)
	n := len(r.got)
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(n, got, w)
	}
}

func (r *receiver) requests() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]request{}, r.got...)
}

// ids counts how often each event came.
func (r *receiver) ids(t *testing.T) map[int64]int {
	t.Helper()
	counts := map[int64]int{}
	for _, got := range r.requests() {
		var e struct{ ID int64 }
		require.NoError(t, json.Unmarshal([]byte(got.body), &e), got.body)
		counts[e.ID]++
	}
	return counts
}

// runner is one server's background work.
type runner struct {
	t    *testing.T
	stop func()
}

type option func(*job.Runner, *addon.Deliveries)

// start runs deliveries, with quick retries, on a pool of their own as another server would have.
func start(t *testing.T, url string, options ...option) *runner {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	pool, err := db.Open(t.Context(), db.Config{URL: url, Logger: logger})
	require.NoError(t, err)
	d := &addon.Deliveries{
		Pool: pool, Logger: logger, RetryDelay: func(int) time.Duration { return 10 * time.Millisecond },
		Client: outbound.New(outbound.Config{AllowPrivate: true, Timeout: 5 * time.Second}),
	}
	r := &job.Runner{Pool: pool, Logger: logger, Areas: []job.Area{d}, Interval: 20 * time.Millisecond}
	for _, apply := range options {
		apply(r, d)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			require.NoError(t, <-done)
			d.Client.Close()
			pool.Close()
		})
	}
	t.Cleanup(stop)
	return &runner{t: t, stop: stop}
}

// integrate stores an integration.
func integrate(t *testing.T, pool *pgxpool.Pool, in addon.Input) queries.Addon {
	t.Helper()
	in.Enabled = true
	var row queries.Addon
	require.NoError(t, write(pool, func(ctx context.Context, tx pgx.Tx) (err error) {
		row, err = addon.Create(ctx, tx, in)
		return err
	}))
	return row
}

// hook stores a webhook to url for the events.
func hook(t *testing.T, pool *pgxpool.Pool, url string, events ...string) queries.Addon {
	t.Helper()
	return integrate(t, pool, addon.Input{Provider: "webhook", Parameters: map[string]any{"url": url}, Events: events})
}

func write(pool *pgxpool.Pool, fn func(ctx context.Context, tx pgx.Tx) error) error {
	ctx := access.WithActor(context.Background(), access.System())
	return db.InTx(ctx, pool, func(tx pgx.Tx) error { return fn(ctx, tx) })
}

// happen writes events, each in its own transaction.
func happen(t *testing.T, pool *pgxpool.Pool, events ...event.Event) {
	t.Helper()
	for _, e := range events {
		require.NoError(t, write(pool, func(ctx context.Context, tx pgx.Tx) error { return event.Append(ctx, tx, e) }))
	}
}

// created is the event of a flag.
func created(name string) event.Event {
	return event.Event{Type: event.FeatureCreated, Project: "default", Feature: name, Data: map[string]any{"name": name}}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	require.Eventually(t, condition, patience, 5*time.Millisecond, what)
}

// settled waits until nothing is left to deliver.
func settled(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	eventually(t, "deliveries are done", func() bool {
		var open int
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM addon_outbox) + (SELECT count(*) FROM river_job
			WHERE state NOT IN ('completed', 'cancelled', 'discarded'))`).Scan(&open))
		return open == 0
	})
}

// attempts is the delivery log, oldest first, each as "state: details".
func attempts(t *testing.T, pool *pgxpool.Pool, id int32) []string {
	t.Helper()
	rows, err := q.IntegrationEventList(t.Context(), pool, queries.IntegrationEventListParams{AddonID: id, MaxRows: 100})
	require.NoError(t, err)
	texts := []string{}
	for _, row := range rows {
		texts = append([]string{fmt.Sprintf("%s: %s", row.IntegrationEvent.State, row.IntegrationEvent.StateDetails)}, texts...)
	}
	return texts
}

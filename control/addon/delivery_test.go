package addon_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/addon"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/job"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/outbound"
)

func TestOnlyWhatAnIntegrationWantsIsDelivered(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	r := newReceiver(t, nil)
	integrate(t, d.Pool, addon.Input{
		Provider: "webhook", Parameters: map[string]any{"url": r.URL + "/narrow"},
		Events: []string{"feature-created", "feature-environment-enabled", "context-field-created"}, Projects: []string{"shop"}, Environments: []string{"production"},
	})
	integrate(t, d.Pool, addon.Input{
		Provider: "webhook", Parameters: map[string]any{"url": r.URL + "/wide"},
		Events: []string{"feature-environment-enabled"}, Projects: []string{"*"},
	})
	off := hook(t, d.Pool, r.URL+"/off", "feature-created")
	_, err := d.Pool.Exec(t.Context(), "UPDATE addons SET enabled = false WHERE id = $1", off.ID)
	require.NoError(t, err)
	start(t, d.DSN)

	happen(t, d.Pool,
		event.Event{Type: event.FeatureCreated, Project: "shop", Feature: "a"},
		event.Event{Type: event.FeatureCreated, Project: "other", Feature: "b"},
		event.Event{Type: event.FeatureArchived, Project: "shop", Feature: "a"},
		event.Event{Type: event.FeatureEnvironmentEnabled, Project: "shop", Environment: "production", Feature: "c"},
		event.Event{Type: event.FeatureEnvironmentEnabled, Project: "shop", Environment: "development", Feature: "d"},
		event.Event{Type: event.ContextFieldCreated, Data: map[string]any{"name": "e"}},
	)
	settled(t, d.Pool)
	var got []string
	for _, request := range r.requests() {
		var e struct {
			Type, FeatureName string
		}
		require.NoError(t, json.Unmarshal([]byte(request.body), &e))
		got = append(got, request.path+" "+e.Type+" "+e.FeatureName)
	}
	require.ElementsMatch(t, []string{
		"/narrow feature-created a", "/narrow feature-environment-enabled c", "/narrow context-field-created ",
		"/wide feature-environment-enabled c", "/wide feature-environment-enabled d",
	}, got)
}

func TestDeliveriesAreRepeatedUntilTheReceiverAccepts(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	r := newReceiver(t, func(n int, _ request, w http.ResponseWriter) {
		if n < 4 {
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte("not \x00 now \xff"))
		}
	})
	row := hook(t, d.Pool, r.URL, "feature-created")
	start(t, d.DSN)
	happen(t, d.Pool, created("beta"))
	settled(t, d.Pool)

	got := r.requests()
	require.Len(t, got, 4)
	for _, request := range got {
		require.Equal(t, got[0].body, request.body)
		require.Equal(t, got[0].header.Get("Webhook-Id"), request.header.Get("Webhook-Id"))
	}
	require.Equal(t, []string{
		"failed: Attempt 1 failed and will be repeated: the receiver answered with status 500.",
		"failed: Attempt 2 failed and will be repeated: the receiver answered with status 500.",
		"failed: Attempt 3 failed and will be repeated: the receiver answered with status 500.",
		"success: Delivered with status 200.",
	}, attempts(t, d.Pool, row.ID))
	var details string
	require.NoError(t, d.Pool.QueryRow(t.Context(), "SELECT details FROM integration_events ORDER BY id LIMIT 1").Scan(&details))
	require.Contains(t, details, "not \uFFFD now \uFFFD")
}

func TestDeliveriesAreGivenUpAfterAllAttempts(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	r := newReceiver(t, func(_ int, _ request, w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) })
	row := hook(t, d.Pool, r.URL, "feature-created")
	start(t, d.DSN)
	happen(t, d.Pool, created("beta"))
	settled(t, d.Pool)
	require.Len(t, r.requests(), addon.MaxAttempts)
	log := attempts(t, d.Pool, row.ID)
	require.Equal(t, "failed: Given up after 10 attempts: the receiver answered with status 502.", log[len(log)-1])
}

func TestBackoffDoublesUpToAnHour(t *testing.T) {
	t.Parallel()
	total := time.Duration(0)
	for attempt := 1; attempt < addon.MaxAttempts; attempt++ {
		want := min(10*time.Second<<(attempt-1), time.Hour)
		got := addon.Backoff(attempt)
		require.InDelta(t, want.Seconds(), got.Seconds(), want.Seconds()/5+1)
		total += want
	}
	require.InDelta(t, (85 * time.Minute).Minutes(), total.Minutes(), 1)
	require.LessOrEqual(t, addon.Backoff(1000), 72*time.Minute)
}

func TestPrivateAddressesAreNotDeliveredTo(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	r := newReceiver(t, nil)
	row := hook(t, d.Pool, strings.Replace(r.URL, "127.0.0.1", "localhost", 1)+"/token-in-path", "feature-created")
	start(t, d.DSN, func(_ *job.Runner, d *addon.Deliveries) { d.Client = outbound.New(outbound.Config{}) })
	happen(t, d.Pool, created("beta"))
	settled(t, d.Pool)
	require.Empty(t, r.requests())
	log := attempts(t, d.Pool, row.ID)
	require.Len(t, log, 1, "another attempt would meet the same refusal")
	require.Contains(t, log[0], "failed: Given up: send request:")
	require.Contains(t, log[0], "the address is private")
	var text string
	require.NoError(t, d.Pool.QueryRow(t.Context(), "SELECT string_agg(details::text || state_details, '') || (SELECT string_agg(errors::text, '') FROM river_job) FROM integration_events").Scan(&text))
	require.NotContains(t, text, "token-in-path", "neither the log nor the queue holds the secret part of the URL")
}

func TestRestartsLoseNothing(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	arrived := make(chan struct{}, 10)
	block := make(chan struct{})
	r := newReceiver(t, func(n int, _ request, _ http.ResponseWriter) {
		arrived <- struct{}{}
		if n == 1 {
			<-block
		}
	})
	hook(t, d.Pool, r.URL, "feature-created")
	first := start(t, d.DSN)
	happen(t, d.Pool, created("beta"))
	<-arrived
	happen(t, d.Pool, created("gamma"))
	stopped := make(chan struct{})
	go func() { defer close(stopped); first.stop() }() // its request is cancelled in the middle
	<-stopped
	close(block)
	happen(t, d.Pool, created("delta"))
	start(t, d.DSN)
	settled(t, d.Pool)
	require.Len(t, r.ids(t), 3)
}

func TestJobsOfAKilledServerAreTakenOver(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	r := newReceiver(t, nil)
	row := hook(t, d.Pool, r.URL, "feature-created")
	happen(t, d.Pool, created("beta"))
	// What a server leaves that is killed while it delivers: the row is a job, and the job is running for ever.
	_, err := d.Pool.Exec(t.Context(), `WITH taken AS (DELETE FROM addon_outbox RETURNING *)
		INSERT INTO river_job (kind, args, max_attempts, state, attempt, attempted_at, attempted_by, queue)
		SELECT 'addon_delivery', jsonb_build_object('eventId', event_id, 'addonId', addon_id), 10, 'running', 1, now() - interval '1 minute', '{gone}', 'default' FROM taken`)
	require.NoError(t, err)
	start(t, d.DSN, func(r *job.Runner, _ *addon.Deliveries) { r.Timeout, r.Rescue = 5*time.Second, 10*time.Second })
	settled(t, d.Pool)
	require.Len(t, r.requests(), 1)
	require.Equal(t, []string{"success: Delivered with status 200."}, attempts(t, d.Pool, row.ID))
}

func TestTwoServersDeliverOnce(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	r := newReceiver(t, nil)
	hook(t, d.Pool, r.URL, "feature-created")
	start(t, d.DSN)
	start(t, d.DSN)
	const events = 120
	for i := range events {
		happen(t, d.Pool, created(fmt.Sprint("flag-", i)))
	}
	settled(t, d.Pool)
	ids := r.ids(t)
	require.Len(t, ids, events)
	require.Len(t, r.requests(), events, "no event came twice")
}

// Writers commit in another order than their events have ids, some roll back, receivers fail now and then, and servers come
// and go: every committed event arrives, and nothing else does.
func TestConcurrentWritersAndRestartsLoseNothing(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	r := newReceiver(t, func(_ int, _ request, w http.ResponseWriter) {
		if rand.IntN(10) == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	hook(t, d.Pool, r.URL, "feature-created")

	const writers, rounds = 8, 25
	var mu sync.Mutex
	committed := map[string]bool{}
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for round := range rounds {
				name := fmt.Sprintf("flag-%d-%d", writer, round)
				other := event.Event{Type: event.FeatureArchived, Project: "default", Feature: name}
				err := write(d.Pool, func(ctx context.Context, tx pgx.Tx) error {
					if err := event.Append(ctx, tx, created(name)); err != nil {
						return err
					}
					<-time.After(rand.N(8 * time.Millisecond)) // commits come in another order than ids
					if err := event.Append(ctx, tx, other); err != nil {
						return err
					}
					if rand.IntN(5) == 0 {
						return context.Canceled
					}
					return nil
				})
				if err == nil {
					mu.Lock()
					committed[name] = true
					mu.Unlock()
				}
			}
		})
	}
	written := make(chan struct{})
	go func() { group.Wait(); close(written) }()
	start(t, d.DSN)
	for restarts := 0; ; restarts++ {
		s := start(t, d.DSN)
		select {
		case <-written:
		case <-time.After(100 * time.Millisecond):
			s.stop()
			continue
		}
		break
	}
	settled(t, d.Pool)

	got := map[string]bool{}
	for _, request := range r.requests() {
		var e struct{ Type, FeatureName string }
		require.NoError(t, json.Unmarshal([]byte(request.body), &e))
		require.Equal(t, "feature-created", e.Type)
		got[e.FeatureName] = true
	}
	require.NotEmpty(t, committed)
	require.Equal(t, committed, got)
}

func TestItWorksBehindATransactionPooler(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	r := newReceiver(t, nil)
	hook(t, d.Pool, r.URL, "feature-created")
	url := dbtest.PgBouncer(t, d, dbtest.TransactionPooling)
	start(t, url)
	start(t, url)
	for i := range 20 {
		happen(t, d.Pool, created(fmt.Sprint("flag-", i)))
	}
	settled(t, d.Pool)
	require.Len(t, r.ids(t), 20)
}

func TestWritersNeverWaitForWhoeverChangesIntegrations(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	r := newReceiver(t, nil)
	row := hook(t, d.Pool, r.URL, "feature-created")
	tx, err := d.Pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "DELETE FROM addons WHERE id = $1", row.ID)
	require.NoError(t, err)
	happen(t, d.Pool, created("beta")) // would wait for ever with a foreign key
	require.NoError(t, tx.Commit(t.Context()))
	start(t, d.DSN)
	settled(t, d.Pool)
	require.Empty(t, r.requests(), "the integration is gone")
}

func TestTheDeliveryLogIsPruned(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	row := hook(t, d.Pool, "https://example.com", "feature-created")
	_, err := d.Pool.Exec(t.Context(), `INSERT INTO integration_events (addon_id, event_id, state, state_details, created_at)
		SELECT $1, 1, 'success', '', now() - CASE WHEN n <= 3 THEN interval '15 days' ELSE interval '1 day' END FROM generate_series(1, 1010) n`, row.ID)
	require.NoError(t, err)
	require.NoError(t, (&addon.Deliveries{Pool: d.Pool}).Prune(t.Context()))
	var left, oldest int
	require.NoError(t, d.Pool.QueryRow(t.Context(), "SELECT count(*), min(id) FROM integration_events").Scan(&left, &oldest))
	require.Equal(t, 1000, left)
	require.Equal(t, 11, oldest)
}

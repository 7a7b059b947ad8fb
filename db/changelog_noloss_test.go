package db_test

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/replica"
)

var (
	noLossFor  = flag.Duration("noloss", 4*time.Second, "how long TestNothingIsLost writes")
	noLossSeed = flag.Uint64("noloss-seed", 1, "seed of TestNothingIsLost")
)

// Many writers through a transaction pooler, a listener that is killed all the time and a reader that polls: both must
// deliver every row of the log, in order, and end in the state that is in the database.
func TestNothingIsLost(t *testing.T) {
	d := dbtest.New(t)
	pooled := dbtest.PgBouncer(t, d, dbtest.TransactionPooling)
	writers := dbtest.Writers{URL: pooled, Count: 32, Flags: 40, Rollback: 0.15, Seed: *noLossSeed}
	require.NoError(t, writers.Create(t.Context(), d))

	listening, polling := newTracker(t), newTracker(t)
	listener := db.NewChangeLog(d.Pool, db.ChangeLogConfig{URL: d.DSN, Logger: quiet()})
	follow(t, listener, listening.sink)
	// Under a name of its own: a pooler's connections change hands, and the killer must not hit a writer's.
	follow(t, db.NewChangeLog(d.Pool, db.ChangeLogConfig{URL: pooled + "&application_name=poller", PollInterval: 50 * time.Millisecond, Logger: quiet()}), polling.sink)

	ctx, cancel := context.WithTimeout(t.Context(), *noLossFor)
	defer cancel()
	var (
		written dbtest.Written
		killed  int
		group   errgroup.Group
	)
	group.Go(func() (err error) { written, err = writers.Run(ctx); return err })
	group.Go(func() (err error) { killed, err = dbtest.KillListenersEvery(ctx, d, 150*time.Millisecond); return err })
	require.NoError(t, group.Wait())
	require.Positive(t, killed)

	to := head(t, d)
	rows, err := d.Pool.Query(t.Context(), `SELECT revision FROM change_log ORDER BY revision`)
	require.NoError(t, err)
	logged, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	require.NoError(t, err)
	want := truth(t, d.DSN)
	for name, tracker := range map[string]*tracker{"listening": listening, "polling": polling} {
		tracker.sink.awaitRevision(to)
		tracker.requireAll(name, logged, written)
		require.Equal(t, want, tracker.sink.state(), name)
	}
	t.Logf("seed %d, %v: %d commits, %d rollbacks, %d rows; %d connections killed, %d reconnects, %d resets; row to sink p50 %v p99 %v (polling p50 %v p99 %v)",
		*noLossSeed, *noLossFor, written.Commits, written.Rollbacks, len(logged), killed, listener.Status().Reconnects, len(listening.sink.resets)-1,
		listening.lag(50), listening.lag(99), polling.lag(50), polling.lag(99))
}

// tracker checks the order of what a sink receives, and keeps the revisions.
type tracker struct {
	t         *testing.T
	sink      *sink
	last      int64
	revisions []int64
	counters  map[string]int64
	lags      []time.Duration
}

func newTracker(t *testing.T) *tracker {
	t.Helper()
	tr := &tracker{t: t, sink: newSink(t), counters: map[string]int64{}}
	tr.sink.forgetful = true
	tr.sink.onReset, tr.sink.onApply = tr.reset, tr.apply
	return tr
}

// reset may come after the first one, when more has happened during an outage than is worth reading row by row. What was
// missed is in the snapshot's log.
func (tr *tracker) reset(snapshot replica.Snapshot) {
	if snapshot.Forked {
		tr.sink.failure = "forked"
	}
	for _, row := range snapshot.Log {
		if row.Revision > tr.last {
			tr.arrived(row)
		}
	}
	for environment, features := range snapshot.Environments {
		for _, feature := range features {
			tr.count(environment, feature)
		}
	}
}

func (tr *tracker) apply(delta replica.Delta) {
	for _, row := range delta.Rows {
		tr.arrived(row)
	}
	for _, change := range delta.Features {
		tr.count(change.Environment, *change.Feature)
	}
}

func (tr *tracker) arrived(row replica.Row) {
	tr.last = row.Revision
	tr.revisions = append(tr.revisions, row.Revision)
	tr.lags = append(tr.lags, time.Since(row.At))
}

func (tr *tracker) count(environment string, feature replica.Feature) {
	counter, err := strconv.ParseInt(*feature.Description, 10, 64)
	at := environment + "/" + feature.Name
	if err != nil || counter < tr.counters[at] {
		tr.sink.failure = fmt.Sprintf("%s went from %d to %s", at, tr.counters[at], *feature.Description)
	}
	tr.counters[at] = counter
}

// requireAll checks that every row of the log has come, and every flag's last counter.
func (tr *tracker) requireAll(name string, logged []int64, written dbtest.Written) {
	tr.t.Helper()
	tr.sink.mu.Lock()
	defer tr.sink.mu.Unlock()
	require.True(tr.t, slices.Equal(logged, tr.revisions), "%s: revisions delivered are those of the log", name)
	for flag, counter := range written.Counters {
		for _, environment := range []string{"development", "production"} {
			require.Equal(tr.t, counter, tr.counters[environment+"/"+flag], "%s: %s in %s", name, flag, environment)
		}
	}
}

// lag is a percentile of the time from the writing of a row until the sink had it. It includes the commit.
func (tr *tracker) lag(percent int) time.Duration {
	slices.Sort(tr.lags)
	return tr.lags[len(tr.lags)*percent/100].Round(10 * time.Microsecond)
}

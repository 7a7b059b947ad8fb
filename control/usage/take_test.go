package usage

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/usage"
)

// reported is a batch with one evaluation.
func reported() usage.Batch {
	batch := usage.NewBatch()
	batch.Counts[usage.Key{Feature: "f", App: "shop", Environment: "development", Hour: usage.Hour(time.Now())}] = usage.Count{Yes: 1}
	batch.Impact[usage.Series{Name: "n"}] = usage.Measurement{Kind: usage.Counter, Value: 1}
	return batch
}

func storedYes(t *testing.T, database *dbtest.Database) (yes int64) {
	t.Helper()
	require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT coalesce(sum(yes), 0)::bigint FROM client_metrics`).Scan(&yes))
	return yes
}

func TestTake(t *testing.T) {
	t.Parallel()

	t.Run("CountsAReportOnceOnHoweverManyServers", func(t *testing.T) {
		t.Parallel()
		first, database := newFlusher(t)
		first.Impact = usage.NewImpact()
		second := &Flusher{Buffer: usage.NewBuffer(), Pool: database.Pool, Logger: slog.New(slog.DiscardHandler)}
		sender := usage.NewSender()
		listening, err := pgx.Connect(t.Context(), database.DSN)
		require.NoError(t, err)
		defer func() { _ = listening.Close(context.WithoutCancel(t.Context())) }()
		_, err = listening.Exec(t.Context(), `LISTEN pennon_changes`)
		require.NoError(t, err)
		var before, changes int
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT count(*) FROM change_log`).Scan(&before))
		for number := range int64(5) {
			var all sync.WaitGroup
			for _, server := range []*Flusher{first, second, first, second} {
				all.Go(func() {
					if err := server.Take(t.Context(), usage.ReportID{Sender: sender, Number: number + 1}, reported()); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			require.Equal(t, number+1, storedYes(t, database))
		}
		require.NoError(t, second.Take(t.Context(), usage.ReportID{Sender: sender, Number: 2}, reported()))
		require.Equal(t, int64(5), storedYes(t, database))
		counted := first.Buffer.Stats().Apps["shop"].Yes + second.Buffer.Stats().Apps["shop"].Yes
		require.Equal(t, uint64(5), counted)

		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT count(*) FROM change_log`).Scan(&changes))
		require.Equal(t, before, changes)
		_, err = database.Pool.Exec(t.Context(), `SELECT pg_notify('pennon_changes', 'marker')`)
		require.NoError(t, err)
		notification, err := listening.WaitForNotification(t.Context())
		require.NoError(t, err)
		require.Equal(t, "marker", notification.Payload, "usage notifies nobody")

		first.prune(t.Context(), time.Now().Add(senderRetention-time.Hour))
		require.NoError(t, first.Take(t.Context(), usage.ReportID{Sender: sender, Number: 5}, reported()))
		var senders int
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT count(*) FROM usage_senders`).Scan(&senders))
		require.Equal(t, 1, senders)
		first.prune(t.Context(), time.Now().Add(senderRetention+time.Hour))
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT count(*) FROM usage_senders`).Scan(&senders))
		require.Zero(t, senders)
	})

	t.Run("SaysTryAgainWhenItDoesNotKnowAndThenCountsOnce", func(t *testing.T) {
		t.Parallel()
		for name, where := range map[string]cut{"committed": after, "not committed": before} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				flusher, database, next := newCutFlusher(t)
				id := usage.ReportID{Sender: usage.NewSender(), Number: 1}
				next.Store(int32(where))
				err := flusher.Take(t.Context(), id, reported())
				require.True(t, fault.Is(err, fault.Unavailable), err)
				require.Equal(t, int64(1), flusher.Failures())
				require.Eventually(t, func() bool { return flusher.Take(t.Context(), id, reported()) == nil }, 30*time.Second, 10*time.Millisecond)
				require.Equal(t, int64(1), storedYes(t, database))
			})
		}
	})

	t.Run("RefusesForGoodWhatTheDatabaseCannotHold", func(t *testing.T) {
		t.Parallel()
		flusher, database := newFlusher(t)
		batch := reported()
		batch.Counts[usage.Key{Feature: "a\x00b", Hour: time.Now()}] = usage.Count{Yes: 1}
		err := flusher.Take(t.Context(), usage.ReportID{Sender: usage.NewSender(), Number: 1}, batch)
		require.True(t, fault.Is(err, fault.Invalid), err)
		require.Zero(t, storedYes(t, database))
	})
}

package usage

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/usage"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

func newFlusher(t *testing.T) (*Flusher, *dbtest.Database) {
	t.Helper()
	database := dbtest.New(t)
	return &Flusher{Buffer: usage.NewBuffer(), Pool: database.Pool, Logger: slog.New(slog.DiscardHandler)}, database
}

func TestFlush(t *testing.T) {
	t.Parallel()
	hour := usage.Hour(time.Now().Add(-2 * time.Hour))
	key := usage.Key{Feature: "f", App: "shop", Environment: "development", Hour: hour}

	t.Run("AddsUpWhatComesInSeveralBatches", func(t *testing.T) {
		t.Parallel()
		flusher, database := newFlusher(t)
		for range 2 {
			flusher.Buffer.Count(key, usage.Count{Yes: 2, No: 1, Variants: map[string]int64{"red": 2}})
			require.NoError(t, flusher.Flush(t.Context()))
		}
		var yes, no, red int64
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT yes, no FROM client_metrics WHERE feature = 'f' AND hour = $1`, hour).Scan(&yes, &no))
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT count FROM client_metrics_variants WHERE variant = 'red'`).Scan(&red))
		require.Equal(t, []int64{4, 2, 4}, []int64{yes, no, red})
	})

	t.Run("NotesWhenExistingFlagsWereLastAskedFor", func(t *testing.T) {
		t.Parallel()
		flusher, database := newFlusher(t)
		_, err := database.Pool.Exec(t.Context(), `INSERT INTO features (name, project) VALUES ('f', 'default')`)
		require.NoError(t, err)
		unknown := key
		unknown.Feature = "unknown"
		flusher.Buffer.Count(key, usage.Count{Yes: 1})
		flusher.Buffer.Count(unknown, usage.Count{Yes: 1})
		require.NoError(t, flusher.Flush(t.Context()))
		var feature string
		var at time.Time
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT feature, last_seen_at FROM feature_last_seen`).Scan(&feature, &at))
		require.Equal(t, "f", feature)
		require.True(t, at.Equal(hour.Add(time.Hour)))
	})

	t.Run("NotesApplicationsAndInstances", func(t *testing.T) {
		t.Parallel()
		flusher, database := newFlusher(t)
		instance := usage.Instance{
			InstanceKey: usage.InstanceKey{App: "shop", Environment: "development", ID: "1"},
			SDKVersion:  "unleash-node-sdk:6.12.1", Strategies: []string{"userWithId", "default"}, SeenAt: time.Now(),
		}
		flusher.Buffer.Seen(instance)
		require.NoError(t, flusher.Flush(t.Context()))
		flusher.Buffer.Seen(usage.Instance{InstanceKey: instance.InstanceKey, ClientIP: "10.0.0.1", SeenAt: time.Now()})
		require.NoError(t, flusher.Flush(t.Context()))

		var sdk, ip, strategies string
		var started *time.Time
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT sdk_version, client_ip, started_at FROM client_instances`).Scan(&sdk, &ip, &started))
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT strategies::text FROM client_applications`).Scan(&strategies))
		require.Equal(t, "unleash-node-sdk:6.12.1", sdk)
		require.Equal(t, "10.0.0.1", ip)
		require.Nil(t, started)
		require.JSONEq(t, `["default", "userWithId"]`, strategies)
	})

	t.Run("KeepsWhatCouldNotBeStored", func(t *testing.T) {
		t.Parallel()
		flusher, database := newFlusher(t)
		flusher.Buffer.Count(key, usage.Count{Yes: 1})
		_, err := database.Pool.Exec(t.Context(), `ALTER TABLE feature_last_seen RENAME TO elsewhere`)
		require.NoError(t, err)
		require.Error(t, flusher.Flush(t.Context()))
		_, err = database.Pool.Exec(t.Context(), `ALTER TABLE elsewhere RENAME TO feature_last_seen`)
		require.NoError(t, err)
		require.NoError(t, flusher.Flush(t.Context()))
		var yes int64
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT yes FROM client_metrics`).Scan(&yes))
		require.Equal(t, int64(1), yes, "neither lost nor counted twice")
	})

	t.Run("NeverTouchesTheChangeLog", func(t *testing.T) {
		t.Parallel()
		flusher, database := newFlusher(t)
		_, err := database.Pool.Exec(t.Context(), `INSERT INTO features (name, project) VALUES ('f', 'default')`)
		require.NoError(t, err)
		var before, after int64
		const newest = `SELECT max(revision) FROM change_log`
		require.NoError(t, database.Pool.QueryRow(t.Context(), newest).Scan(&before))
		flusher.Buffer.Count(key, usage.Count{Yes: 1, Variants: map[string]int64{"red": 1}})
		flusher.Buffer.Seen(usage.Instance{InstanceKey: usage.InstanceKey{App: "a", Environment: "development", ID: "1"}, SeenAt: time.Now()})
		require.NoError(t, flusher.Flush(t.Context()))
		flusher.prune(t.Context(), time.Now().Add(365*24*time.Hour))
		require.NoError(t, database.Pool.QueryRow(t.Context(), newest).Scan(&after))
		require.Equal(t, before, after)
	})

	t.Run("ForgetsWhatIsOlderThanTheRetention", func(t *testing.T) {
		t.Parallel()
		flusher, database := newFlusher(t)
		flusher.Buffer.Count(key, usage.Count{Yes: 1, Variants: map[string]int64{"red": 1}})
		require.NoError(t, flusher.Flush(t.Context()))
		flusher.prune(t.Context(), hour.Add(DefaultRetention-time.Minute))
		var rows int
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT count(*) FROM client_metrics`).Scan(&rows))
		require.Equal(t, 1, rows)
		flusher.prune(t.Context(), hour.Add(DefaultRetention+time.Minute))
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT count(*) FROM client_metrics`).Scan(&rows))
		require.Equal(t, 0, rows)
	})
}

package feature_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/db/dbtest"
)

// aged makes a database with flags of several ages and uses.
func aged(t *testing.T) (*dbtest.Database, *feature.Aging) {
	t.Helper()
	d := dbtest.New(t)
	_, err := d.Pool.Exec(t.Context(), `
		INSERT INTO features (name, project, type, stale, created_at, archived_at) VALUES
			('new', 'default', 'release', false, now(), NULL), ('old', 'default', 'release', false, now() - interval '41 days', NULL),
			('stale', 'default', 'release', true, now() - interval '41 days', NULL), ('switch', 'default', 'kill-switch', false, '2001-01-01', NULL),
			('gone', 'default', 'release', false, '2001-01-01', now());
		INSERT INTO feature_last_seen (feature, environment, last_seen_at) VALUES
			('new', 'development', '2026-01-01'), ('old', 'production', '2026-01-02'), ('old', 'development', '2026-01-03')`)
	require.NoError(t, err)
	return d, &feature.Aging{Pool: d.Pool, Logger: slog.New(slog.DiscardHandler)}
}

func read(t *testing.T, d *dbtest.Database, query string) []string {
	t.Helper()
	rows, err := d.Pool.Query(t.Context(), query)
	require.NoError(t, err)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return texts
}

func TestAging(t *testing.T) {
	t.Parallel()
	const (
		marked = `SELECT name FROM features WHERE potentially_stale ORDER BY name`
		told   = `SELECT concat_ws(' ', type, feature, created_by) FROM events ORDER BY id`
		stages = `SELECT concat_ws(' ', feature, (pre_live_at AT TIME ZONE 'UTC')::date, (live_at AT TIME ZONE 'UTC')::date) FROM feature_lifecycles ORDER BY feature`
	)

	t.Run("MarksFlagsThatOutliveTheirTypeOnce", func(t *testing.T) {
		t.Parallel()
		d, aging := aged(t)
		for range 2 {
			require.NoError(t, aging.Once(t.Context()))
			require.Equal(t, []string{"old", "stale"}, read(t, d, marked))
			require.Equal(t, []string{"feature-potentially-stale-on old unleash_system_user"}, read(t, d, told))
		}
	})

	t.Run("TakesMarksBackWhenTypesLiveLonger", func(t *testing.T) {
		t.Parallel()
		d, aging := aged(t)
		require.NoError(t, aging.Once(t.Context()))
		_, err := d.Pool.Exec(t.Context(), `UPDATE feature_types SET lifetime_days = NULL`)
		require.NoError(t, err)
		require.NoError(t, aging.Once(t.Context()))
		require.Empty(t, read(t, d, marked))
		require.Len(t, read(t, d, told), 1)
	})

	t.Run("NotesWhereFlagsWereSeenFirst", func(t *testing.T) {
		t.Parallel()
		d, aging := aged(t)
		require.NoError(t, aging.Once(t.Context()))
		require.Equal(t, []string{"new 2026-01-01", "old 2026-01-03 2026-01-02"}, read(t, d, stages))
		_, err := d.Pool.Exec(t.Context(), `UPDATE feature_last_seen SET last_seen_at = '2026-05-05';
			INSERT INTO feature_last_seen (feature, environment, last_seen_at) VALUES ('new', 'production', '2026-05-06')`)
		require.NoError(t, err)
		require.NoError(t, aging.Once(t.Context()))
		require.Equal(t, []string{"new 2026-01-01 2026-05-06", "old 2026-01-03 2026-01-02"}, read(t, d, stages))
	})

	t.Run("LeavesTheWorkToTheServerThatIsAtIt", func(t *testing.T) {
		t.Parallel()
		d, aging := aged(t)
		other, err := d.Pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = other.Exec(t.Context(), `SELECT pg_advisory_xact_lock(hashtextextended('pennon.feature_aging', 0))`)
		require.NoError(t, err)
		require.NoError(t, aging.Once(t.Context()))
		require.Empty(t, read(t, d, marked))
		require.NoError(t, other.Rollback(t.Context()))
		require.NoError(t, aging.Once(t.Context()))
		require.NotEmpty(t, read(t, d, marked))
	})

	t.Run("RunsUntilItIsStopped", func(t *testing.T) {
		t.Parallel()
		d, aging := aged(t)
		aging.Interval = time.Millisecond
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- aging.Run(ctx) }()
		require.Eventually(t, func() bool { return len(read(t, d, marked)) == 2 }, 10*time.Second, 5*time.Millisecond)
		stop()
		require.NoError(t, <-ended)
	})
}

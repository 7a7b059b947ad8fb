package usage

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/usage"
)

func TestAsked(t *testing.T) {
	t.Parallel()
	hour := usage.Hour(time.Now())

	t.Run("TellsFlagsThatExistFromThoseThatDoNot", func(t *testing.T) {
		t.Parallel()
		flusher, database := newFlusher(t)
		_, err := database.Pool.Exec(t.Context(), `INSERT INTO features (name, project, archived_at) VALUES ('f', 'default', NULL), ('old', 'default', now())`)
		require.NoError(t, err)
		for range 2 {
			for _, name := range []string{"f", "old", "nope"} {
				flusher.Buffer.Count(usage.Key{Feature: name, App: "shop", Environment: "development", Hour: hour}, usage.Count{Yes: 1})
			}
			require.NoError(t, flusher.Flush(t.Context()))
		}
		var known, unknown []string
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT array_agg(feature ORDER BY feature) FROM application_features`).Scan(&known))
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT array_agg(name) FROM unknown_flags`).Scan(&unknown))
		require.Equal(t, []string{"f", "old"}, known)
		require.Equal(t, []string{"nope"}, unknown)
	})

	t.Run("KeepsABoundedNumberOfUnknownNamesAndThoseCurrent", func(t *testing.T) {
		t.Parallel()
		flusher, database := newFlusher(t)
		ask := func(name string, at time.Time) {
			flusher.Buffer.Count(usage.Key{Feature: name, App: "shop", Environment: "development", Hour: at}, usage.Count{No: 1})
		}
		ask("first", hour.Add(-3*time.Hour))
		require.NoError(t, flusher.Flush(t.Context()))
		for i := range MaxUnknownFlags + 500 {
			ask(fmt.Sprintf("made-up-%d", i), hour)
		}
		require.NoError(t, flusher.Flush(t.Context()))
		ask("late", hour)
		ask("first", hour.Add(-time.Hour))
		require.NoError(t, flusher.Flush(t.Context()))
		var rows int
		var at time.Time
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT count(*) FROM unknown_flags`).Scan(&rows))
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT seen_at FROM unknown_flags WHERE name = 'first'`).Scan(&at))
		require.Equal(t, MaxUnknownFlags, rows)
		require.True(t, at.Equal(hour), "known ones go on")

		_, err := database.Pool.Exec(t.Context(), `INSERT INTO features (name, project) VALUES ('made-up-0', 'default')`)
		require.NoError(t, err)
		flusher.prune(t.Context(), time.Now())
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT count(*) FROM unknown_flags WHERE name = 'made-up-0'`).Scan(&rows))
		require.Zero(t, rows, "it is known now")
		flusher.prune(t.Context(), time.Now().Add(unknownRetention+time.Minute))
		require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT count(*) FROM unknown_flags`).Scan(&rows))
		require.Zero(t, rows)
	})
}

func TestOutdated(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]bool{"4.1.0": true, "4.5.2": true, "5.0.0": false, "5.2.0": false, "6.1.0": false, "": false, "x": false} {
		require.Equal(t, want, Outdated(version), version)
	}
}

func TestSpan(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 15, 30, 0, 0, time.UTC)
	require.Equal(t, Steps{From: now.Truncate(time.Hour).Add(-23 * time.Hour), Last: now.Truncate(time.Hour), Length: time.Hour}, Span(now, 24, 48))
	require.Equal(t, Steps{From: now.Truncate(time.Hour), Last: now.Truncate(time.Hour), Length: time.Hour}, Span(now, 1, 48))
	day := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	require.Equal(t, Steps{From: day.AddDate(0, 0, -3), Last: day, Length: 24 * time.Hour}, Span(now, 72, 48))
	require.Equal(t, day.AddDate(0, 0, -29), Span(now, 90*24, 48).From, "the first whole day that is kept")
}

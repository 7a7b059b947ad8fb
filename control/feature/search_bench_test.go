package feature_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/db/dbtest"
)

// fill makes 10,000 flags in 20 projects with two environments, strategies, tags, segments, usage and a past.
const fill = `
INSERT INTO projects (id, name) SELECT 'p' || n, 'Project ' || n FROM generate_series(0, 19) n;
INSERT INTO project_environments (project, environment) SELECT 'p' || n, e.name FROM generate_series(0, 19) n, environments e;
INSERT INTO segments (id, name) SELECT n, 'segment' || n FROM generate_series(1, 50) n;
INSERT INTO tags (type, value) SELECT 'simple', 'team' || n FROM generate_series(0, 49) n;
INSERT INTO features (name, project, type, description, stale, potentially_stale, created_at, created_by, created_by_user_id, archived_at)
SELECT 'checkout-flow-' || n, 'p' || n % 20, (ARRAY['release', 'experiment', 'operational', 'kill-switch'])[1 + n % 4],
	'Shows the new step ' || n || ' of the checkout to those who asked for it', n % 7 = 0, n % 5 = 0,
	now() - n * interval '1 hour', 'user' || n % 30, n % 30, CASE WHEN n % 10 = 0 THEN now() END
FROM generate_series(1, 10000) n;
INSERT INTO feature_environments (feature, environment, enabled) SELECT f.name, e.name, hashtext(f.name || e.name) % 2 = 0 FROM features f, environments e;
INSERT INTO feature_strategies (id, feature, environment, strategy_name) SELECT f.name || e.name, f.name, e.name, 'default' FROM features f, environments e;
INSERT INTO feature_strategy_segments (strategy_id, segment_id) SELECT id, 1 + abs(hashtext(id)) % 50 FROM feature_strategies;
INSERT INTO feature_tags (feature, type, value)
SELECT f.name, 'simple', 'team' || abs(hashtext(f.name || i)) % 50 FROM features f, generate_series(1, 2) i ON CONFLICT DO NOTHING;
INSERT INTO feature_last_seen (feature, environment, last_seen_at)
SELECT f.name, e.name, now() - abs(hashtext(f.name || e.name)) % 1000 * interval '1 hour' FROM features f, environments e WHERE hashtext(f.name) % 3 <> 0;
INSERT INTO feature_lifecycles (feature, pre_live_at, live_at) SELECT feature, min(last_seen_at), max(last_seen_at) FROM feature_last_seen GROUP BY feature;
INSERT INTO feature_favorites (user_id, feature) SELECT 1, name FROM features WHERE hashtext(name) % 50 = 0;
`

func at(daysAgo int) *time.Time {
	t := time.Now().AddDate(0, 0, -daysAgo)
	return &t
}

func choose[T comparable](values ...T) feature.Choice[T] { return feature.Choice[T]{Values: values} }

// BenchmarkSearch measures each filter and order over 10,000 flags, and the 95th percentile, which must stay below 50 ms.
func BenchmarkSearch(b *testing.B) {
	d := dbtest.New(b)
	_, err := d.Pool.Exec(b.Context(), fill)
	require.NoError(b, err)
	_, err = d.Pool.Exec(b.Context(), "ANALYZE")
	require.NoError(b, err)
	yes, no := true, false
	for name, search := range map[string]feature.Search{
		"None":           {Archived: &no},
		"Text":           {Archived: &no, Text: "flow-77"},
		"TextOfNothing":  {Archived: &no, Text: "nothing has this"},
		"Project":        {Archived: &no, Project: choose("p7")},
		"Type":           {Archived: &no, Type: choose("experiment", "release")},
		"State":          {Archived: &no, State: choose("stale")},
		"Stage":          {Archived: &no, Stage: choose(feature.StageLive)},
		"CreatedBy":      {Archived: &no, CreatedBy: choose(int32(3))},
		"Created":        {Archived: &no, Created: feature.Period{Since: at(30)}},
		"LastSeen":       {Archived: &no, LastSeen: feature.Period{Before: at(10)}},
		"Archived":       {Archived: &yes},
		"Favorite":       {Archived: &no, Favorite: &yes, User: 1},
		"Tag":            {Archived: &no, Tags: &feature.Membership[feature.Tag]{Values: []feature.Tag{{Type: "simple", Value: "team7"}}}},
		"TagsExcluded":   {Archived: &no, Tags: &feature.Membership[feature.Tag]{Values: []feature.Tag{{Type: "simple", Value: "team7"}}, Not: true}},
		"Segment":        {Archived: &no, Segments: &feature.Membership[string]{Values: []string{"segment7", "segment8"}, All: true}},
		"StatusOn":       {Archived: &no, Status: []feature.EnvironmentStatus{{Environment: "production", Enabled: true}}},
		"StatusOff":      {Archived: &no, Status: []feature.EnvironmentStatus{{Environment: "production"}, {Environment: "development"}}},
		"ByType":         {Archived: &no, Sort: feature.SortType, Descending: true},
		"ByName":         {Archived: &no, Sort: feature.SortName, Descending: true, FavoritesFirst: true, User: 1},
		"ByCreatedAt":    {Archived: &no, Sort: feature.SortCreatedAt, Descending: true},
		"ByLastSeenAt":   {Archived: &no, Sort: feature.SortLastSeenAt, Descending: true},
		"ByStage":        {Archived: &no, Sort: feature.SortStage},
		"ByEnvironment":  {Archived: &no, Sort: feature.SortEnvironment, SortEnvironment: "production", Descending: true},
		"LastPage":       {Archived: &no, Sort: feature.SortName, Offset: 8900},
		"SeveralFilters": {Archived: &no, Text: "checkout", Project: choose("p7", "p8"), Type: choose("release", "experiment"), State: choose("active"), Stage: choose(feature.StageLive), Sort: feature.SortLastSeenAt},
	} {
		b.Run(name, func(b *testing.B) {
			search.Limit = 50
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				find(b.Context(), b, d.Pool, search)
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*95/100].Microseconds())/1000, "p95-ms")
		})
	}
}

func find(ctx context.Context, b *testing.B, pool *pgxpool.Pool, search feature.Search) {
	b.Helper()
	err := pgx.BeginTxFunc(ctx, pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		_, _, err := search.Find(ctx, tx)
		return err
	})
	require.NoError(b, err)
}

package db_test

import (
	"context"
	"sort"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/replica"
)

// script is SQL that takes flags through about everything that can happen to them; each entry is one transaction.
var script = []string{
	`INSERT INTO features (name, project, description) VALUES ('a', 'default', 'first'), ('b', 'default', NULL)`,
	`INSERT INTO feature_environments (feature, environment, enabled) VALUES ('a', 'development', true), ('b', 'production', true)`,
	`INSERT INTO feature_strategies (id, feature, environment, strategy_name, parameters, sort_order) VALUES
		('s1', 'a', 'development', 'flexibleRollout', '{"rollout": "50", "stickiness": "default", "groupId": "a"}', 2),
		('s2', 'a', 'development', 'default', '{}', 1)`,
	`INSERT INTO segments (id, name, constraints) VALUES (7, 'beta', '[{"contextName": "userId", "operator": "IN", "values": ["1"]}]'), (3, 'staff', '[]')`,
	`INSERT INTO feature_strategy_segments VALUES ('s1', 7), ('s1', 3)`,
	`UPDATE segments SET constraints = '[{"contextName": "userId", "operator": "NOT_IN", "values": ["1"]}]' WHERE id = 7`,
	`UPDATE feature_strategies SET disabled = true WHERE id = 's2'`,
	`INSERT INTO feature_dependencies (child, parent, variants) VALUES ('b', 'a', '["blue"]')`,
	`INSERT INTO tags (type, value) VALUES ('simple', 'team-a'); INSERT INTO feature_tags (feature, type, value) VALUES ('b', 'simple', 'team-a')`,
	`INSERT INTO projects (id, name) VALUES ('other', 'Other')`,
	`UPDATE features SET project = 'other' WHERE name = 'b'`,
	`INSERT INTO project_environments (project, environment) VALUES ('other', 'production')`,
	`UPDATE features SET name = 'b2' WHERE name = 'b'`,
	`INSERT INTO environments (name, type) VALUES ('staging', 'test')`,
	`INSERT INTO project_environments (project, environment) VALUES ('default', 'staging')`,
	`INSERT INTO feature_environments (feature, environment, enabled, variants) VALUES ('a', 'staging', true, '[{"name": "blue", "weight": 1000}]')`,
	`UPDATE environments SET name = 'stage' WHERE name = 'staging'`,
	`DELETE FROM project_environments WHERE project = 'default' AND environment = 'development'`,
	`DELETE FROM environments WHERE name = 'production'; INSERT INTO environments (name, type) VALUES ('production', 'production')`,
	`UPDATE projects SET archived_at = now() WHERE id = 'other'`,
	`UPDATE projects SET archived_at = NULL WHERE id = 'other'`,
	`UPDATE features SET archived_at = now() WHERE name = 'b2'`,
	`DELETE FROM features WHERE name = 'b2'`,
	`DELETE FROM feature_strategies WHERE id = 's1'; DELETE FROM segments WHERE id = 3`,
	`INSERT INTO features (name, project) SELECT 'bulk-' || n, 'default' FROM generate_series(1, 300) n`,
	`INSERT INTO features (name, project) SELECT 'many-' || n, 'default' FROM generate_series(1, 1100) n`, // a resync row
	`DELETE FROM environments WHERE name = 'stage'`,
}

// After every transaction, what was pieced together from changes equals what a fresh reader sees.
func TestChangesAddUpToTheStateInTheDatabase(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	s := newSink(t)
	follow(t, changeLogOf(d, d.DSN), s)
	for _, statement := range script {
		run(t, d, statement)
		s.awaitRevision(head(t, d))
		require.Equal(t, truth(t, d.DSN), s.state(), statement)
	}
	require.Len(t, s.resets, 2, "the first and that of the resync row")
}

// Reading all at once what happened meanwhile ends in the same state as reading each change.
func TestChangesReadTogetherAddUpToTheStateInTheDatabase(t *testing.T) {
	t.Parallel()
	for _, from := range []int{0, 4, 9, 13, 18, 21} {
		t.Run("From"+strconv.Itoa(from), func(t *testing.T) {
			t.Parallel()
			d := dbtest.New(t)
			for _, statement := range script[:from] {
				run(t, d, statement)
			}
			s := newSink(t)
			gate := newProxy(t, d.DSN)
			follow(t, changeLogOf(d, gate.DSN()), s)
			gate.Refuse()
			for _, statement := range script[from:] {
				run(t, d, statement)
			}
			gate.Accept()
			s.awaitRevision(head(t, d))
			require.Equal(t, truth(t, d.DSN), s.state())
		})
	}
}

func TestWatchersHearBeforeTheSink(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	changeLog := changeLogOf(d, d.DSN)
	var heard []string
	changeLog.Watch(replica.KindToken, func(rows []replica.Row) {
		if rows == nil {
			heard = append(heard, "everything")
		}
		for _, row := range rows {
			heard = append(heard, "token "+row.Entity)
		}
	})
	s := newSink(t)
	s.onApply = func(replica.Delta) { heard = append(heard, "apply") }
	follow(t, changeLog, s)
	run(t, d, `INSERT INTO api_tokens (secret_hash, name, kind, environment) VALUES (sha256('x'), 'mine', 'client', 'development')`)
	s.awaitRevision(head(t, d))
	run(t, d, `INSERT INTO features (name, project) VALUES ('a', 'default')`)
	s.awaitRevision(head(t, d))
	run(t, d, `SELECT change_log_resync()`)
	s.awaitRevision(head(t, d))

	s.mu.Lock()
	defer s.mu.Unlock()
	require.Equal(t, []string{"everything", "token 1", "apply", "apply", "everything"}, heard)
}

func TestChangeOfManyRowsIsReadAsAWhole(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	s := newSink(t)
	gate := newProxy(t, d.DSN)
	follow(t, changeLogOf(d, gate.DSN()), s)
	gate.Refuse()
	for n := range 6 { // 900 rows each, so that none is a resync row
		run(t, d, `INSERT INTO features (name, project) SELECT 'flag-`+string(rune('a'+n))+`' || n, 'default' FROM generate_series(1, 900) n`)
	}
	gate.Accept()
	s.awaitRevision(head(t, d))
	require.Len(t, s.resets, 2)
	require.False(t, s.resets[1].Forked)
	require.Equal(t, truth(t, d.DSN), s.state())
}

func changeLogOf(d *dbtest.Database, url string) *db.ChangeLog {
	return db.NewChangeLog(d.Pool, db.ChangeLogConfig{URL: url, Logger: quiet()})
}

func run(t testing.TB, d *dbtest.Database, sql string) {
	t.Helper()
	_, err := d.Pool.Exec(t.Context(), sql, pgx.QueryExecModeSimpleProtocol) // several statements are one transaction
	require.NoError(t, err, sql)
}

func head(t testing.TB, d *dbtest.Database) (revision int64) {
	t.Helper()
	require.NoError(t, d.Pool.QueryRow(t.Context(), "SELECT coalesce(max(revision), 0) FROM change_log").Scan(&revision))
	return revision
}

// BenchmarkCommitToApply is the time from the return of COMMIT on one connection until the Sink has the change.
func BenchmarkCommitToApply(b *testing.B) {
	d := dbtest.New(b)
	_, err := d.Pool.Exec(b.Context(), `
		INSERT INTO features (name, project) SELECT 'flag-' || n, 'default' FROM generate_series(1, 1000) n;
		INSERT INTO feature_environments (feature, environment) SELECT 'flag-' || n, 'development' FROM generate_series(1, 1000) n;
		INSERT INTO feature_strategies (id, feature, environment, strategy_name) SELECT n::text, 'flag-' || n, 'development', 'default' FROM generate_series(1, 1000) n;
		ANALYZE`, pgx.QueryExecModeSimpleProtocol)
	require.NoError(b, err)
	s := newSink(b)
	s.forgetful = true
	applied := make(chan time.Time, 1)
	s.onApply = func(replica.Delta) { applied <- time.Now() }
	changeLog := changeLogOf(d, d.DSN)
	follow(b, changeLog, s)
	conn, err := d.Pool.Acquire(context.Background())
	require.NoError(b, err)
	defer conn.Release()

	var took []time.Duration
	for b.Loop() {
		_, err := conn.Exec(b.Context(), `UPDATE feature_environments SET enabled = NOT enabled WHERE feature = 'flag-500' AND environment = 'development'`)
		committed := time.Now()
		require.NoError(b, err)
		took = append(took, max(0, (<-applied).Sub(committed)))
	}
	sort.Slice(took, func(i, j int) bool { return took[i] < took[j] })
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkSnapshot is the time from Run until the Sink has everything: 10,000 flags with a strategy in two environments.
func BenchmarkSnapshot(b *testing.B) {
	d := dbtest.New(b)
	require.NoError(b, dbtest.Writers{Flags: 10_000}.Create(b.Context(), d))
	run := func() {
		s := newSink(b)
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- changeLogOf(d, d.DSN).Run(ctx, s) }()
		s.await("the first Reset", func() bool { return len(s.resets) > 0 })
		cancel()
		require.NoError(b, <-ended)
	}
	_, err := d.Pool.Exec(b.Context(), "ANALYZE")
	require.NoError(b, err)
	for b.Loop() {
		run()
	}
}

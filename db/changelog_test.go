package db_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/db/postgres"
)

// triggerFixture is what the statements below act on.
const triggerFixture = `
	INSERT INTO environments (name, type) VALUES ('staging', 'test');
	INSERT INTO projects (id, name) VALUES ('other', 'Other'), ('empty', 'Empty');
	INSERT INTO project_environments (project, environment) VALUES ('other', 'production');
	INSERT INTO features (name, project) VALUES ('flag', 'default'), ('parent', 'default'), ('gone', 'other');
	INSERT INTO feature_environments (feature, environment, enabled) VALUES ('flag', 'development', true);
	INSERT INTO feature_strategies (id, feature, environment, strategy_name) VALUES ('s1', 'flag', 'development', 'default'), ('s2', 'parent', 'production', 'default');
	INSERT INTO segments (id, name) VALUES (1, 'beta'), (2, 'unused');
	INSERT INTO feature_strategy_segments (strategy_id, segment_id) VALUES ('s1', 1);
	INSERT INTO feature_dependencies (child, parent) VALUES ('flag', 'parent');
	INSERT INTO tags (type, value) VALUES ('simple', 'blue'), ('simple', 'green');
	INSERT INTO feature_tags (feature, type, value) VALUES ('flag', 'simple', 'blue');
	INSERT INTO api_tokens (secret_hash, name, kind, environment) VALUES (sha256('1'), 'mine', 'client', 'staging');
	INSERT INTO api_token_projects (token_id, project) VALUES (1, 'empty');
	INSERT INTO settings (name, content) VALUES ('theme', '1');
	INSERT INTO feature_last_seen (feature, environment, last_seen_at) VALUES ('flag', 'development', now());
`

// triggerCases says for statements which rows they leave in the log: kind, entity, project, environment ("-" for NULL).
var triggerCases = []struct {
	sql  string
	rows []string
}{
	// Flags.
	{`INSERT INTO features (name, project) VALUES ('new', 'default')`, []string{"feature new default -"}},
	{`DELETE FROM features WHERE name = 'gone'`, []string{"feature gone other -"}},
	{`UPDATE features SET description = 'x' WHERE name = 'flag'`, []string{"feature flag default -"}},
	{`UPDATE features SET description = NULL WHERE name = 'flag'`, nil},
	{`UPDATE features SET type = 'experiment' WHERE name = 'flag'`, []string{"feature flag default -"}},
	{`UPDATE features SET stale = true WHERE name = 'flag'`, []string{"feature flag default -"}},
	{`UPDATE features SET impression_data = true WHERE name = 'flag'`, []string{"feature flag default -"}},
	{`UPDATE features SET archived_at = now() WHERE name = 'flag'`, []string{"feature flag default -"}},
	{`UPDATE features SET project = 'other' WHERE name = 'flag'`, []string{"feature flag default -", "feature flag other -"}},
	{`UPDATE features SET potentially_stale = true, created_by = 'x', created_by_user_id = 1, created_at = now() + '1 s' WHERE name = 'flag'`, nil},
	{`UPDATE features SET name = 'renamed' WHERE name = 'flag'`, []string{
		"feature flag default -", "feature renamed default -", "feature flag - development", "feature renamed - development", "feature flag - -", "feature renamed - -",
	}},
	{`DELETE FROM features WHERE name = 'flag'`, []string{"feature flag default -", "feature flag - development", "feature flag - -"}},
	// Flags in environments.
	{`INSERT INTO feature_environments (feature, environment) VALUES ('flag', 'production')`, []string{"feature flag - production"}},
	{`UPDATE feature_environments SET enabled = NOT enabled`, []string{"feature flag - development"}},
	{`UPDATE feature_environments SET enabled = enabled`, nil},
	{`UPDATE feature_environments SET variants = '[{"name": "a", "weight": 1}]'`, []string{"feature flag - development"}},
	{`UPDATE feature_environments SET environment = 'staging'`, []string{"feature flag - development", "feature flag - staging"}},
	{`DELETE FROM feature_environments`, []string{"feature flag - development"}},
	// Strategies.
	{`INSERT INTO feature_strategies (id, feature, environment, strategy_name) VALUES ('s3', 'flag', 'production', 'default')`, []string{"feature flag - production"}},
	{`UPDATE feature_strategies SET title = 'x' WHERE id = 's1'`, nil},
	{`UPDATE feature_strategies SET parameters = '{"a": "b"}' WHERE id = 's1'`, []string{"feature flag - development"}},
	{`UPDATE feature_strategies SET constraints = '[{}]' WHERE id = 's1'`, []string{"feature flag - development"}},
	{`UPDATE feature_strategies SET variants = '[{}]' WHERE id = 's1'`, []string{"feature flag - development"}},
	{`UPDATE feature_strategies SET disabled = true WHERE id = 's1'`, []string{"feature flag - development"}},
	{`UPDATE feature_strategies SET sort_order = 1 WHERE id = 's1'`, []string{"feature flag - development"}},
	{`UPDATE feature_strategies SET created_at = now() + '1 s' WHERE id = 's1'`, []string{"feature flag - development"}},
	{`UPDATE feature_strategies SET strategy_name = 'userWithId' WHERE id = 's1'`, []string{"feature flag - development"}},
	{`UPDATE feature_strategies SET feature = 'parent', environment = 'production' WHERE id = 's1'`, []string{"feature flag - development", "feature parent - production"}},
	{`UPDATE feature_strategies SET sort_order = 7`, []string{"feature flag - development", "feature parent - production"}},
	{`DELETE FROM feature_strategies WHERE id = 's1'`, []string{"feature flag - development"}},
	{`UPDATE strategy_types SET name = 'standard' WHERE name = 'default'`, []string{"feature flag - development", "feature parent - production"}},
	{`UPDATE strategy_types SET description = 'x'`, nil},
	// Segments.
	{`INSERT INTO segments (id, name) VALUES (9, 'new')`, []string{"segment 9 - -"}},
	{`UPDATE segments SET name = 'renamed' WHERE id = 1`, []string{"segment 1 - -"}},
	{`UPDATE segments SET constraints = '[{}]' WHERE id = 1`, []string{"segment 1 - -"}},
	{`UPDATE segments SET description = 'x', project = 'other', created_by = 'x' WHERE id = 1`, nil},
	{`DELETE FROM segments WHERE id = 2`, []string{"segment 2 - -"}},
	{`INSERT INTO feature_strategy_segments VALUES ('s2', 1)`, []string{"feature parent - production"}},
	{`UPDATE feature_strategy_segments SET strategy_id = 's2'`, []string{"feature flag - development", "feature parent - production"}},
	{`DELETE FROM feature_strategy_segments`, []string{"feature flag - development"}},
	// Dependencies and tags.
	{`INSERT INTO feature_dependencies (child, parent) VALUES ('gone', 'flag')`, []string{"feature gone - -"}},
	{`UPDATE feature_dependencies SET enabled = false`, []string{"feature flag - -"}},
	{`UPDATE feature_dependencies SET child = 'gone'`, []string{"feature flag - -", "feature gone - -"}},
	{`DELETE FROM feature_dependencies`, []string{"feature flag - -"}},
	{`INSERT INTO feature_tags (feature, type, value) VALUES ('parent', 'simple', 'green')`, []string{"feature parent - -"}},
	{`UPDATE feature_tags SET value = 'green'`, []string{"feature flag - -"}},
	{`DELETE FROM feature_tags`, []string{"feature flag - -"}},
	{`DELETE FROM tag_types WHERE name = 'simple'`, []string{"feature flag - -"}},
	{`UPDATE tag_types SET description = 'x'`, nil},
	{`INSERT INTO tags (type, value) VALUES ('simple', 'new')`, nil},
	// Projects and environments.
	{`INSERT INTO projects (id, name) VALUES ('new', 'New')`, nil},
	{`UPDATE projects SET name = 'x', description = 'x', mode = 'private', default_stickiness = 'x', feature_limit = 9, updated_at = now() + '1 s' WHERE id = 'other'`, nil},
	{`UPDATE projects SET archived_at = now() WHERE id = 'other'`, []string{"project other other -"}},
	{`UPDATE projects SET archived_at = NULL`, nil},
	{`UPDATE projects SET id = 'void' WHERE id = 'empty'`, []string{"project empty empty -", "project void void -", "token 1 - -"}},
	{`DELETE FROM projects WHERE id = 'empty'`, []string{"project empty empty -", "token 1 - -"}},
	{`INSERT INTO project_environments (project, environment) VALUES ('other', 'staging')`, []string{"project-environment other other staging"}},
	{`UPDATE project_environments SET default_strategy = '{}'`, nil},
	{`UPDATE project_environments SET environment = 'staging' WHERE project = 'other'`, []string{
		"project-environment other other production", "project-environment other other staging",
	}},
	{`DELETE FROM project_environments WHERE project = 'other'`, []string{"project-environment other other production"}},
	{`INSERT INTO environments (name, type) VALUES ('new', 'test')`, []string{"environment new - new"}},
	{`UPDATE environments SET type = 'x', sort_order = 1, enabled = false, protected = true, required_approvals = 1`, nil},
	{`UPDATE environments SET name = 'stage' WHERE name = 'staging'`, []string{
		"environment staging - staging", "environment stage - stage", "token 1 - staging", "token 1 - stage",
	}},
	{`DELETE FROM environments WHERE name = 'staging'`, []string{"environment staging - staging", "token 1 - staging", "token 1 - -"}},
	{`DELETE FROM environments WHERE name = 'development'`, []string{
		"environment development - development", "project-environment default default development", "feature flag - development",
	}},
	// Tokens and settings.
	{`INSERT INTO api_tokens (secret_hash, name, kind, all_projects) VALUES (sha256('2'), 'root', 'admin', true)`, []string{"token 2 - -"}},
	{`UPDATE api_tokens SET expires_at = now()`, []string{"token 1 - staging"}},
	{`UPDATE api_tokens SET all_projects = true`, []string{"token 1 - staging"}},
	{`UPDATE api_tokens SET alias = 'x'`, []string{"token 1 - staging"}},
	{`UPDATE api_tokens SET name = 'x', secret = 'x', created_by_user_id = 1`, nil},
	{`INSERT INTO api_token_projects (token_id, project) VALUES (1, 'other')`, []string{"token 1 - -"}},
	{`DELETE FROM api_token_projects`, []string{"token 1 - -"}},
	{`DELETE FROM api_tokens`, []string{"token 1 - staging", "token 1 - -"}},
	{`INSERT INTO settings (name, content) VALUES ('new', '1')`, []string{"setting new - -"}},
	{`UPDATE settings SET content = '2'`, []string{"setting theme - -"}},
	{`UPDATE settings SET updated_at = now() + '1 s'`, nil},
	{`DELETE FROM settings`, []string{"setting theme - -"}},
	// What SDKs report, and what only people see.
	{`UPDATE feature_last_seen SET last_seen_at = now() + '1 s'`, nil},
	{`INSERT INTO api_token_last_seen (token_id, last_seen_at) VALUES (1, now())`, nil},
	{`INSERT INTO client_metrics (feature, app_name, environment, hour, yes) VALUES ('flag', 'app', 'development', now(), 1)`, nil},
	{`INSERT INTO client_metrics_variants (feature, app_name, environment, hour, variant) VALUES ('flag', 'app', 'development', now(), 'a')`, nil},
	{`INSERT INTO client_applications (app_name) VALUES ('app')`, nil},
	{`INSERT INTO client_instances (app_name, instance_id, environment) VALUES ('app', '1', 'development')`, nil},
	{`INSERT INTO events (type, created_by) VALUES ('feature-created', 'x')`, nil},
	{`UPDATE context_fields SET description = 'x'`, nil},
	{`UPDATE feature_types SET lifetime_days = 3`, nil},
	// Everything at once.
	{`TRUNCATE features CASCADE`, []string{"resync * - -"}},
	{`TRUNCATE feature_environments`, []string{"resync * - -"}},
	{`TRUNCATE feature_strategies CASCADE`, []string{"resync * - -"}},
	{`TRUNCATE feature_strategy_segments`, []string{"resync * - -"}},
	{`TRUNCATE segments CASCADE`, []string{"resync * - -"}},
	{`TRUNCATE feature_dependencies`, []string{"resync * - -"}},
	{`TRUNCATE feature_tags`, []string{"resync * - -"}},
	{`TRUNCATE project_environments`, []string{"resync * - -"}},
	{`TRUNCATE projects CASCADE`, []string{"resync * - -"}},
	{`TRUNCATE environments CASCADE`, []string{"resync * - -"}},
	{`TRUNCATE api_tokens CASCADE`, []string{"resync * - -"}},
	{`TRUNCATE api_token_projects`, []string{"resync * - -"}},
	{`TRUNCATE settings`, []string{"resync * - -"}},
	{`TRUNCATE feature_last_seen, client_metrics, events`, nil},
	{`SELECT change_log_resync()`, []string{"resync * - -"}},
	// One row an entity and transaction.
	{`UPDATE feature_environments SET enabled = NOT enabled; UPDATE feature_strategies SET sort_order = 3 WHERE id = 's1'; UPDATE feature_environments SET enabled = NOT enabled`, []string{"feature flag - development"}},
	{`DO $$ BEGIN FOR n IN 1..1500 LOOP UPDATE feature_environments SET enabled = NOT enabled; END LOOP; END $$`, []string{"feature flag - development"}},
	{`INSERT INTO features (name, project) VALUES ('brief', 'default'); DELETE FROM features WHERE name = 'brief'`, []string{"feature brief default -"}},
	{`SAVEPOINT a; UPDATE features SET stale = true WHERE name = 'flag'; ROLLBACK TO a; UPDATE features SET stale = true WHERE name = 'parent'`, []string{"feature parent default -"}},
}

func TestStatementsLeaveRowsInTheChangeLog(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	run(t, d, triggerFixture)
	before := head(t, d)
	for _, c := range triggerCases {
		t.Run(c.sql, func(t *testing.T) {
			tx, err := d.Pool.Begin(t.Context())
			require.NoError(t, err)
			defer func() { require.NoError(t, tx.Rollback(context.Background())) }()
			// The triggers run as they would at commit, and then all is undone for the next case.
			_, err = tx.Exec(t.Context(), c.sql+`; SET CONSTRAINTS ALL IMMEDIATE`, pgx.QueryExecModeSimpleProtocol)
			require.NoError(t, err)
			require.ElementsMatch(t, c.rows, logText(t, tx, before))
		})
	}
}

func TestTransactionOfMoreThanThousandRowsIsAnnouncedAsOne(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	before := head(t, d)
	run(t, d, `INSERT INTO features (name, project) SELECT 'flag-' || n, 'default' FROM generate_series(1, 1200) n;
		INSERT INTO settings (name, content) VALUES ('theme', '1')`)
	rows := logText(t, d.Pool, before)
	require.Len(t, rows, 1002)
	require.Equal(t, []string{"resync * - -", "setting theme - -"}, rows[1000:], "settings are always written out")
}

func TestRolledBackTransactionLeavesNothing(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	before := head(t, d)
	_, err := d.Pool.Exec(t.Context(), `BEGIN; INSERT INTO features (name, project) VALUES ('a', 'default'); SET CONSTRAINTS ALL IMMEDIATE; ROLLBACK`, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	require.Empty(t, logText(t, d.Pool, before))
}

func TestRowsOfOneTransactionShareAMark(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	before := head(t, d)
	run(t, d, `INSERT INTO features (name, project) VALUES ('a', 'default'), ('b', 'default')`)
	run(t, d, `INSERT INTO features (name, project) VALUES ('c', 'default')`)
	var marks []int
	rows, err := d.Pool.Query(t.Context(), `SELECT count(*) FROM change_log WHERE revision > $1 GROUP BY mark ORDER BY min(revision)`, before)
	require.NoError(t, err)
	marks, err = pgx.CollectRows(rows, pgx.RowTo[int])
	require.NoError(t, err)
	require.Equal(t, []int{2, 1}, marks)
}

// A reader that has seen a revision must never see a lower one appear.
func TestRevisionsAppearInRisingOrder(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	run(t, d, `INSERT INTO features (name, project) SELECT 'flag-' || n, 'default' FROM generate_series(1, 8) n;
		INSERT INTO feature_environments (feature, environment) SELECT 'flag-' || n, 'development' FROM generate_series(1, 8) n`)
	var writers sync.WaitGroup
	for n := range 8 {
		writers.Go(func() {
			for range 40 {
				_, err := d.Pool.Exec(t.Context(), `UPDATE feature_environments SET enabled = NOT enabled WHERE feature = $1`, fmt.Sprintf("flag-%d", n+1))
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() { defer close(ended); writers.Wait() }()

	seen := map[int64]bool{}
	var last int64
	for more := true; more; {
		select {
		case <-ended:
			more = false
		default:
		}
		rows, err := d.Pool.Query(t.Context(), "SELECT revision FROM change_log ORDER BY revision")
		require.NoError(t, err)
		revisions, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		require.NoError(t, err)
		for _, revision := range revisions {
			require.True(t, seen[revision] || revision > last, "revision %d appeared after %d", revision, last)
			seen[revision] = true
		}
		last = revisions[len(revisions)-1]
	}
	require.GreaterOrEqual(t, len(seen), 320)
}

// A role without rights on the log still cannot change a flag unnoticed.
func TestRoleWithoutRightsOnTheLogIsLogged(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	before := head(t, d)
	_, err := d.Pool.Exec(t.Context(), `BEGIN;
		CREATE ROLE pennon_test_writer;
		GRANT INSERT ON features TO pennon_test_writer;
		SET LOCAL ROLE pennon_test_writer;
		INSERT INTO features (name, project) VALUES ('a', 'default');
		SET CONSTRAINTS ALL IMMEDIATE;
		RESET ROLE;
		REVOKE ALL ON features FROM pennon_test_writer;
		DROP ROLE pennon_test_writer;
		COMMIT`, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	require.Equal(t, []string{"feature a default -"}, logText(t, d.Pool, before))
}

func TestMigrationsDownAndUpAgainMakeTheSameSchema(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	first := dump(t, d)
	require.NoError(t, db.MigrateDown(t.Context(), d.DSN, 0))
	var left int
	require.NoError(t, d.Pool.QueryRow(t.Context(), `SELECT
		(SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'v') AND relname <> 'schema_migrations')
		+ (SELECT count(*) FROM pg_proc WHERE pronamespace = 'public'::regnamespace)`).Scan(&left))
	require.Zero(t, left, "down migrations leave tables, sequences or functions behind")
	require.NoError(t, db.Migrate(t.Context(), d.DSN, quiet()))
	require.Equal(t, first, dump(t, d))
}

// dump is the schema as pg_dump prints it, without what differs from run to run.
func dump(t *testing.T, d *dbtest.Database) string {
	t.Helper()
	binaries, err := postgres.FindBinaries(t.Context(), "", quiet())
	require.NoError(t, err)
	out, err := exec.CommandContext(t.Context(), filepath.Join(binaries.Dir(), "pg_dump"), "-s", d.DSN).Output()
	require.NoError(t, err)
	return regexp.MustCompile(`(?m)^\\(un)?restrict .*$`).ReplaceAllString(string(out), "")
}

type querier interface {
	Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error)
}

// logText is what the log holds after a revision, as in triggerCases.
func logText(t *testing.T, q querier, after int64) []string {
	t.Helper()
	rows, err := q.Query(t.Context(), `SELECT concat_ws(' ', kind, entity, coalesce(project, '-'), coalesce(environment, '-'))
		FROM change_log WHERE revision > $1 ORDER BY revision`, after)
	require.NoError(t, err)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return texts
}

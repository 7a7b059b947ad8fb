package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/token"
)

// world is something of everything that paths and bodies can name, so that bad requests get as far as they can.
type world struct {
	project, environment, flag, parent, other, strategy, segment, tokenName, token, contextField, strategyType, tagType, banner string

	emptyProject, projectField string
}

// newWorld makes a world with plain SQL.
func newWorld(t *testing.T, database *dbtest.Database, n int) *world {
	t.Helper()
	name := func(of string) string { return fmt.Sprintf("%s-%d", of, n) }
	w := &world{
		project: name("project"), environment: name("environment"), flag: name("flag"), parent: name("parent"), other: name("other"), strategy: name("strategy"),
		emptyProject: name("empty"), projectField: name("project-field"),
		tokenName: name("token"), contextField: name("field"), strategyType: name("type"), tagType: name("tags"),
	}
	w.token = w.project + ":" + w.environment + "." + strings.Repeat("0", 40) + fmt.Sprint(n)
	hash := token.Hash(w.token)
	var batch pgx.Batch // and so one transaction
	// One world at a time: environments are few, and what is there is hashed at every step.
	for _, statement := range []string{
		`DELETE FROM banners`, `DELETE FROM feature_dependencies`, `DELETE FROM features`, `DELETE FROM context_fields WHERE project IS NOT NULL`,
		`DELETE FROM environments WHERE name LIKE 'environment-%' OR name LIKE 'made-%'`, `DELETE FROM segments`,
		`DELETE FROM projects WHERE id <> 'default'`, `DELETE FROM api_tokens WHERE name LIKE 'token-%' OR name LIKE 'made-%'`,
	} {
		batch.Queue(statement)
	}
	for _, insert := range []struct {
		sql  string
		args []any
	}{
		{`INSERT INTO projects (id, name) SELECT id, id FROM unnest($1::text[]) AS id`, []any{[]string{w.project, w.emptyProject}}},
		{`INSERT INTO environments (name, type) VALUES ($1, 'development')`, []any{w.environment}},
		{`INSERT INTO project_environments (project, environment) VALUES ($1, $2)`, []any{w.project, w.environment}},
		{`INSERT INTO features (name, project) SELECT unnest($1::text[]), $2`, []any{[]string{w.flag, w.parent, w.other}, w.project}},
		{`INSERT INTO feature_dependencies (child, parent) VALUES ($1, $2)`, []any{w.flag, w.parent}},
		{`INSERT INTO feature_environments (feature, environment, enabled) VALUES ($1, $2, true)`, []any{w.flag, w.environment}},
		{
			`INSERT INTO feature_strategies (id, feature, environment, strategy_name, parameters) VALUES ($1, $2, $3, 'flexibleRollout', '{"rollout":"50","stickiness":"default","groupId":"g"}')`,
			[]any{w.strategy, w.flag, w.environment},
		},
		{`INSERT INTO api_tokens (secret_hash, secret, name, kind, environment) VALUES ($1, $2, $3, 'client', $4)`, []any{hash[:], w.token, w.tokenName, w.environment}},
		{`INSERT INTO api_token_projects (token_id, project) SELECT id, $2 FROM api_tokens WHERE name = $1`, []any{w.tokenName, w.project}},
		{`INSERT INTO context_fields (name, project, legal_values) VALUES ($1, NULL, $3), ($2, $4, $3)`, []any{w.contextField, w.projectField, `[{"value":"value"}]`, w.project}},
		{`INSERT INTO strategy_types (name) VALUES ($1)`, []any{w.strategyType}},
		{`INSERT INTO tag_types (name) VALUES ($1)`, []any{w.tagType}},
		{`INSERT INTO tags (type, value) VALUES ($1, 'value')`, []any{w.tagType}},
		{`INSERT INTO feature_tags (feature, type, value) VALUES ($1, $2, 'value')`, []any{w.flag, w.tagType}},
	} {
		batch.Queue(insert.sql, insert.args...)
	}
	batch.Queue(`INSERT INTO banners (message) VALUES ('banner') RETURNING id::text`).QueryRow(func(row pgx.Row) error { return row.Scan(&w.banner) })
	batch.Queue(`INSERT INTO segments (name) VALUES ($1) RETURNING id::text`, name("segment")).QueryRow(func(row pgx.Row) error { return row.Scan(&w.segment) })
	require.NoError(t, database.Pool.SendBatch(t.Context(), &batch).Close())
	return w
}

// path fills in the parameters of a path.
func (w *world) path(path string) string {
	name := w.environment
	switch {
	case strings.Contains(path, "/api-tokens/"):
		name = w.tokenName
	case strings.Contains(path, "/strategies/"):
		name = w.strategyType
	case strings.Contains(path, "/tag-types/"):
		name = w.tagType
	}
	field, project := w.contextField, w.project
	if strings.HasPrefix(path, "/api/admin/projects/{projectId}/") {
		field = w.projectField
	}
	if strings.HasSuffix(path, "/projects/{projectId}") || strings.HasSuffix(path, "/archive/{projectId}") {
		project = w.emptyProject
	}
	id := w.segment
	if strings.Contains(path, "/banners/") {
		id = w.banner
	}
	if strings.Contains(path, "/feature-types/") {
		id = "release"
	}
	return strings.NewReplacer(
		"{projectId}", project, "{featureName}", w.flag, "{child}", w.flag, "{parent}", w.parent, "{environment}", w.environment,
		"{strategyId}", w.strategy, "{token}", w.token, "{contextField}", field, "{strategyName}", w.strategyType,
		"{type}", w.tagType, "{value}", "value", "{legalValue}", "value", "{name}", name, "{id}", id,
	).Replace(path)
}

// known are the values that mean something in the bodies for a path, by the name of the property. The first is the best.
func (w *world) known(path string, fresh func() string) map[string][]any {
	names := []any{fresh(), fresh(), w.flag, w.project, w.environment, "flexibleRollout"}
	types := []any{"release", "string", w.tagType, "client", "development"}
	environments := []any{w.environment, "development", fresh()}
	ids := []any{fresh(), w.strategy}
	switch {
	case strings.HasSuffix(path, "/set-sort-order"):
		ids = []any{w.strategy}
	case strings.Contains(path, "/api-tokens"):
		types = []any{"client", "frontend", "admin", "release"}
	case strings.HasPrefix(path, "/api/admin/strategies"):
	case strings.Contains(path, "strateg"):
		names = []any{"flexibleRollout", "default", w.strategyType, fresh()}
	case strings.Contains(path, "/tags"):
		types = []any{w.tagType, "simple"}
	case strings.HasSuffix(path, "/environments"):
		environments = []any{"development", w.environment}
	}
	return map[string][]any{
		"name": names, "newName": {fresh(), w.flag}, "id": ids, "tokenName": {fresh()}, "type": types,
		"feature": {w.other, w.parent, w.flag}, "featureName": {w.flag}, "features": {w.flag, w.other}, "project": {w.project, "default"},
		"projectId": {w.project, "default"}, "newProjectId": {"default", w.project}, "projects": {w.project, "default", "*"},
		"environment": environments, "environments": environments, "environmentId": {w.environment, "development"},
		"segments": {w.number()}, "segmentIds": {w.number()}, "strategyId": {w.strategy},
		"contextName": {"userId", w.contextField}, "operator": {"IN", "NUM_GT", "SEMVER_EQ", "DATE_AFTER", "REGEX"}, "strategyName": {"flexibleRollout"},
		"path": {"/0", "/name", "/description", "/0/weight", "/-", "/stale"}, "op": {"add", "remove", "replace", "test", "move", "copy"},
		"stickiness": {"default", "userId"}, "rollout": {"50"}, "weight": {1000, 500}, "weightType": {"variable", "fix"}, "value": {"5", "1.2.3"},
	}
}

func (w *world) number() int {
	n := 0
	_, _ = fmt.Sscan(w.segment, &n) // the database made it
	return n
}

// state is what requests can change: what SDKs see (flags), everything (rows), and how far the logs of both have come.
type state struct {
	flags, rows     string
	event, revision int64
}

// stateSQL hashes what there is. Usage and last-seen times are written later, by themselves, and not in it.
const stateSQL = `
WITH flags AS (SELECT md5(concat(
	(SELECT string_agg(concat_ws('|', name, project, type, description, stale, impression_data, archived_at IS NULL), ';' ORDER BY name) FROM features),
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM feature_environments t),
	(SELECT string_agg(concat_ws('|', id, feature, environment, strategy_name, disabled, sort_order, parameters, constraints, variants), ';' ORDER BY id) FROM feature_strategies),
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM feature_strategy_segments t),
	(SELECT string_agg(concat_ws('|', id, name, constraints), ';' ORDER BY id) FROM segments),
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM feature_dependencies t),
	(SELECT string_agg(concat_ws('|', feature, type, value), ';' ORDER BY feature, type, value) FROM feature_tags),
	(SELECT string_agg(concat_ws('|', project, environment), ';' ORDER BY project, environment) FROM project_environments)
)) AS hash)
SELECT flags.hash, md5(concat(flags.hash,
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM features t), (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM feature_strategies t),
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM segments t), (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM projects t),
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM environments t), (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM project_environments t),
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM api_tokens t), (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM api_token_projects t),
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM context_fields t), (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM strategy_types t),
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM tag_types t), (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM tags t),
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM feature_types t), (SELECT string_agg(t::text, ';' ORDER BY t::text) FROM settings t),
	(SELECT string_agg(t::text, ';' ORDER BY t::text) FROM banners t)
)), (SELECT coalesce(max(id), 0) FROM events), (SELECT coalesce(max(revision), 0) FROM change_log) FROM flags`

func readState(t *testing.T, database *dbtest.Database) (s state) {
	t.Helper()
	require.NoError(t, database.Pool.QueryRow(context.Background(), stateSQL).Scan(&s.flags, &s.rows, &s.event, &s.revision))
	return s
}

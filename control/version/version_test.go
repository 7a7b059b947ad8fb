package version_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/version"
	"github.com/pennonhq/pennon/db/dbtest"
)

func parameters(pairs map[string]string) func(string) string {
	return func(name string) string { return pairs[name] }
}

func TestVersion(t *testing.T) {
	t.Parallel()
	tx := dbtest.Tx(t)
	exec := func(sql string) {
		t.Helper()
		_, err := tx.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	flag := parameters(map[string]string{"projectId": "default", "featureName": "f1", "environment": "development"})
	read := func(r *version.Resource) string {
		t.Helper()
		hash, err := r.Read(t.Context(), tx, flag)
		require.NoError(t, err)
		locked, err := r.Lock(t.Context(), tx, flag)
		require.NoError(t, err)
		require.Equal(t, hash, locked)
		return hash
	}
	require.Empty(t, read(version.Flag), "what does not exist has no version")
	exec(`INSERT INTO features (name, project) VALUES ('f1', 'default')`)

	for _, c := range []struct {
		change                           string
		flag, state, variants, elsewhere bool // whose version it changes
	}{
		{`UPDATE features SET description = 'x'`, true, false, false, false},
		{`UPDATE features SET potentially_stale = true`, false, false, false, false},
		{`INSERT INTO feature_links (id, feature, url) VALUES ('l1', 'f1', 'https://example.com')`, true, false, false, false},
		{`INSERT INTO tag_types (name) VALUES ('team')`, false, false, false, false},
		{`INSERT INTO tags (type, value) VALUES ('team', 'blue')`, false, false, false, false},
		{`INSERT INTO feature_tags (feature, type, value) VALUES ('f1', 'team', 'blue')`, true, false, false, false},
		{`INSERT INTO features (name, project) VALUES ('parent', 'default')`, false, false, false, false},
		{`INSERT INTO feature_dependencies (child, parent) VALUES ('f1', 'parent')`, true, false, false, false},
		{`INSERT INTO feature_last_seen (feature, environment, last_seen_at) VALUES ('f1', 'development', now())`, false, false, false, false},
		{`INSERT INTO feature_environments (feature, environment) VALUES ('f1', 'development')`, false, true, true, false},
		{`UPDATE feature_environments SET enabled = true WHERE environment = 'development'`, false, true, false, false},
		{`UPDATE feature_environments SET variants = '[{"name":"v"}]' WHERE environment = 'development'`, false, true, true, false},
		{`INSERT INTO feature_strategies (id, feature, environment, strategy_name) VALUES ('s1', 'f1', 'development', 'default')`, false, true, false, false},
		{`INSERT INTO feature_strategies (id, feature, environment, strategy_name) VALUES ('s2', 'f1', 'production', 'default')`, false, false, false, true},
		{`INSERT INTO segments (id, name) VALUES (1, 's')`, false, false, false, false},
		{`INSERT INTO feature_strategy_segments (strategy_id, segment_id) VALUES ('s1', 1)`, false, true, false, false},
		{`UPDATE features SET archived_at = now()`, true, true, true, true},
	} {
		other := parameters(map[string]string{"projectId": "default", "featureName": "f1", "environment": "production"})
		all := func() [4]string {
			elsewhere, err := version.FlagEnvironment.Read(t.Context(), tx, other)
			require.NoError(t, err)
			return [4]string{read(version.Flag), read(version.FlagEnvironment), read(version.Variants), elsewhere}
		}
		before := all()
		exec(c.change)
		after := all()
		for i, want := range []bool{c.flag, c.state, c.variants, c.elsewhere} {
			require.Equal(t, want, before[i] != after[i], "%s: %d", c.change, i)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	tx := dbtest.Tx(b)
	for _, sql := range []string{
		`INSERT INTO features (name, project) SELECT 'f' || n, 'default' FROM generate_series(1, 10000) n`,
		`INSERT INTO feature_environments (feature, environment) SELECT name, 'development' FROM features`,
		`INSERT INTO feature_strategies (id, feature, environment, strategy_name) SELECT name, name, 'development', 'default' FROM features`,
		`ANALYZE`,
	} {
		_, err := tx.Exec(b.Context(), sql)
		require.NoError(b, err)
	}
	for name, r := range map[string]*version.Resource{"Flag": version.Flag, "FlagEnvironment": version.FlagEnvironment} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				_, err := r.Read(b.Context(), tx, parameters(map[string]string{"projectId": "default", "featureName": "f77", "environment": "development"}))
				require.NoError(b, err)
			}
		})
	}
}

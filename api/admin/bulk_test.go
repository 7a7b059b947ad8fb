package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// rows is a hash of every table's content.
func (s *server) rows(t *testing.T) map[string]string {
	t.Helper()
	tables, err := s.Pool.Query(t.Context(), `SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1`)
	require.NoError(t, err)
	names := []string{}
	for tables.Next() {
		var name string
		require.NoError(t, tables.Scan(&name))
		names = append(names, name)
	}
	require.NoError(t, tables.Err())
	content := map[string]string{}
	for _, name := range names {
		var hash string
		require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM `+name+` t`).Scan(&hash))
		content[name] = hash
	}
	return content
}

// TestBulkOperationsDoAllOrNothing lets every operation on several things fail at its last step: when the event about the
// last of them is written, all else having been done.
func TestBulkOperationsDoAllOrNothing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, name := range []string{"a", "b"} {
		s.must(t, "POST", fs, `{"name":"`+name+`"}`)
		s.must(t, "POST", fs+"/"+name+"/environments/development/on", "")
		s.must(t, "POST", fs, `{"name":"archived-`+name+`"}`)
		s.must(t, "DELETE", fs+"/archived-"+name, "")
	}
	s.must(t, "POST", "/projects", `{"id":"p2","name":"p2"}`)
	s.must(t, "POST", fs+"/b/environments/development/strategies", `{"name":"default"}`)
	ids := []string{}
	rows, err := s.Pool.Query(t.Context(), `SELECT id FROM feature_strategies WHERE feature = 'b' ORDER BY sort_order, created_at, id`)
	require.NoError(t, err)
	for rows.Next() {
		var id string
		require.NoError(t, rows.Scan(&id))
		ids = append(ids, id)
	}
	require.NoError(t, rows.Err())
	s.must(t, "POST", "/tags", `{"type":"simple","value":"vv"}`)
	document := s.must(t, "POST", "/features-batch/export", `{"features":["a","b"],"environment":"development"}`)

	s.sql(t, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		RAISE EXCEPTION 'refused' USING ERRCODE = 'check_violation'; END $$`)
	s.sql(t, `CREATE TRIGGER refuse BEFORE INSERT ON events FOR EACH ROW
		WHEN (NEW.feature IN ('b', 'archived-b', 'copied-b') OR NEW.feature IS NULL OR NEW.type = 'features-imported') EXECUTE FUNCTION refuse()`)
	for _, r := range [][3]string{
		{"POST", "/projects/default/archive", `{"features":["a","b"]}`},
		{"POST", "/projects/default/stale", `{"features":["a","b"],"stale":true}`},
		{"POST", "/projects/default/revive", `{"features":["archived-a","archived-b"]}`},
		{"POST", "/projects/default/delete", `{"features":["archived-a","archived-b"]}`},
		{"PUT", "/projects/default/tags", `{"features":["a","b"],"tags":{"addedTags":[{"type":"simple","value":"vv"}],"removedTags":[]}}`},
		{"POST", "/projects/default/bulk_features/environments/production/on", `{"features":["a","b"]}`},
		{"POST", "/projects/default/bulk_features/environments/development/off", `{"features":["a","b"]}`},
		{"POST", fs + "/b/environments/development/strategies/set-sort-order", `[{"id":"` + ids[0] + `","sortOrder":2},{"id":"` + ids[1] + `","sortOrder":1}]`},
		{"PUT", fs + "/b/variants-batch", `{"environments":["development","production"],"variants":[{"name":"v","weight":1000,"weightType":"variable","stickiness":"default"}]}`},
		{"POST", fs + "/b/environments/production/strategies/copy", `{"fromEnvironment":"development"}`},
		{"POST", fs + "/b/changeProject", `{"newProjectId":"p2"}`},
		{"POST", fs + "/a/clone", `{"name":"copied-b","project":"default"}`},
		{"PUT", "/features/b/tags", `{"addedTags":[{"type":"simple","value":"vv"}],"removedTags":[]}`},
		{"PUT", "/environments/sort-order", `{"development":5,"production":4}`},
		{"POST", "/environments/development/clone", `{"name":"copied","type":"test"}`},
		{"POST", "/features-batch/import", `{"project":"default","environment":"development","data":` + strings.ReplaceAll(document, `"description":null`, `"description":"new"`) + `}`},
	} {
		t.Run(r[0]+" "+r[1], func(t *testing.T) {
			before := s.rows(t)
			w := s.call(r[0], r[1], r[2])
			require.Equal(t, http.StatusBadRequest, w.Code, w.Body)
			require.Contains(t, w.Body.String(), "A value is out of bounds.", "it fails where it is meant to")
			require.Equal(t, before, s.rows(t))
		})
	}
}

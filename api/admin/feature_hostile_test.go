package admin_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// hostileBodies are sent to every operation that takes a body.
var hostileBodies = []string{
	`{bad`, ` `, `null`, `[]`, `{}`, `"x"`, `1`, `[null]`, `[1]`, `[[]]`, `{"a":1}{"b":2}`, "\xff\xfe", `{"name":"` + "\xff" + `"}`,
	`{"name":null}`, `{"name":1}`, `{"name":{}}`, `{"name":"\u0000"}`, `{"name":"\ud800"}`, `{"name":"a","description":"\u0000"}`,
	`{"name":"default","title":"\u0000"}`, `{"name":"default","parameters":{"\u0000":"x"}}`, `{"name":"default","parameters":{"a":"\u0000"}}`,
	`{"name":"default","parameters":[]}`, `{"name":"default","constraints":[null]}`, `{"name":"default","constraints":[{}]}`,
	`{"name":"default","constraints":[{"contextName":"\u0000","operator":"IN","values":["a"]}]}`,
	`{"name":"default","constraints":[{"contextName":"a","operator":"REGEX","value":"("}]}`,
	`{"name":"default","segments":["x"]}`, `{"name":"default","segments":[1.5]}`, `{"name":"default","segments":[99999999999]}`, `{"name":"default","segments":[-1]}`,
	`{"name":"default","sortOrder":1e30}`, `{"name":"default","sortOrder":-1}`, `{"name":"default","sortOrder":"x"}`, `{"name":"default","variants":[null]}`,
	`{"name":"default","variants":[{"name":"\u0000","weight":1,"weightType":"variable"}]}`, `{"name":"default","variants":[{"name":"a","weight":1e9}]}`,
	`{"features":null}`, `{"features":"x"}`, `{"features":[1]}`, `{"features":["\u0000"]}`, `{"features":["nope"],"stale":"maybe"}`, `{"feature":"\u0000"}`,
	`{"feature":"parent","variants":["\u0000"]}`, `{"newProjectId":"\u0000"}`, `{"newProjectId":7}`, `{"environments":["\u0000"],"variants":[]}`,
	`[{"name":"a","weight":-1}]`, `[{"name":"a","weight":0.5}]`, `[{"name":"a","weight":1,"payload":{"type":"x","value":"y"}}]`,
	`[{"name":"a","weight":1,"stickiness":"\u0000"}]`, `[{"name":"a","weight":1,"overrides":[{"contextName":"","values":[]}]}]`,
	`[{"id":"\u0000","sortOrder":1}]`, `[{"id":"x","sortOrder":1e300}]`,
	`[{"op":"replace","path":"","value":null}]`, `[{"op":"replace","path":"","value":[]}]`, `[{"op":"replace","path":"nope","value":1}]`, `[{"op":"nope","path":"/a"}]`,
	`[{"op":"add","path":"/description","value":"\u0000"}]`, `[{"op":"add","path":"/title","value":"\u0000"}]`, `[{"op":"test","path":"/name","value":"x"}]`,
	`[{"op":"move","from":"/nope","path":"/name"}]`, `[{"op":"copy","from":"","path":"/parameters/x"}]`, `[{"op":"remove","path":"/name"}]`, `[{"op":"remove","path":"/type"}]`,
	`[{"op":"replace","path":"/sortOrder","value":-5}]`, `[{"op":"replace","path":"/sortOrder","value":99999999999}]`, `[{"op":"replace","path":"/variants","value":[{"weight":-7}]}]`,
	`[{"op":"add","path":"/parameters/a","value":{"deep":[1]}}]`, `[{"op":"add","path":"/99999999999999999999","value":{}}]`, `[{"op":"add","path":"/-1","value":{}}]`,
	strings.Repeat(`[`, 20_000), `{"name":` + strings.Repeat(`[`, 9_000) + strings.Repeat(`]`, 9_000) + `}`, `{"name":"` + strings.Repeat("x", 200_000) + `"}`,
}

// hostileNames stand in for names in paths.
var hostileNames = []string{"%00", "%ff", "a%2Fb", "%2e%2e", "'%20OR%201=1--", "%F0%9F%98%80", strings.Repeat("x", 5000)}

func TestBadInputNeverFailsInsideNorLeavesAnythingBehind(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, http.MethodPost, fs, `{"name":"f1"}`)
	s.must(t, http.MethodPost, fs, `{"name":"f2"}`)
	s.must(t, http.MethodPost, fs, `{"name":"parent"}`)
	s.must(t, http.MethodPost, dev+"/on", "")
	var id string
	require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT id FROM feature_strategies`).Scan(&id))

	operations := []struct{ method, path string }{
		{"POST", fs},
		{"PUT", fs + "/f1"},
		{"PATCH", fs + "/f1"},
		{"POST", fs + "/f1/clone"},
		{"POST", "/features/validate"},
		{"POST", p + "/stale"},
		{"POST", p + "/archive"},
		{"POST", p + "/archive/validate"},
		{"POST", p + "/revive"},
		{"POST", p + "/delete"},
		{"POST", p + "/bulk_features/environments/development/on"},
		{"POST", p + "/bulk_features/environments/development/off"},
		{"POST", dev + "/strategies"},
		{"PUT", dev + "/strategies/" + id},
		{"PATCH", dev + "/strategies/" + id},
		{"POST", dev + "/strategies/set-sort-order"},
		{"PUT", dev + "/variants"},
		{"PATCH", dev + "/variants"},
		{"PUT", fs + "/f1/variants-batch"},
		{"POST", fs + "/f1/dependencies"},
		{"POST", fs + "/f1/changeProject"},
	}
	before := s.digest(t)
	for _, operation := range operations {
		for _, body := range hostileBodies {
			before = s.mustHold(t, before, operation.method, operation.path, body)
		}
		for _, name := range hostileNames {
			before = s.mustHold(t, before, operation.method, strings.Replace(operation.path, "f1", name, 1), `{"name":"default","features":[],"feature":"parent"}`)
			before = s.mustHold(t, before, operation.method, strings.Replace(operation.path, "development", name, 1), `{"name":"default","features":["f2"]}`)
			before = s.mustHold(t, before, operation.method, strings.Replace(operation.path, "default", name, 1), `{"name":"default","features":["f2"]}`)
		}
	}
	for _, path := range []string{fs, fs + "/f1", dev, dev + "/strategies", dev + "/strategies/" + id, dev + "/variants", fs + "/f1/parents", fs + "/f1/parent-variants", p + "/dependencies", "/archive/features/default"} {
		for _, name := range hostileNames {
			before = s.mustHold(t, before, "GET", strings.Replace(path, "f1", name, 1), "")
			before = s.mustHold(t, before, "GET", strings.Replace(path, "default", name, 1), "")
			before = s.mustHold(t, before, "DELETE", strings.Replace(path, "f1", name, 1), "")
		}
	}
	require.Empty(t, s.log.String(), "nothing may fail inside")
}

// mustHold sends a request that may be answered with anything but 5xx, and that changes something only when it is answered
// with success. It returns the new digest.
func (s *server) mustHold(t *testing.T, before, method, path, body string) string {
	t.Helper()
	w := s.call(method, path, body)
	shown := fmt.Sprintf("%s %.120s %.120s: %d %.300s", method, path, body, w.Code, w.Body)
	require.Less(t, w.Code, 500, shown)
	after := s.digest(t)
	if w.Code >= 400 {
		require.Equal(t, before, after, shown)
		require.Contains(t, w.Body.String(), `"message":`, shown)
	}
	return after
}

// digest sums up everything that a write could leave behind.
func (s *server) digest(t *testing.T) string {
	t.Helper()
	tables := []string{"features", "feature_environments", "feature_strategies", "feature_strategy_segments", "feature_dependencies", "feature_tags", "tags", "events", "change_log"}
	parts := make([]string, len(tables))
	for i, table := range tables {
		parts[i] = "(SELECT md5(coalesce(string_agg(r::text, '|' ORDER BY r::text), '')) FROM " + table + " r)"
	}
	var digest string
	require.NoError(t, s.Pool.QueryRow(t.Context(), "SELECT concat("+strings.Join(parts, ", ")+")").Scan(&digest))
	return digest
}

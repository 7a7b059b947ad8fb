package admin_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const noStrategy = "00000000-0000-0000-0000-000000000000"

func TestFeatureStrategies(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", fs, `{"name":"f1"}`)
	s.sql(t, `INSERT INTO segments (id, name, project) VALUES (1, 's1', NULL), (2, 's2', 'default')`)
	s.sql(t, `INSERT INTO projects (id, name) VALUES ('other', 'Other')`)
	s.sql(t, `INSERT INTO segments (id, name, project) VALUES (3, 's3', 'other')`)
	s.events(t)
	s.changes(t)
	const all = dev + "/strategies"
	const add, update = "feature-strategy-add default/f1/development", "feature-strategy-update default/f1/development"
	s.run(t, []step{
		{
			does: "adds one with everything", method: "POST", path: all, status: 200, save: "a", events: []string{add}, changes: []string{"feature f1 development"},
			body: `{"name":"flexibleRollout","parameters":{"rollout":50,"stickiness":"default","groupId":"f1","flag":true,"none":null},
				"constraints":[{"contextName":"userId","operator":"IN","values":["1","2"]}],"title":"T","segments":[2,1,2],
				"variants":[{"name":"a","weight":1000,"weightType":"variable","stickiness":"default","payload":{"type":"json","value":"{\"k\":1}"}}]}`,
			want: `~"name":"flexibleRollout","constraints":[{"values":["1","2"],"operator":"IN","contextName":"userId"}],"parameters":{"flag":"true","groupId":"f1","none":"","rollout":"50","stickiness":"default"},"variants":[{"name":"a","weight":1000,"weightType":"variable","stickiness":"default","payload":{"type":"json","value":"{\"k\":1}"}}],"segments":[1,2],"title":"T","disabled":false,"sortOrder":0}`,
		},
		{
			does: "fills in what a rollout needs", method: "POST", path: all, body: `{"name":"flexibleRollout"}`, status: 200, save: "b", events: []string{add},
			want: `~"constraints":[],"parameters":{"groupId":"f1","rollout":"100","stickiness":"default"},"variants":[],"segments":[],"title":null,"disabled":false,"sortOrder":1}`,
		},
		{
			does: "does not know the strategy type", method: "POST", path: all, body: `{"name":"nope"}`, status: 400, changes: []string{},
			want: problem("BadDataError", "Request validation failed: your request body or params contain invalid data: Could not find strategy type with name nope", "Could not find strategy type with name nope"),
		},
		{does: "refuses nested parameters", method: "POST", path: all, body: `{"name":"default","parameters":{"a":{"b":1}}}`, status: 400},
		{does: "refuses an unknown operator", method: "POST", path: all, body: `{"name":"default","constraints":[{"contextName":"x","operator":"BAD","values":[]}]}`, status: 400},
		{
			does: "refuses a number that is none", method: "POST", path: all, body: `{"name":"default","constraints":[{"contextName":"x","operator":"NUM_GT","value":"abc"}]}`, status: 400,
			want: problem("BadDataError", invalid, `"value" must be a number. You provided "abc".`),
		},
		{does: "refuses an unknown segment", method: "POST", path: all, body: `{"name":"default","segments":[9]}`, status: 404, want: `~No segment exists with ID \"9\"`, changes: []string{}},
		{does: "refuses another project's segment", method: "POST", path: all, body: `{"name":"default","segments":[3]}`, status: 404},
		{does: "refuses more than five segments", method: "POST", path: all, body: `{"name":"default","segments":[1,2,3,4,5,6]}`, status: 400, want: "~Strategies may not have more than 5 segments"},
		{does: "refuses a huge sort order", method: "POST", path: all, body: `{"name":"default","sortOrder":99999999999999999999}`, status: 400},
		{
			does: "needs a variable variant", method: "POST", path: all, status: 400,
			body: `{"name":"default","variants":[{"name":"a","weight":10,"weightType":"fix","stickiness":"default"}]}`,
			want: problem("BadDataError", `Request validation failed: your request body or params contain invalid data: There must be at least one "variable" variant`, `There must be at least one "variable" variant`),
		},
		{
			does: "normalises weights", method: "POST", path: all, status: 200, save: "c", events: []string{add},
			body: `{"name":"default","variants":[{"name":"a","weight":400,"weightType":"fix","stickiness":"default"},{"name":"b","weight":1,"weightType":"variable","stickiness":"default"}]}`,
			want: `~"variants":[{"name":"a","weight":400,"weightType":"fix","stickiness":"default"},{"name":"b","weight":600,"weightType":"variable","stickiness":"default"}]`,
		},
		{
			does: "refuses equal variants", method: "POST", path: all, status: 400,
			body: `{"name":"default","variants":[{"name":"a","weight":1,"weightType":"variable","stickiness":"default"},{"name":"a","weight":1,"weightType":"variable","stickiness":"default"}]}`,
			want: problem("BadDataError", invalid, `"[1]" contains a duplicate value. You provided {"name":"a","weight":1,"weightType":"variable","stickiness":"default"}.`),
		},
		{does: "gets one", method: "GET", path: all + "/{a}", status: 200, want: `~"id":"{a}","name":"flexibleRollout"`},
		{
			does: "does not find one", method: "GET", path: all + "/" + noStrategy, status: 404,
			want: problem("NotFoundError", "Could not find strategy with id: "+noStrategy),
		},
		{
			does: "does not find one of another environment", method: "PUT", path: prod + "/strategies/{a}", body: `{"name":"default"}`, status: 404,
			want: `~Could not find strategy with id={a}`,
		},
		{
			does: "patches a parameter", method: "PATCH", path: all + "/{a}", body: `[{"op":"replace","path":"/parameters/rollout","value":25}]`, status: 200,
			events: []string{update}, changes: []string{"feature f1 development"}, want: `~"parameters":{"flag":"true","groupId":"f1","none":"","rollout":"25","stickiness":"default"}`,
		},
		{does: "refuses a patch with a bad segment", method: "PATCH", path: all + "/{a}", body: `[{"op":"add","path":"/segments/-","value":9}]`, status: 404, changes: []string{}},
		{does: "refuses a patch of the wrong type", method: "PATCH", path: all + "/{a}", body: `[{"op":"replace","path":"/constraints","value":{}}]`, status: 400, changes: []string{}},
		{does: "does not announce a title", method: "PATCH", path: all + "/{a}", body: `[{"op":"replace","path":"/title","value":"U"}]`, status: 200, events: []string{update}, changes: []string{}},
		{
			does: "replaces one and keeps segments", method: "PUT", path: all + "/{a}", status: 200, events: []string{update}, changes: []string{"feature f1 development"},
			body: `{"name":"flexibleRollout","parameters":{"rollout":"100","stickiness":"userId","groupId":"g"},"constraints":[],"disabled":false,"title":"T2"}`,
			want: `{"id":"{a}","name":"flexibleRollout","title":"T2","disabled":false,"constraints":[],"parameters":{"groupId":"g","rollout":"100","stickiness":"userId"},"variants":[],"sortOrder":0,"segments":[1,2]}`,
		},
		{
			does: "leaves no trace of a replacement by the same", method: "PUT", path: all + "/{a}", status: 200, changes: []string{},
			body: `{"name":"flexibleRollout","parameters":{"rollout":"100","stickiness":"userId","groupId":"g"},"constraints":[],"disabled":false,"title":"T2"}`,
		},
		{
			does: "removes segments when told, and what a replacement leaves out", method: "PUT", path: all + "/{a}", body: `{"segments":[]}`, status: 200,
			events: []string{update}, changes: []string{"feature f1 development"},
			want: `{"id":"{a}","name":"flexibleRollout","title":"T2","disabled":false,"constraints":[],"parameters":{},"variants":[],"sortOrder":0,"segments":[]}`,
		},
		{
			does: "does not know the environment", method: "POST", path: fs + "/f1/environments/nope/strategies", body: `{"name":"default"}`, status: 400,
			want: "~You have not added the current environment to the project", changes: []string{},
		},
		{
			does: "reorders", method: "POST", path: all + "/set-sort-order", body: `[{"id":"{a}","sortOrder":5},{"id":"{c}","sortOrder":0}]`, status: 200,
			events: []string{"strategy-order-changed default/f1/development"}, changes: []string{"feature f1 development"},
		},
		{does: "reorders once", method: "POST", path: all + "/set-sort-order", body: `[{"id":"{a}","sortOrder":5}]`, status: 200, changes: []string{}},
		{does: "reorders all or none", method: "POST", path: all + "/set-sort-order", body: `[{"id":"{b}","sortOrder":9},{"id":"x","sortOrder":0}]`, status: 400, changes: []string{}},
		{does: "deletes one", method: "DELETE", path: all + "/{b}", status: 200, events: []string{"feature-strategy-remove default/f1/development"}, changes: []string{"feature f1 development"}},
		{does: "deletes one once", method: "DELETE", path: all + "/{b}", status: 404},
	})
}

func TestEventsHoldWhatAStrategyIsAndWas(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", fs, `{"name":"f1"}`)
	s.must(t, "POST", dev+"/on", "")
	var id string
	require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT id FROM feature_strategies`).Scan(&id))
	s.must(t, "PATCH", dev+"/strategies/"+id, `[{"op":"replace","path":"/parameters/rollout","value":"7"}]`)

	var data, preData, by string
	var user int
	require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT data::text, pre_data::text, created_by, created_by_user_id FROM events ORDER BY id DESC LIMIT 1`).
		Scan(&data, &preData, &by, &user))
	document := `{"id":"` + id + `","name":"flexibleRollout","title":null,"disabled":false,"constraints":[],"parameters":{"groupId":"f1","rollout":"%s","stickiness":"default"},"variants":[],"sortOrder":0,"segments":[]}`
	require.JSONEq(t, fmt.Sprintf(document, "7"), data)
	require.JSONEq(t, fmt.Sprintf(document, "100"), preData)
	require.Equal(t, "admin", by)
	require.Equal(t, -42, user)
}

func TestAFlagHoldsThirtyStrategiesInAnEnvironment(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", fs, `{"name":"f1"}`)
	for range 30 {
		s.must(t, "POST", dev+"/strategies", `{"name":"default"}`)
	}
	w := s.call("POST", dev+"/strategies", `{"name":"default"}`)
	require.Equal(t, 400, w.Code)
	require.JSONEq(t, problem("ExceedsLimitError", "Failed to create strategy. You can't create more than the established limit of 30."), w.Body.String())
	constraints := strings.Repeat(`{"contextName":"x","operator":"IN","values":["a"]},`, 31)
	w = s.call("POST", prod+"/strategies", `{"name":"default","constraints":[`+strings.TrimSuffix(constraints, ",")+`]}`)
	require.Equal(t, 400, w.Code)
	require.Contains(t, w.Body.String(), "ExceedsLimitError")
}

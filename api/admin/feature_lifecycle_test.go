package admin_test

import "testing"

func TestFeatureLifecycle(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects/default/features", `{"name":"f1"}`)
	s.sql(t, `INSERT INTO feature_lifecycles (feature, pre_live_at) VALUES ('f1', now())`)
	s.events(t)
	s.changes(t)
	const path = "/projects/default/features/f1/lifecycle"
	s.run(t, []step{
		{
			does: "tells the stages in order", method: "GET", path: path, status: 200,
			want: `[{"stage":"initial","enteredStageAt":"T"},{"stage":"pre-live","enteredStageAt":"T"}]`,
		},
		{
			does: "counts flags", method: "GET", path: "/lifecycle/count", status: 200,
			want: `{"initial":0,"preLive":1,"live":0,"completed":0,"archived":0}`,
		},
		{
			does: "completes", method: "POST", path: path + "/complete", body: `{"status":"kept","statusValue":""}`, status: 200,
			events: []string{"feature-completed default/f1/-"}, changes: []string{},
		},
		{does: "once", method: "POST", path: path + "/complete", body: `{"status":"kept","statusValue":""}`, status: 200},
		{does: "not with any word", method: "POST", path: path + "/complete", body: `{"status":"forgotten"}`, status: 400},
		{
			does: "with another decision again", method: "POST", path: path + "/complete", body: `{"status":"kept-with-variant","statusValue":"a"}`,
			status: 200, events: []string{"feature-completed default/f1/-"},
		},
		{
			does: "tells the decision", method: "GET", path: path, status: 200,
			want: `[{"stage":"initial","enteredStageAt":"T"},{"stage":"pre-live","enteredStageAt":"T"},{"stage":"completed","status":"kept-with-variant","enteredStageAt":"T"}]`,
		},
		{does: "reopens", method: "POST", path: path + "/uncomplete", status: 200, events: []string{"feature-uncompleted default/f1/-"}},
		{does: "not what is open", method: "POST", path: path + "/uncomplete", status: 400},
		{does: "archiving is the end", method: "DELETE", path: "/projects/default/features/f1", status: 202, events: []string{"feature-archived default/f1/-"}},
		{does: "which is told", method: "GET", path: path, status: 200, want: `~"stage":"archived"`},
		{does: "of flags that are there", method: "GET", path: "/projects/default/features/nope/lifecycle", status: 404},
	})
}

func TestCopyFeatureStrategies(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const f = "/projects/default/features"
	s.must(t, "POST", f, `{"name":"f1"}`)
	s.must(t, "POST", f+"/f1/environments/development/strategies", `{"name":"default","constraints":[{"contextName":"userId","operator":"IN","values":["1"]}]}`)
	s.must(t, "POST", f+"/f1/environments/production/strategies", `{"name":"flexibleRollout","parameters":{"rollout":"5"}}`)
	s.must(t, "POST", f+"/f1/environments/production/on", "")
	s.events(t)
	s.changes(t)
	const copied = f + "/f1/environments/production/strategies/copy"
	s.run(t, []step{
		{
			does: "copies come behind what there is", method: "POST", path: copied, body: `{"fromEnvironment":"development"}`, status: 200,
			want: `~"values":["1"]`, events: []string{"feature-strategy-add default/f1/production"}, changes: []string{"feature f1 production"},
		},
		{
			does: "or instead of it, without turning the flag off", method: "POST", path: copied, body: `{"fromEnvironment":"development","replace":true}`,
			status: 200, events: []string{
				"feature-strategy-add default/f1/production", "feature-strategy-remove default/f1/production", "feature-strategy-remove default/f1/production",
			},
		},
		{does: "not from itself", method: "POST", path: copied, body: `{"fromEnvironment":"production"}`, status: 400},
		{does: "not from nowhere", method: "POST", path: copied, body: `{"fromEnvironment":"nope"}`, status: 404},
		{does: "on it stays", method: "GET", path: f + "/f1/environments/production", status: 200, want: `~"enabled":true`},
		{does: "of flags that are there", method: "POST", path: f + "/nope/environments/production/strategies/copy", body: `{"fromEnvironment":"development"}`, status: 404},
	})
}

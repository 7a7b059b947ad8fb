package admin_test

import "testing"

const (
	dev  = fs + "/f1/environments/development"
	prod = fs + "/f1/environments/production"
)

func TestFeatureEnvironments(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", fs, `{"name":"f1"}`)
	s.must(t, "POST", fs, `{"name":"f2"}`)
	s.sql(t, `UPDATE project_environments SET default_strategy = $1 WHERE environment = 'production'`,
		`{"name":"flexibleRollout","title":"from project","disabled":true,"parameters":{"groupId":"x","rollout":10,"stickiness":"default"},"constraints":[{"contextName":"appName","operator":"IN","values":["a"]}]}`)
	s.events(t)
	s.changes(t)
	s.run(t, []step{
		{
			does: "turns on with a rollout to everyone", method: "POST", path: dev + "/on", body: `{}`, status: 200,
			events:  []string{"feature-strategy-add default/f1/development", "feature-environment-enabled default/f1/development"},
			changes: []string{"feature f1 development"},
		},
		{
			does: "shows the environment", method: "GET", path: dev, status: 200,
			want: `~"name":"f1","environment":"development","lastSeenAt":null,"enabled":true,"strategies":[{"id":"`,
		},
		{
			does: "shows the added strategy", method: "GET", path: dev, status: 200,
			want: `~"name":"flexibleRollout","featureName":"f1","constraints":[],"parameters":{"groupId":"f1","rollout":"100","stickiness":"default"},"variants":[],"segments":[],"title":null,"disabled":false,"sortOrder":0}]}`,
		},
		{does: "turns on once", method: "POST", path: dev + "/on", status: 200, changes: []string{}},
		{
			does: "turns off", method: "POST", path: dev + "/off", status: 200,
			events: []string{"feature-environment-disabled default/f1/development"}, changes: []string{"feature f1 development"},
		},
		{does: "turns off once", method: "POST", path: dev + "/off", status: 200, changes: []string{}},
		{
			does: "turns on again with the strategy there is", method: "POST", path: dev + "/on", status: 200,
			events: []string{"feature-environment-enabled default/f1/development"},
		},
		{
			does: "adds the project's default strategy, enabled", method: "POST", path: prod + "/on", status: 200,
			events: []string{"feature-strategy-add default/f1/production", "feature-environment-enabled default/f1/production"},
		},
		{
			does: "keeps the default strategy as it is", method: "GET", path: prod, status: 200,
			want: `~"constraints":[{"values":["a"],"operator":"IN","contextName":"appName"}],"parameters":{"groupId":"x","rollout":"10","stickiness":"default"},"variants":[],"segments":[],"title":"from project","disabled":false`,
		},
		{
			does: "does not know the environment", method: "POST", path: fs + "/f1/environments/nope/on", body: `{}`, status: 404,
			want: problem("NotFoundError", "Could not find environment nope for feature: f1"), changes: []string{},
		},
		{does: "does not show an unknown environment", method: "GET", path: fs + "/f1/environments/nope", status: 404},
		{
			does: "does not know the flag", method: "POST", path: fs + "/nope/environments/development/on", status: 404,
			want: problem("NotFoundError", `There's no feature named "nope" in project "default".`),
		},
		{
			does: "turns several on", method: "POST", path: p + "/bulk_features/environments/development/on", body: `{"features":["f2","f1"]}`, status: 200,
			events: []string{"feature-strategy-add default/f2/development", "feature-environment-enabled default/f2/development"},
		},
		{
			does: "turns several off", method: "POST", path: p + "/bulk_features/environments/development/off", body: `{"features":["f2","f1"]}`, status: 200,
			events:  []string{"feature-environment-disabled default/f1/development", "feature-environment-disabled default/f2/development"},
			changes: []string{"feature f1 development", "feature f2 development"},
		},
		{
			does: "turns all on or none", method: "POST", path: p + "/bulk_features/environments/development/on", body: `{"features":["f2","nope"]}`, status: 404,
			changes: []string{},
		},
		{does: "turns nothing on", method: "POST", path: p + "/bulk_features/environments/development/on", body: `{"features":[]}`, status: 200, changes: []string{}},
	})
}

func TestTheLastEnabledStrategyTurnsTheEnvironmentOff(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", fs, `{"name":"f1"}`)
	s.events(t)
	const add, update, off, on = "feature-strategy-add default/f1/development", "feature-strategy-update default/f1/development",
		"feature-environment-disabled default/f1/development", "feature-environment-enabled default/f1/development"
	s.run(t, []step{
		{does: "adds a disabled strategy", method: "POST", path: dev + "/strategies", body: `{"name":"default","disabled":true}`, status: 200, save: "one", events: []string{add}},
		{does: "turns on with another one", method: "POST", path: dev + "/on", status: 200, events: []string{add, on}},
		{
			does: "activates the disabled one of an environment that is on", method: "POST", path: dev + "/on?shouldActivateDisabledStrategies=true", status: 200,
			events: []string{update},
		},
		{does: "deletes it", method: "DELETE", path: dev + "/strategies/{one}", status: 200, events: []string{"feature-strategy-remove default/f1/development"}},
		{does: "adds a second one", method: "POST", path: dev + "/strategies", body: `{"name":"default"}`, status: 200, save: "two", events: []string{add}},
		{
			does: "disables the second one", method: "PATCH", path: dev + "/strategies/{two}", body: `[{"op":"replace","path":"/disabled","value":true}]`, status: 200,
			events: []string{update},
		},
		{does: "turns all off in production", method: "POST", path: prod + "/off", status: 200, changes: []string{}},
		{
			does: "adds to production", method: "POST", path: prod + "/strategies", body: `{"name":"default"}`, status: 200, save: "three",
			events: []string{"feature-strategy-add default/f1/production"},
		},
		{does: "turns production on", method: "POST", path: prod + "/on", status: 200, events: []string{"feature-environment-enabled default/f1/production"}},
		{
			does: "disables the last one of production", method: "PUT", path: prod + "/strategies/{three}", body: `{"name":"default","disabled":true}`, status: 200,
			events:  []string{"feature-strategy-update default/f1/production", "feature-environment-disabled default/f1/production"},
			changes: []string{"feature f1 production"},
		},
		{does: "leaves a strategy that is disabled in an environment that is off", method: "DELETE", path: prod + "/strategies/{three}", status: 200, events: []string{"feature-strategy-remove default/f1/production"}},
		{does: "leaves nothing on in production", method: "GET", path: prod, status: 200, want: `{"name":"f1","environment":"production","lastSeenAt":null,"enabled":false,"strategies":[]}`},
		{
			does: "empties development by patching the rest", method: "POST", path: dev + "/off", status: 200, events: []string{off},
		},
		{does: "activates instead of adding", method: "POST", path: prod + "/on?shouldActivateDisabledStrategies=true", status: 200, events: []string{"feature-strategy-add default/f1/production", "feature-environment-enabled default/f1/production"}},
	})
}

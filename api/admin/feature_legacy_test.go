package admin_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLegacyFeatures(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.sql(t, `INSERT INTO environments (name, type) VALUES ('default', 'production')`)
	s.sql(t, `INSERT INTO project_environments (project, environment) VALUES ('default', 'default')`)
	s.changes(t)
	const off = `{"name":"f1","type":"release","project":"default","description":"d","stale":false,"impressionData":false,"archived":false,"createdAt":"T",
		"enabled":false,"variants":[],"strategies":[]}`
	s.run(t, []step{
		{
			does: "creates a flag in the project default", method: "POST", path: "/features", body: `{"name":"f1","description":"d"}`, status: 201, want: off,
			events: []string{"feature-created default/f1/-"},
		},
		{does: "shows it", method: "GET", path: "/features/f1", status: 200, want: off},
		{does: "lists it", method: "GET", path: "/features?project=default", status: 200, want: `{"version":1,"features":[` + off + `]}`},
		{
			does: "turns it on in the environment default", method: "PUT", path: "/features/f1",
			body: `{"description":"d","enabled":true,"strategies":[{"name":"userWithId","parameters":{"userIds":"1"}}]}`, status: 200, want: `~"enabled":true`,
			events: []string{"feature-strategy-add default/f1/default", "feature-environment-enabled default/f1/default"}, changes: []string{"feature f1 default"},
		},
		{
			does: "changes nothing when nothing is new", method: "PUT", path: "/features/f1",
			body:   `{"description":"d","enabled":true,"strategies":[{"name":"userWithId","parameters":{"userIds":"1"},"constraints":[]}]}`,
			status: 200, changes: []string{},
		},
		{
			does: "replaces strategies without turning it off", method: "PUT", path: "/features/f1",
			body: `{"description":"d","strategies":[{"name":"default"}]}`, status: 200, want: `~"enabled":true`,
			events: []string{"feature-strategy-add default/f1/default", "feature-strategy-remove default/f1/default"},
		},
		{does: "toggles", method: "POST", path: "/features/f1/toggle", status: 200, want: `~"enabled":false`, events: []string{"feature-environment-disabled default/f1/default"}},
		{does: "toggles on", method: "POST", path: "/features/f1/toggle/on", status: 200, want: `~"enabled":true`, events: []string{"feature-environment-enabled default/f1/default"}},
		{does: "toggles off", method: "POST", path: "/features/f1/toggle/off", status: 200, want: `~"enabled":false`, events: []string{"feature-environment-disabled default/f1/default"}},
		{does: "marks stale", method: "POST", path: "/features/f1/stale/on", status: 200, want: `~"stale":true`, events: []string{"feature-stale-on default/f1/-"}},
		{does: "and not", method: "POST", path: "/features/f1/stale/off", status: 200, want: `~"stale":false`, events: []string{"feature-stale-off default/f1/-"}},
		{does: "archives", method: "DELETE", path: "/features/f1", status: 200, events: []string{"feature-archived default/f1/-"}},
		{does: "hides what is archived", method: "GET", path: "/features/f1", status: 404},
		{does: "tells what is not there", method: "POST", path: "/features/nope/toggle", status: 404},
		{does: "keeps to the names of strategies", method: "POST", path: "/features", body: `{"name":"f2","strategies":[{"name":"nope"}]}`, status: 400},
	})
	for _, path := range []string{"/features", "/features?project=none"} {
		w := s.call("GET", path, "")
		require.Equal(t, "@1635724800", w.Header().Get("Deprecation"), path)
		require.Contains(t, w.Header().Get("Link"), "successor-version", path)
	}
}

func TestLegacyFeaturesWithoutTheEnvironmentDefault(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.run(t, []step{
		{
			does: "flags can be created that are off", method: "POST", path: "/features", body: `{"name":"f1","enabled":false,"strategies":[]}`, status: 201,
			want: `~"enabled":false`, events: []string{"feature-created default/f1/-"},
		},
		{does: "but not turned on", method: "POST", path: "/features/f1/toggle/on", status: 404},
		{does: "nor created on", method: "POST", path: "/features", body: `{"name":"f2","enabled":true}`, status: 404},
		{does: "which leaves nothing behind", method: "GET", path: "/features/f2", status: 404},
	})
}

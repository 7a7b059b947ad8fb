package admin_test

import (
	"encoding/json"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCloneEnvironment(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects", `{"id":"other","name":"Other"}`)
	s.must(t, "POST", "/projects/other/features", `{"name":"elsewhere"}`)
	s.must(t, "POST", "/projects/default/features", `{"name":"f"}`)
	var segment struct{ ID json.Number }
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "POST", "/segments", `{"name":"s","constraints":[]}`)), &segment))
	place := "/projects/default/features/f/environments/"
	s.must(t, "POST", place+"production/strategies", `{"name":"flexibleRollout","title":"half","parameters":{"rollout":"50"},"sortOrder":2,
		"variants":[{"name":"v","weight":1000}],"segments":[`+segment.ID.String()+`]}`)
	s.must(t, "POST", place+"production/strategies", `{"name":"default","title":"first","sortOrder":1,"constraints":[{"contextName":"userId","operator":"IN","values":["1"]}]}`)
	s.must(t, "POST", place+"production/on", "")
	s.must(t, "PUT", place+"production/variants", `[{"name":"x","weight":1000}]`)
	s.must(t, "POST", "/projects/default/environments/production/default-strategy", `{"name":"default","title":"usual"}`)
	s.events(t)
	s.changes(t)

	s.run(t, []step{
		{does: "refuses an unknown original", method: "POST", path: "/environments/nope/clone", body: `{"name":"qa","type":"test"}`, status: 404},
		{does: "refuses a taken name", method: "POST", path: "/environments/production/clone", body: `{"name":"development","type":"test"}`, status: 409},
		{does: "wants a type", method: "POST", path: "/environments/production/clone", body: `{"name":"qa"}`, status: 400},
		{
			does: "refuses a project that does not use the original", method: "POST", path: "/environments/production/clone",
			body: `{"name":"qa","type":"test","projects":["nope"]}`, status: 400, changes: []string{},
		},
		{
			does: "clones for one project", method: "POST", path: "/environments/production/clone",
			body: `{"name":"qa","type":"test","projects":["default"],"clonePermissions":true}`, status: 200,
			want:   `{"name":"qa","type":"test","sortOrder":9999,"enabled":true,"protected":false,"requiredApprovals":null,"projectCount":1,"apiTokenCount":0,"enabledToggleCount":1}`,
			events: []string{"environment-created -/-/qa", "project-environment-added default/-/qa"},
		},
		{
			does: "clones for all", method: "POST", path: "/environments/production/clone", body: `{"name":"qa2","type":"test"}`, status: 200,
			want:   `~"projectCount":2`,
			events: []string{"environment-created -/-/qa2", "project-environment-added default/-/qa2", "project-environment-added other/-/qa2"},
		},
		{
			does: "clones for none", method: "POST", path: "/environments/production/clone", body: `{"name":"qa3","type":"test","projects":[]}`, status: 200,
			want: `~"projectCount":0`, events: []string{"environment-created -/-/qa3"},
		},
	})

	id := regexp.MustCompile(`"id":"[^"]*"`)
	for _, part := range []string{"/strategies", "/variants"} {
		want := id.ReplaceAllString(s.must(t, "GET", place+"production"+part, ""), "")
		for _, clone := range []string{"qa", "qa2"} {
			require.Equal(t, want, id.ReplaceAllString(s.must(t, "GET", place+clone+part, ""), ""))
		}
	}
	require.Contains(t, s.must(t, "GET", "/environments/project/default", ""), `"title":"usual"`)
	require.NotEqual(t, s.must(t, "GET", place+"production/strategies", ""), s.must(t, "GET", place+"qa/strategies", ""), "ids are new")

	// What happens to the clone stays there.
	s.must(t, "POST", place+"qa/off", "")
	require.Contains(t, s.must(t, "GET", place+"production", ""), `"enabled":true`)
}

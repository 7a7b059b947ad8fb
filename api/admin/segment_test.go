package admin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSegments(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.run(t, []step{
		{
			does: "creates one", method: "POST", path: "/segments", status: 201,
			body: `{"name":"segA","constraints":[{"contextName":"userId","operator":"IN","values":["1"],"inverted":true,"caseInsensitive":true}]}`,
			want: `{"id":1,"name":"segA","description":null,"constraints":[{"contextName":"userId","operator":"IN","values":["1"],"inverted":true,"caseInsensitive":true}],
				"createdBy":"admin","createdAt":"T","usedInProjects":0,"usedInFeatures":0}`,
			events: []string{"segment-created -/-/-"}, changes: []string{"segment 1 *"},
		},
		{
			does: "refuses a taken name", method: "POST", path: "/segments", status: 409, body: `{"name":"segA","constraints":[]}`,
			want: `{"name":"NameExistsError","message":"Segment name already exists","details":[{"message":"Segment name already exists"}]}`,
		},
		{
			does: "wants constraints", method: "POST", path: "/segments", status: 400, body: `{"name":"x"}`,
			want: "~The `/body/constraints` property is required. It was not present on the data you sent.",
		},
		{does: "wants a list of constraints", method: "POST", path: "/segments", status: 400, body: `{"name":"x","constraints":{}}`},
		{does: "wants a known project", method: "POST", path: "/segments", status: 400, body: `{"name":"x","project":"nope","constraints":[]}`},
		{
			does: "refuses bad constraints", method: "POST", path: "/segments", status: 400,
			body: `{"name":"x","constraints":[{"contextName":"x","operator":"NUM_GT","value":"abc"}]}`, want: `~\"value\" must be a number. You provided \"abc\".`,
		},
		{does: "validates a free name", method: "POST", path: "/segments/validate", status: 204, body: `{"name":"free"}`},
		{does: "validates a taken name", method: "POST", path: "/segments/validate", status: 409, body: `{"name":"segA"}`},
		{
			does: "replaces one", method: "PUT", path: "/segments/1", status: 204, body: `{"name":"segB","constraints":[]}`,
			events: []string{"segment-updated -/-/-"}, changes: []string{"segment 1 *"},
		},
		{
			does: "announces no change of the description", method: "PUT", path: "/segments/1", status: 204,
			body: `{"name":"segB","description":"d","constraints":[]}`, events: []string{"segment-updated -/-/-"}, changes: []string{},
		},
		{does: "replaces no unknown one", method: "PUT", path: "/segments/99", status: 404, body: `{"name":"x","constraints":[]}`},
		{does: "wants a number for an id", method: "GET", path: "/segments/abc", status: 400},
		{does: "wants an id within reach", method: "GET", path: "/segments/4294967297", status: 400},
		{does: "shows one", method: "GET", path: "/segments/1", status: 200, want: `~"name":"segB"`},
		{does: "lists them", method: "GET", path: "/segments", status: 200, want: `~"usedInFeatures":0`},
		{does: "deletes one", method: "DELETE", path: "/segments/1", status: 204, events: []string{"segment-deleted -/-/-"}, changes: []string{"segment 1 *"}},
		{does: "deletes it once", method: "DELETE", path: "/segments/1", status: 404},
	})
}

func TestSegmentsInUse(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects", `{"id":"other","name":"Other"}`)
	s.must(t, "POST", "/segments", `{"name":"segA","constraints":[]}`)
	s.must(t, "POST", "/projects/default/features", `{"name":"f1"}`)
	var strategy struct{ ID string }
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "POST", "/projects/default/features/f1/environments/development/strategies",
		`{"name":"default"}`)), &strategy))
	s.events(t)
	s.changes(t)
	use := fmt.Sprintf(`{"projectId":"default","environmentId":"development","strategyId":"%s","segmentIds":[1]}`, strategy.ID)
	s.run(t, []step{
		{
			does: "gives it to a strategy", method: "POST", path: "/segments/strategies", status: 201, body: use, want: use,
			events: []string{"feature-strategy-update default/f1/development"}, changes: []string{"feature f1 development"},
		},
		{does: "gives no unknown one", method: "POST", path: "/segments/strategies", status: 404, body: strings.Replace(use, "[1]", "[9]", 1)},
		{
			does: "gives it to no unknown strategy", method: "POST", path: "/segments/strategies", status: 404,
			body: strings.Replace(use, strategy.ID, "nope", 1),
		},
		{does: "shows who uses it", method: "GET", path: "/segments/1/strategies", status: 200, want: fmt.Sprintf(
			`{"strategies":[{"id":"%s","featureName":"f1","projectId":"default","environment":"development","strategyName":"default"}],"changeRequestStrategies":[]}`, strategy.ID)},
		{does: "shows what a strategy uses", method: "GET", path: "/segments/strategies/" + strategy.ID, status: 200, want: `~"name":"segA"`},
		{does: "counts its uses", method: "GET", path: "/segments/1", status: 200, want: `~"usedInProjects":1,"usedInFeatures":1`},
		{does: "keeps it", method: "DELETE", path: "/segments/1", status: 409},
		{does: "is not bound to another project", method: "PUT", path: "/segments/1", status: 400, body: `{"name":"segA","project":"other","constraints":[]}`},
		{
			does: "is bound to its own", method: "PUT", path: "/segments/1", status: 204, body: `{"name":"segA","project":"default","constraints":[]}`,
			events: []string{"segment-updated default/-/-"},
		},
	})
}

func TestConstraintValidation(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.sql(t, `INSERT INTO context_fields (name, legal_values) VALUES ('plan', '[{"value":"free"},{"value":"paid"}]')`)
	valid := []string{
		`{"contextName":"userId","operator":"IN","values":["a"]}`,
		`{"contextName":"userId","operator":"NOT_IN"}`,
		`{"contextName":"plan","operator":"IN","values":["free"]}`,
		`{"contextName":"x","operator":"NUM_GTE","value":"-1.5e3"}`,
		`{"contextName":"x","operator":"DATE_AFTER","value":"2026-01-01T00:00:00.000Z"}`,
		`{"contextName":"x","operator":"SEMVER_GTE","value":"1.2.3-rc.1"}`,
		`{"contextName":"x","operator":"REGEX","value":"^a+$"}`,
		`{"contextName":"x","operator":"REGEX","value":"^a+$","inverted":true}`, // Unleash refuses it, SDKs evaluate it
		`{"contextName":"x","operator":"IN_CIDR","values":["10.0.0.0/8","::1"]}`,
	}
	for _, body := range valid {
		require.Equal(t, 204, s.call("POST", "/constraints/validate", body).Code, body)
	}
	for _, test := range []struct{ body, want string }{
		{`{"contextName":"x","operator":"NUM_GT","value":"abc"}`, `\"value\" must be a number. You provided \"abc\".`},
		{`{"contextName":"x","operator":"NUM_GT","value":"0x10"}`, `\"value\" must be a number.`},
		{`{"contextName":"x","operator":"NUM_GT","value":"1e999"}`, `\"value\" must be a number.`},
		{`{"contextName":"x","operator":"NUM_GT","values":["1"]}`, `\"value\" is required.`},
		{`{"contextName":"x","operator":"DATE_AFTER","value":"abc"}`, `\"value\" must be a valid date. You provided \"abc\".`},
		{`{"contextName":"x","operator":"SEMVER_GT","value":"abc"}`, `the provided value is not a valid semver format. The value provided was: abc`},
		{`{"contextName":"x","operator":"SEMVER_GT","value":"v1.2.3"}`, `the provided value is not a valid semver format. The value provided was: v1.2.3`},
		{`{"contextName":"x","operator":"REGEX","value":"("}`, "the provided value is not a valid regex string. Error: error parsing regexp: missing closing ): `(`"},
		{`{"contextName":"x","operator":"IN_CIDR","values":["10.0.0.0/33"]}`, `IP addresses or CIDR blocks`},
		{`{"contextName":"","operator":"IN","values":["a"]}`, `\"contextName\" is not allowed to be empty.`},
		{`{"contextName":"x","operator":"BAD"}`, "The `operator` property must be equal to one of the allowed values: "},
		{`{"contextName":"x","operator":"IN","values":["` + strings.Repeat("x", 101) + `"]}`, `more than 100 characters`},
		{`{"contextName":"x","operator":"IN","values":[""]}`, `empty value`},
		{`{"contextName":"x","operator":"IN","values":[1]}`, "`/body/values/0` property must be string."},
		{`{"contextName":"plan","operator":"IN","values":["free","gold"]}`, `\"gold\" is not a legal value of the context field plan.`},
		{`{"operator":"IN"}`, "The `/body/contextName` property is required."},
	} {
		w := s.call("POST", "/constraints/validate", test.body)
		require.Equal(t, 400, w.Code, test.body)
		require.Contains(t, w.Body.String(), test.want)
	}
	require.Empty(t, s.events(t))
	require.Empty(t, s.log.String())
}

package admin_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/admin"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/db/dbtest"
)

// newLimitedServer is newServer with limits.
func newLimitedServer(t *testing.T, limits limit.Limits) *server {
	t.Helper()
	log := &strings.Builder{}
	target := api.New(api.Config{}, slog.New(slog.NewTextHandler(log, nil)))
	s := &server{Database: dbtest.New(t), handler: target, log: log}
	admin.Guard(target, adminTokens{})
	admin.Register(target, s.Pool, admin.Config{Limits: limits})
	s.changes(t)
	return s
}

func TestEveryLimitIsEnforcedAndReported(t *testing.T) {
	t.Parallel()
	s := newLimitedServer(t, limit.Limits{
		SegmentValues: 2, StrategySegments: 1, Strategies: 1, ConstraintValues: 2, Constraints: 1,
		Environments: 3, Projects: 2, APITokens: 1, Segments: 2, Features: 2,
	})
	const strategies = "/projects/default/features/a/environments/development/strategies"
	const userIn = `{"contextName":"userId","operator":"IN","values":["1","2"`
	exceeds := func(what, most string) string {
		return `~Failed to create ` + what + `. You can't create more than the established limit of ` + most + `.`
	}
	require.Contains(t, s.must(t, "GET", "/ui-config", ""), `"resourceLimits":{"segmentValues":2,"strategySegments":1,`+
		`"featureEnvironmentStrategies":1,"constraintValues":2,"constraints":1,"environments":3,"projects":2,"apiTokens":1,"segments":2,"featureFlags":2,`)
	for _, body := range []struct{ path, body string }{
		{"/projects/default/features", `{"name":"a"}`},
		{"/projects/default/features", `{"name":"b"}`},
		{"/segments", `{"name":"first","constraints":[` + userIn + `]}]}`},
		{"/segments", `{"name":"second","constraints":[]}`},
		{"/environments", `{"name":"third","type":"test"}`},
		{"/projects", `{"id":"second","name":"Second"}`},
		{"/api-tokens", `{"tokenName":"only","type":"client"}`},
	} {
		s.must(t, "POST", body.path, body.body)
	}
	s.events(t)
	s.run(t, []step{
		{does: "one flag too many", method: "POST", path: "/projects/default/features", body: `{"name":"c"}`, status: 400, want: exceeds("feature flag", "2")},
		{does: "one segment too many", method: "POST", path: "/segments", body: `{"name":"third","constraints":[]}`, status: 400, want: exceeds("segment", "2")},
		{does: "one environment too many", method: "POST", path: "/environments", body: `{"name":"fourth","type":"test"}`, status: 400, want: exceeds("environment", "3")},
		{does: "one environment too many as a clone", method: "POST", path: "/environments/development/clone", body: `{"name":"fourth","type":"test"}`, status: 400, want: exceeds("environment", "3")},
		{does: "one project too many", method: "POST", path: "/projects", body: `{"id":"third","name":"Third"}`, status: 400, want: exceeds("project", "2")},
		{does: "one token too many", method: "POST", path: "/api-tokens", body: `{"tokenName":"more","type":"client"}`, status: 400, want: exceeds("api token", "1")},
		{does: "one value too many in a segment", method: "PUT", path: "/segments/1", body: `{"name":"first","constraints":[` + userIn + `,"3"]}]}`, status: 400, want: `~Segments may not have more than 2 values`},
		{does: "one constraint too many", method: "POST", path: strategies, body: `{"name":"default","constraints":[` + userIn + `]},` + userIn + `]}]}`, status: 400, want: exceeds("constraints", "1")},
		{does: "one value too many in a constraint", method: "POST", path: strategies, body: `{"name":"default","constraints":[` + userIn + `,"3"]}]}`, status: 400, want: exceeds("constraint values for userId", "2")},
		{does: "one segment too many in a strategy", method: "POST", path: strategies, body: `{"name":"default","segments":[1,2]}`, status: 400, want: `~Strategies may not have more than 1 segments`},
	})
	s.must(t, "POST", strategies, `{"name":"default","segments":[1]}`)
	s.events(t)
	s.run(t, []step{
		{does: "one strategy too many", method: "POST", path: strategies, body: `{"name":"default"}`, status: 400, want: exceeds("strategy", "1")},
	})
	s.must(t, "DELETE", "/projects/default/features/b", "")
	s.must(t, "POST", "/projects/default/features", `{"name":"c"}`)
	s.must(t, "POST", "/projects/archive/second", "")
	s.must(t, "POST", "/projects", `{"id":"third","name":"Third"}`)
	s.events(t)
	s.run(t, []step{
		{does: "a flag comes back when there is no room", method: "POST", path: "/projects/default/revive", body: `{"features":["b"]}`, status: 400, want: exceeds("feature flag", "2")},
		{does: "a project comes back when there is no room", method: "POST", path: "/projects/revive/second", status: 400, want: exceeds("project", "2")},
	})
}

func TestFrontendOriginsAreSetAndReported(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	require.Contains(t, s.must(t, "GET", "/ui-config", ""), `"frontendApiOrigins":["*"]`)
	s.run(t, []step{
		{does: "set origins", method: "POST", path: "/ui-config/cors", body: `{"frontendApiOrigins":["https://a.b"]}`, status: 204, events: []string{"setting-created -/-/-"}, changes: []string{"setting unleash.frontend *"}},
		{does: "set one that is none", method: "POST", path: "/ui-config/cors", body: `{"frontendApiOrigins":["nope"]}`, status: 400, want: "~Invalid origin: nope", changes: []string{}},
		{does: "set nothing", method: "POST", path: "/ui-config/cors", body: `{}`, status: 400, want: "~frontendApiOrigins", changes: []string{}},
	})
	require.Contains(t, s.must(t, "GET", "/ui-config", ""), `"frontendApiOrigins":["https://a.b"]`)
	s.must(t, "POST", "/ui-config/cors", `{"frontendApiOrigins":[]}`)
	require.Contains(t, s.must(t, "GET", "/ui-config", ""), `"frontendApiOrigins":[]`)
}

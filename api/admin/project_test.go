package admin_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestProjects(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.run(t, []step{
		{
			does: "creates one", method: "POST", path: "/projects", status: 201, body: `{"id":"shop","name":" Shop ","description":"d","mode":"protected"}`,
			want:   `{"id":"shop","name":"Shop","description":"d","mode":"protected","defaultStickiness":"default","featureLimit":null,"environments":["development","production"]}`,
			events: []string{"project-created shop/-/-"},
		},
		{
			does: "makes an id of the name", method: "POST", path: "/projects", status: 201, body: `{"name":"My Shop!","environments":["production"]}`,
			want: `~"id":"my-shop"`, events: []string{"project-created my-shop/-/-"},
		},
		{
			does: "makes another id of the same name", method: "POST", path: "/projects", status: 201, body: `{"name":"My Shop!"}`,
			want: `~"id":"my-shop-2"`, events: []string{"project-created my-shop-2/-/-"},
		},
		{does: "refuses a taken id", method: "POST", path: "/projects", status: 409, body: `{"id":"shop","name":"x"}`, want: `~"NameExistsError"`},
		{
			does: "refuses an id that is not URL friendly", method: "POST", path: "/projects", status: 400, body: `{"id":"a b","name":"x"}`,
			want: `~\"id\" must be URL friendly.`,
		},
		{does: "refuses an over-long id", method: "POST", path: "/projects", status: 400, body: `{"id":"` + strings.Repeat("x", 101) + `","name":"x"}`},
		{does: "refuses an over-long name", method: "POST", path: "/projects", status: 400, body: `{"name":"` + strings.Repeat("x", 256) + `"}`},
		{does: "refuses an empty name", method: "POST", path: "/projects", status: 400, body: `{"name":" "}`},
		{does: "refuses an unknown mode", method: "POST", path: "/projects", status: 400, body: `{"name":"x","mode":"odd"}`},
		{
			does: "refuses an unknown environment", method: "POST", path: "/projects", status: 400, body: `{"name":"x","environments":["nope"]}`,
			want: `~Environment=nope does not exist`,
		},
		{does: "refuses no environment", method: "POST", path: "/projects", status: 400, body: `{"name":"x","environments":[]}`},
		{does: "refuses characters that cannot be stored", method: "POST", path: "/projects", status: 400, body: `{"name":"a\u0000b"}`},
		{does: "validates a free id", method: "POST", path: "/projects/validate", status: 200, body: `{"id":"free"}`},
		{does: "validates a taken id", method: "POST", path: "/projects/validate", status: 409, body: `{"id":"shop"}`},
		{
			does: "changes one", method: "PUT", path: "/projects/shop", status: 200, body: `{"name":"Shop 2","description":"e"}`,
			events: []string{"project-updated shop/-/-"}, changes: []string{},
		},
		{does: "changes no unknown one", method: "PUT", path: "/projects/nope", status: 404, body: `{"name":"x"}`},
		{does: "shows one", method: "GET", path: "/projects/shop/overview", status: 200, want: `~"name":"Shop 2","description":"e"`},
		{does: "keeps what was not changed", method: "GET", path: "/projects/shop", status: 200, want: `~"mode":"protected"`},
		{does: "shows no unknown one", method: "GET", path: "/projects/nope/overview", status: 404},
		{
			does: "archives one", method: "POST", path: "/projects/archive/shop", status: 200, events: []string{"project-archived shop/-/-"},
			changes: []string{"project shop *"},
		},
		{does: "archives once", method: "POST", path: "/projects/archive/shop", status: 200},
		{does: "lists archived ones apart", method: "GET", path: "/projects?archived=true", status: 200, want: `~"id":"shop"`},
		{does: "revives one", method: "POST", path: "/projects/revive/shop", status: 200, events: []string{"project-revived shop/-/-"}},
		{does: "deletes one", method: "DELETE", path: "/projects/shop", status: 200, events: []string{"project-deleted shop/-/-"}},
		{does: "deletes it once", method: "DELETE", path: "/projects/shop", status: 404},
		{does: "keeps the default project", method: "DELETE", path: "/projects/default", status: 403, want: `~InvalidOperationError`},
		{does: "keeps the default project active", method: "POST", path: "/projects/archive/default", status: 403},
	})
	require.NotContains(t, s.must(t, "GET", "/projects", ""), `"id":"shop"`)
}

func TestProjectsWithFlags(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects", `{"id":"shop","name":"Shop"}`)
	s.must(t, "POST", "/projects/shop/features", `{"name":"f1"}`)
	s.events(t)
	s.run(t, []step{
		{does: "cannot be archived", method: "POST", path: "/projects/archive/shop", status: 403},
		{does: "cannot be deleted", method: "DELETE", path: "/projects/shop", status: 403, want: `~1 active and 0 archived`},
		{does: "are counted", method: "GET", path: "/projects", status: 200, want: `~"featureCount":1`},
		{
			does: "tell of the first flag", method: "GET", path: "/projects/shop", status: 200,
			want: `~"onboardingStatus":{"status":"first-flag-created","feature":"f1"}`,
		},
	})
}

func TestProjectEnvironments(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects/default/features", `{"name":"f1"}`)
	s.must(t, "POST", "/projects/default/features/f1/environments/production/on", "")
	s.events(t)
	s.changes(t)
	const strategy = `{"name":"flexibleRollout","title":"half","disabled":false,"parameters":{"rollout":"50"},` +
		`"constraints":[{"contextName":"userId","operator":"IN","values":["1"]}],"segments":[]}`
	s.run(t, []step{
		{
			does: "removes one and turns its flags off", method: "DELETE", path: "/projects/default/environments/production", status: 200,
			events:  []string{"project-environment-removed default/-/production"},
			changes: []string{"project-environment default production", "feature f1 production"},
		},
		{does: "removes one that is not used", method: "DELETE", path: "/projects/default/environments/production", status: 200},
		{does: "keeps the last", method: "DELETE", path: "/projects/default/environments/development", status: 400},
		{
			does: "adds one", method: "POST", path: "/projects/default/environments", status: 200, body: `{"environment":"production"}`,
			events: []string{"project-environment-added default/-/production"}, changes: []string{"project-environment default production"},
		},
		{
			does: "adds it once", method: "POST", path: "/projects/default/environments", status: 409, body: `{"environment":"production"}`,
			want: `{"name":"NameExistsError","message":"default already has the environment production enabled","details":[{"message":"default already has the environment production enabled"}]}`,
		},
		{does: "adds no unknown one", method: "POST", path: "/projects/default/environments", status: 404, body: `{"environment":"nope"}`},
		{does: "adds none to an unknown project", method: "POST", path: "/projects/nope/environments", status: 404, body: `{"environment":"production"}`},
		{
			does: "sets a default strategy", method: "POST", path: "/projects/default/environments/production/default-strategy", status: 200, body: strategy,
			want: `~"parameters":{"rollout":"50"`, events: []string{"default-strategy-updated default/-/production"}, changes: []string{},
		},
		{
			does: "refuses a strategy of an unknown type", method: "POST", path: "/projects/default/environments/production/default-strategy",
			status: 400, body: `{"name":"nope"}`, want: `~Could not find strategy type with name nope`,
		},
		{
			does: "refuses one for an environment it does not use", method: "POST", path: "/projects/default/environments/nope/default-strategy",
			status: 404, body: strategy,
		},
		{does: "shows it", method: "GET", path: "/environments/project/default", status: 200, want: `~"title":"half"`},
		{
			does: "gives it to flags that are turned on without one", method: "POST", path: "/projects/default/features", status: 201, body: `{"name":"f2"}`,
			events: []string{"feature-created default/f2/-"},
		},
		{
			does: "turns it on", method: "POST", path: "/projects/default/features/f2/environments/production/on", status: 200,
			events: []string{"feature-strategy-add default/f2/production", "feature-environment-enabled default/f2/production"},
		},
		{does: "shows the strategy", method: "GET", path: "/projects/default/features/f2/environments/production", status: 200, want: `~"rollout":"50"`},
	})
}

func TestProjectSettings(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.run(t, []step{
		{
			does: "sets a naming pattern", method: "PUT", path: "/projects/default/settings", status: 200,
			body:   `{"mode":"protected","featureNaming":{"pattern":"shop\\.[a-z]+","example":"shop.cart","description":"d"}}`,
			events: []string{"project-updated default/-/-"}, changes: []string{},
		},
		{does: "shows it", method: "GET", path: "/projects/default/overview", status: 200, want: `~"featureNaming":{"pattern":"shop\\.[a-z]+","example":"shop.cart"`},
		{does: "holds new flags to it", method: "POST", path: "/projects/default/features", status: 400, body: `{"name":"cart"}`},
		{does: "refuses a broken pattern", method: "PUT", path: "/projects/default/settings", status: 400, body: `{"featureNaming":{"pattern":"("}}`},
		{does: "refuses an example that does not match", method: "PUT", path: "/projects/default/settings", status: 400, body: `{"featureNaming":{"pattern":"a+","example":"b"}}`},
		{does: "knows no unknown project", method: "PUT", path: "/projects/nope/settings", status: 404, body: `{"mode":"open"}`},
		{
			does: "takes the pattern away", method: "PUT", path: "/projects/default/settings", status: 200, body: `{"featureNaming":{"pattern":null}}`,
			events: []string{"project-updated default/-/-"},
		},
		{
			does: "holds new flags to it no more", method: "POST", path: "/projects/default/features", status: 201, body: `{"name":"cart"}`,
			events: []string{"feature-created default/cart/-"},
		},
		{does: "kept the mode", method: "GET", path: "/projects/default", status: 200, want: `~"mode":"protected"`},
	})
}

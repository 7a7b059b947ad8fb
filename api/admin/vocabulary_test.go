package admin_test

import "testing"

func TestFeatureTypes(t *testing.T) {
	t.Parallel()
	newServer(t).run(t, []step{
		{does: "lists them", method: "GET", path: "/feature-types", status: 200, want: `~"id":"kill-switch","name":"Kill switch"`},
		{
			does: "changes a lifetime", method: "PUT", path: "/feature-types/release/lifetime", status: 200, body: `{"lifetimeDays":7}`,
			want: `~"lifetimeDays":7`, events: []string{"feature-type-updated -/-/-"}, changes: []string{},
		},
		{
			does: "takes zero for never", method: "PUT", path: "/feature-types/release/lifetime", status: 200, body: `{"lifetimeDays":0}`,
			want: `~"lifetimeDays":null`, events: []string{"feature-type-updated -/-/-"},
		},
		{
			does: "takes null for never", method: "PUT", path: "/feature-types/release/lifetime", status: 200, body: `{"lifetimeDays":null}`,
			want: `~"lifetimeDays":null`, events: []string{"feature-type-updated -/-/-"},
		},
		{does: "wants a lifetime", method: "PUT", path: "/feature-types/release/lifetime", status: 400, body: `{}`},
		{does: "refuses negative ones", method: "PUT", path: "/feature-types/release/lifetime", status: 400, body: `{"lifetimeDays":-1}`},
		{does: "knows no unknown one", method: "PUT", path: "/feature-types/nope/lifetime", status: 404, body: `{"lifetimeDays":1}`},
	})
}

func TestContextFields(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects", `{"id":"shop","name":"Shop"}`)
	s.events(t)
	s.changes(t)
	for _, scope := range []struct{ path, project, event string }{{"/context", "", "-"}, {"/projects/shop/context", "shop", "shop"}} {
		suffix := ""
		if scope.project != "" {
			suffix = `,"project":"shop"`
		}
		name := "plan" + scope.project
		s.run(t, []step{
			{
				does: "creates one", method: "POST", path: scope.path, status: 201,
				body:   `{"name":"` + name + `","description":"d","legalValues":[{"value":"free","description":"x"}],"stickiness":true}`,
				want:   `{"name":"` + name + `","description":"d","stickiness":true,"sortOrder":0,"legalValues":[{"value":"free","description":"x"}],"createdAt":"T"` + suffix + `}`,
				events: []string{"context-field-created " + scope.event + "/-/-"}, changes: []string{},
			},
			{
				does: "refuses a taken name", method: "POST", path: scope.path, status: 409, body: `{"name":"` + name + `"}`,
				want: `{"name":"NameExistsError","message":"A context field with that name already exist","details":[{"message":"A context field with that name already exist"}]}`,
			},
			{does: "refuses an empty name", method: "POST", path: scope.path, status: 400, body: `{"name":""}`},
			{does: "refuses a value twice", method: "POST", path: scope.path, status: 400, body: `{"name":"x","legalValues":[{"value":"a"},{"value":"a"}]}`},
			{does: "validates a free name", method: "POST", path: scope.path + "/validate", status: 200, body: `{"name":"free"}`},
			{does: "validates a taken name", method: "POST", path: scope.path + "/validate", status: 409, body: `{"name":"` + name + `"}`},
			{does: "lists it", method: "GET", path: scope.path, status: 200, want: `~"name":"` + name + `"`},
			{
				does: "changes it", method: "PUT", path: scope.path + "/" + name, status: 200, body: `{"description":"e","sortOrder":3}`,
				events: []string{"context-field-updated " + scope.event + "/-/-"},
			},
			{
				does: "adds a legal value", method: "POST", path: scope.path + "/" + name + "/legal-values", status: 200, body: `{"value":"paid"}`,
				events: []string{"context-field-updated " + scope.event + "/-/-"},
			},
			{
				does: "removes a legal value", method: "DELETE", path: scope.path + "/" + name + "/legal-values/free", status: 200,
				events: []string{"context-field-updated " + scope.event + "/-/-"},
			},
			{
				does: "shows it", method: "GET", path: scope.path + "/" + name, status: 200,
				want: `{"name":"` + name + `","description":"e","stickiness":true,"sortOrder":3,"legalValues":[{"value":"paid"}],"createdAt":"T"` + suffix + `}`,
			},
			{does: "shows who uses it", method: "GET", path: scope.path + "/" + name + "/strategies", status: 200, want: `{"strategies":[]}`},
			{
				does: "deletes it", method: "DELETE", path: scope.path + "/" + name, status: 200,
				events: []string{"context-field-deleted " + scope.event + "/-/-"},
			},
			{does: "deletes it once", method: "DELETE", path: scope.path + "/" + name, status: 404},
		})
	}
	s.must(t, "POST", "/projects/default/features", `{"name":"f1"}`)
	s.must(t, "POST", "/projects/default/features/f1/environments/development/strategies",
		`{"name":"default","constraints":[{"contextName":"appName","operator":"IN","values":["a"]}]}`)
	s.events(t)
	s.run(t, []step{
		{does: "keeps one that is used", method: "DELETE", path: "/context/appName", status: 409, want: `~"ConflictError"`},
		{does: "shows its uses", method: "GET", path: "/context/appName/strategies", status: 200, want: `~"featureName":"f1"`},
		{does: "counts its uses", method: "GET", path: "/context", status: 200, want: `~"usedInProjects":1,"usedInFeatures":1`},
		{does: "keeps projects apart", method: "GET", path: "/projects/shop/context/appName", status: 404},
		{does: "knows no unknown project", method: "GET", path: "/projects/nope/context", status: 404},
		{does: "creates none in it", method: "POST", path: "/projects/nope/context", status: 404, body: `{"name":"x"}`},
	})
}

func TestStrategyTypes(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.run(t, []step{
		{
			does: "creates one", method: "POST", path: "/strategies", status: 201,
			body:   `{"name":"myStrat","description":"d","parameters":[{"name":"p","type":"string","description":"","required":true}]}`,
			want:   `{"displayName":null,"name":"myStrat","editable":true,"description":"d","parameters":[{"name":"p","type":"string","description":"","required":true}],"deprecated":false,"title":null}`,
			events: []string{"strategy-created -/-/-"},
		},
		{does: "refuses a taken name", method: "POST", path: "/strategies", status: 409, body: `{"name":"default","parameters":[]}`},
		{does: "wants parameters", method: "POST", path: "/strategies", status: 400, body: `{"name":"x"}`},
		{does: "wants known types of parameters", method: "POST", path: "/strategies", status: 400, body: `{"name":"x","parameters":[{"name":"p","type":"odd"}]}`},
		{does: "lists them", method: "GET", path: "/strategies", status: 200, want: `~"name":"flexibleRollout","editable":false`},
		{does: "changes one", method: "PUT", path: "/strategies/myStrat", status: 200, body: `{"parameters":[]}`, events: []string{"strategy-updated -/-/-"}},
		{does: "keeps built-in ones", method: "PUT", path: "/strategies/default", status: 403, body: `{"parameters":[]}`, want: `~Cannot edit strategy default`},
		{does: "deprecates one", method: "POST", path: "/strategies/myStrat/deprecate", status: 200, events: []string{"strategy-deprecated -/-/-"}},
		{does: "shows it", method: "GET", path: "/strategies/myStrat", status: 200, want: `~"deprecated":true`},
		{does: "reactivates it", method: "POST", path: "/strategies/myStrat/reactivate", status: 200, events: []string{"strategy-reactivated -/-/-"}},
		{does: "deprecates no unknown one", method: "POST", path: "/strategies/nope/deprecate", status: 404},
		{does: "deletes one", method: "DELETE", path: "/strategies/myStrat", status: 200, events: []string{"strategy-deleted -/-/-"}},
		{does: "deletes it once", method: "DELETE", path: "/strategies/myStrat", status: 404},
	})
	s.must(t, "POST", "/strategies", `{"name":"used","parameters":[]}`)
	s.must(t, "POST", "/projects/default/features", `{"name":"f1"}`)
	s.must(t, "POST", "/projects/default/features/f1/environments/development/strategies", `{"name":"used"}`)
	s.events(t)
	s.run(t, []step{{does: "keeps one that is used", method: "DELETE", path: "/strategies/used", status: 409}})
}

func TestTags(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.run(t, []step{
		{
			does: "creates a type", method: "POST", path: "/tag-types", status: 201, body: `{"name":"team","description":"d","icon":"T","color":"#FFFFFF"}`,
			want: `{"name":"team","description":"d","icon":"T","color":"#FFFFFF"}`, events: []string{"tag-type-created -/-/-"},
		},
		{does: "refuses a taken name", method: "POST", path: "/tag-types", status: 409, body: `{"name":"team"}`, want: `~There already exists a tag-type with the name team`},
		{does: "refuses a short name", method: "POST", path: "/tag-types", status: 400, body: `{"name":"x"}`},
		{does: "refuses what is no colour", method: "POST", path: "/tag-types", status: 400, body: `{"name":"xx","color":"red"}`},
		{does: "validates a type", method: "POST", path: "/tag-types/validate", status: 200, body: `{"name":"free"}`, want: `~"valid":true`},
		{does: "validates a taken type", method: "POST", path: "/tag-types/validate", status: 409, body: `{"name":"team"}`},
		{does: "changes a type", method: "PUT", path: "/tag-types/team", status: 200, body: `{"description":"e"}`, events: []string{"tag-type-updated -/-/-"}},
		{does: "shows a type", method: "GET", path: "/tag-types/team", status: 200, want: `{"name":"team","description":"e","icon":"T","color":"#FFFFFF"}`},
		{does: "shows no unknown type", method: "GET", path: "/tag-types/nope", status: 404},
		{
			does: "creates a tag", method: "POST", path: "/tags", status: 201, body: `{"type":"team","value":"red"}`,
			want: `{"version":1,"tag":{"type":"team","value":"red"}}`, events: []string{"tag-created -/-/-"}, changes: []string{},
		},
		{does: "creates it once", method: "POST", path: "/tags", status: 409, body: `{"type":"team","value":"red"}`},
		{does: "creates none of an unknown type", method: "POST", path: "/tags", status: 404, body: `{"type":"nope","value":"red"}`},
		{
			does: "refuses short values", method: "POST", path: "/tags", status: 400, body: `{"type":"team","value":"a"}`,
			want: "~The `/body/value` property must NOT have fewer than 2 characters.",
		},
		{does: "lists tags", method: "GET", path: "/tags", status: 200, want: `{"version":1,"tags":[{"type":"team","value":"red"}]}`},
		{does: "lists tags of a type", method: "GET", path: "/tags/simple", status: 200, want: `{"version":1,"tags":[]}`},
		{does: "shows a tag", method: "GET", path: "/tags/team/red", status: 200, want: `{"version":1,"tag":{"type":"team","value":"red"}}`},
		{does: "shows no unknown tag", method: "GET", path: "/tags/team/nope", status: 404},
	})
	s.must(t, "POST", "/projects/default/features", `{"name":"f1","tags":[{"type":"team","value":"red"}]}`)
	s.events(t)
	s.changes(t)
	s.run(t, []step{
		{
			does: "deletes a tag from its flags too", method: "DELETE", path: "/tags/team/red", status: 200, events: []string{"tag-deleted -/-/-"},
			changes: []string{"feature f1 *"},
		},
		{does: "deletes it once", method: "DELETE", path: "/tags/team/red", status: 200},
		{does: "deletes a type", method: "DELETE", path: "/tag-types/team", status: 200, events: []string{"tag-type-deleted -/-/-"}},
		{does: "deletes it once", method: "DELETE", path: "/tag-types/team", status: 200},
	})
}

package admin_test

import "testing"

const transitive = "Transitive dependency detected. Cannot add a dependency to the feature that other features depend on."

func TestDependencies(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, name := range []string{"child", "parent", "parent2", "gone", "other"} {
		s.must(t, "POST", fs, `{"name":"`+name+`"}`)
	}
	s.must(t, "DELETE", fs+"/gone", "")
	s.sql(t, `INSERT INTO projects (id, name) VALUES ('p2', 'P2')`)
	s.must(t, "POST", "/projects/p2/features", `{"name":"abroad"}`)
	s.events(t)
	s.changes(t)
	const add, removed = "feature-dependency-added default/child/-", "feature-dependency-removed default/child/-"
	s.run(t, []step{
		{does: "knows of none", method: "GET", path: p + "/dependencies", status: 200, want: `false`},
		{
			does: "adds a parent", method: "POST", path: fs + "/child/dependencies", body: `{"feature":"parent","variants":["a"]}`, status: 200,
			events: []string{add}, changes: []string{"feature child *"},
		},
		{does: "adds it once", method: "POST", path: fs + "/child/dependencies", body: `{"feature":"parent","enabled":true,"variants":["a"]}`, status: 200, changes: []string{}},
		{does: "knows of one", method: "GET", path: p + "/dependencies", status: 200, want: `true`},
		{does: "shows it on the child", method: "GET", path: fs + "/child", status: 200, want: `~"dependencies":[{"feature":"parent","enabled":true,"variants":["a"]}],"children":[]`},
		{does: "shows it on the parent", method: "GET", path: fs + "/parent", status: 200, want: `~"dependencies":[],"children":["child"]`},
		{
			does: "refuses a cycle", method: "POST", path: fs + "/parent/dependencies", body: `{"feature":"child"}`, status: 403,
			want: problem("InvalidOperationError", transitive), changes: []string{},
		},
		{does: "refuses a grandparent", method: "POST", path: fs + "/other/dependencies", body: `{"feature":"child"}`, status: 403, want: "~Transitive dependency detected."},
		{does: "refuses itself", method: "POST", path: fs + "/other/dependencies", body: `{"feature":"other"}`, status: 403},
		{
			does: "refuses an unknown parent", method: "POST", path: fs + "/child/dependencies", body: `{"feature":"nope"}`, status: 403,
			want: problem("InvalidOperationError", "No active feature nope exists"),
		},
		{
			does: "refuses an archived parent", method: "POST", path: fs + "/child/dependencies", body: `{"feature":"gone"}`, status: 403,
			want: problem("InvalidOperationError", "No active feature gone exists"),
		},
		{does: "refuses a parent in another project", method: "POST", path: fs + "/child/dependencies", body: `{"feature":"abroad"}`, status: 403},
		{does: "does not know the child", method: "POST", path: fs + "/nope/dependencies", body: `{"feature":"parent"}`, status: 404},
		{does: "offers parents", method: "GET", path: fs + "/other/parents", status: 200, want: `["parent","parent2"]`},
		{does: "offers parents in place of the one there is", method: "GET", path: fs + "/child/parents", status: 200, want: `["other","parent","parent2"]`},
		{
			does: "replaces the parent", method: "POST", path: fs + "/child/dependencies", body: `{"feature":"parent2","enabled":false}`, status: 200,
			events: []string{removed, add}, changes: []string{"feature child *"},
		},
		{
			does: "keeps the other parent when told", method: "POST", path: fs + "/child/dependencies?keepOthers=true", body: `{"feature":"parent"}`, status: 200,
			events: []string{add},
		},
		{does: "shows both", method: "GET", path: fs + "/child", status: 200, want: `~"dependencies":[{"feature":"parent","enabled":true,"variants":[]},{"feature":"parent2","enabled":false,"variants":[]}]`},
		{does: "removes one", method: "DELETE", path: fs + "/child/dependencies/parent", status: 200, events: []string{removed}, changes: []string{"feature child *"}},
		{
			does: "removes it once", method: "DELETE", path: fs + "/child/dependencies/parent", status: 404, changes: []string{},
			want: problem("NotFoundError", `No dependency on "parent" for feature "child" in project "default".`),
		},
		{does: "removes all", method: "DELETE", path: fs + "/child/dependencies", status: 200, events: []string{"feature-dependencies-removed default/child/-"}},
		{
			does: "removes all once", method: "DELETE", path: fs + "/child/dependencies", status: 404, changes: []string{},
			want: problem("NotFoundError", `Feature "child" has no dependencies to remove in project "default".`),
		},
	})
}

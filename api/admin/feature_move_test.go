package admin_test

import "testing"

func TestMove(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.sql(t, `INSERT INTO projects (id, name, feature_limit) VALUES ('p2', 'P2', 2), ('full', 'Full', 1)`)
	s.sql(t, `INSERT INTO project_environments (project, environment) VALUES ('p2', 'development')`)
	for _, name := range []string{"f1", "child", "parent", "bound"} {
		s.must(t, "POST", fs, `{"name":"`+name+`"}`)
	}
	s.must(t, "POST", "/projects/full/features", `{"name":"only"}`)
	s.sql(t, `INSERT INTO segments (id, name, project) VALUES (1, 'ours', 'default')`)
	s.must(t, "POST", fs+"/bound/environments/development/strategies", `{"name":"default","segments":[1]}`)
	s.must(t, "POST", fs+"/child/dependencies", `{"feature":"parent"}`)
	s.must(t, "POST", dev+"/on", "")
	s.must(t, "POST", prod+"/on", "")
	s.events(t)
	s.changes(t)
	s.run(t, []step{
		{
			does: "refuses where an environment would be lost", method: "POST", path: fs + "/f1/changeProject", body: `{"newProjectId":"p2"}`, status: 403,
			want: "~does not use: production.", changes: []string{},
		},
		{does: "turns production off", method: "POST", path: prod + "/off", status: 200, events: []string{"feature-environment-disabled default/f1/production"}},
		{
			does: "does not know the project", method: "POST", path: fs + "/f1/changeProject", body: `{"newProjectId":"nope"}`, status: 404,
			want: problem("NotFoundError", "Active project with id nope does not exist"),
		},
		{does: "refuses a full project", method: "POST", path: fs + "/parent/changeProject", body: `{"newProjectId":"full"}`, status: 403},
		{does: "refuses a child", method: "POST", path: fs + "/child/changeProject", body: `{"newProjectId":"p2"}`, status: 403},
		{does: "refuses a project's own segments", method: "POST", path: fs + "/bound/changeProject", body: `{"newProjectId":"p2"}`, status: 403, want: "~\\\"ours\\\""},
		{
			does: "moves", method: "POST", path: fs + "/f1/changeProject", body: `{"newProjectId":"p2"}`, status: 200,
			events: []string{"feature-project-change p2/f1/-"}, changes: []string{"feature f1 *"},
		},
		{does: "is gone from the old project", method: "GET", path: fs + "/f1", status: 404},
		{does: "is on in the new project", method: "GET", path: "/projects/p2/features/f1/environments/development", status: 200, want: `~"enabled":true`},
		{does: "does not have the old environment", method: "GET", path: "/projects/p2/features/f1/environments/production", status: 404},
		{does: "moves once", method: "POST", path: "/projects/p2/features/f1/changeProject", body: `{"newProjectId":"p2"}`, status: 200, changes: []string{}},
		{does: "refuses when the project is full", method: "POST", path: "/projects/p2/features/f1/changeProject", body: `{"newProjectId":"full"}`, status: 403, want: "~does not use: development."},
		{does: "counts flags of a project", method: "POST", path: "/projects/full/features", body: `{"name":"second"}`, status: 400, want: "~ExceedsLimitError"},
	})
}

func TestClone(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.sql(t, `UPDATE projects SET feature_naming_pattern = '^[a-z][a-z0-9]+$', feature_naming_example = 'abc1'`)
	s.must(t, "POST", fs, `{"name":"f1","type":"experiment","impressionData":true,"description":"d","tags":[{"type":"simple","value":"t1"}]}`)
	s.must(t, "POST", fs, `{"name":"parent"}`)
	s.must(t, "POST", fs+"/f1/dependencies", `{"feature":"parent","variants":["x"]}`)
	s.must(t, "PUT", prod+"/variants", `[{"name":"v","weight":1}]`)
	s.must(t, "POST", dev+"/on", "")
	s.events(t)
	s.changes(t)
	s.run(t, []step{
		{
			does: "copies everything but the state", method: "POST", path: fs + "/f1/clone", body: `{"name":"f1c"}`, status: 201,
			want: `{"name":"f1c","description":"d","type":"experiment","project":"default","stale":false,"createdAt":"T","impressionData":true,"archived":false}`,
			events: []string{
				"feature-created default/f1c/-", "feature-tagged default/f1c/-", "feature-environment-variants-updated default/f1c/production",
				"feature-dependency-added default/f1c/-", "feature-strategy-add default/f1c/development",
			},
		},
		{does: "is off, with its own group", method: "GET", path: fs + "/f1c/environments/development", status: 200, want: `~"enabled":false,"strategies":[{`},
		{does: "has its own group", method: "GET", path: fs + "/f1c/environments/development", status: 200, want: `~"groupId":"f1c"`},
		{does: "has the variants", method: "GET", path: fs + "/f1c/environments/production/variants", status: 200, want: `~"name":"v","weight":1000`},
		{does: "has the parent and tags", method: "GET", path: fs + "/f1c", status: 200, want: `~"dependencies":[{"feature":"parent","enabled":true,"variants":["x"]}],"children":[],"tags":[{"type":"simple","value":"t1"}]`},
		{
			does: "keeps the group when told", method: "POST", path: fs + "/f1/clone", body: `{"name":"f1d","replaceGroupId":false}`, status: 201,
			events: []string{
				"feature-created default/f1d/-", "feature-tagged default/f1d/-", "feature-environment-variants-updated default/f1d/production",
				"feature-dependency-added default/f1d/-", "feature-strategy-add default/f1d/development",
			},
		},
		{does: "kept the group", method: "GET", path: fs + "/f1d/environments/development", status: 200, want: `~"groupId":"f1"`},
		{does: "holds the name against the project's pattern", method: "POST", path: fs + "/f1/clone", body: `{"name":"F1"}`, status: 400, want: "~does not match the naming pattern", changes: []string{}},
		{does: "checks names against the pattern", method: "POST", path: "/features/validate", body: `{"name":"F1","projectId":"default"}`, status: 400, want: `~A name that does: \"abc1\".`},
		{does: "refuses a name that is taken", method: "POST", path: fs + "/f1/clone", body: `{"name":"parent"}`, status: 409, changes: []string{}},
		{does: "does not know the flag", method: "POST", path: fs + "/nope/clone", body: `{"name":"abc"}`, status: 404},
	})
}

package admin_test

import "testing"

func TestEnvironments(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.run(t, []step{
		{does: "lists them", method: "GET", path: "/environments", status: 200, want: `{"version":1,"environments":[
			{"name":"development","type":"development","sortOrder":100,"enabled":true,"protected":false,"requiredApprovals":null,"projectCount":1,"apiTokenCount":0,"enabledToggleCount":0},
			{"name":"production","type":"production","sortOrder":200,"enabled":true,"protected":false,"requiredApprovals":null,"projectCount":1,"apiTokenCount":0,"enabledToggleCount":0}]}`},
		{
			does: "creates one", method: "POST", path: "/environments", status: 201, body: `{"name":"staging","type":"test","sortOrder":150}`,
			want:   `{"name":"staging","type":"test","sortOrder":150,"enabled":true,"protected":false,"requiredApprovals":null,"projectCount":0,"apiTokenCount":0,"enabledToggleCount":0}`,
			events: []string{"environment-created -/-/staging"}, changes: []string{"environment staging staging"},
		},
		{does: "refuses a taken name", method: "POST", path: "/environments", status: 409, body: `{"name":"staging","type":"test"}`},
		{does: "refuses a name that is not URL friendly", method: "POST", path: "/environments", status: 400, body: `{"name":"a/b","type":"test"}`},
		{does: "refuses an empty type", method: "POST", path: "/environments", status: 400, body: `{"name":"x","type":""}`},
		{does: "refuses a sort order out of reach", method: "POST", path: "/environments", status: 400, body: `{"name":"x","type":"test","sortOrder":99999999999}`},
		{does: "validates a free name", method: "POST", path: "/environments/validate", status: 200, body: `{"name":"free"}`},
		{does: "validates a taken name", method: "POST", path: "/environments/validate", status: 409, body: `{"name":"staging"}`},
		{
			does: "changes one", method: "PUT", path: "/environments/update/staging", status: 200, body: `{"type":"preproduction","requiredApprovals":2}`,
			want: `~"requiredApprovals":2`, events: []string{"environment-updated -/-/staging"}, changes: []string{},
		},
		{does: "changes nothing", method: "PUT", path: "/environments/update/staging", status: 200, body: `{"type":"preproduction"}`},
		{
			does: "changes no unknown one", method: "PUT", path: "/environments/update/nope", status: 404, body: `{"type":"x"}`,
			want: `~Could not find environment with name: nope`,
		},
		{does: "puts one out of use", method: "POST", path: "/environments/staging/off", status: 204, events: []string{"environment-updated -/-/staging"}},
		{does: "puts it out of use once", method: "POST", path: "/environments/staging/off", status: 204},
		{does: "puts it into use", method: "POST", path: "/environments/staging/on", status: 204, events: []string{"environment-updated -/-/staging"}},
		{does: "puts no unknown one into use", method: "POST", path: "/environments/nope/on", status: 404},
		{
			does: "orders them", method: "PUT", path: "/environments/sort-order", status: 200, body: `{"production":1,"staging":2}`,
			events: []string{"environment-updated -/-/production", "environment-updated -/-/staging"},
		},
		{does: "orders all or none", method: "PUT", path: "/environments/sort-order", status: 404, body: `{"development":1,"nope":2}`},
		{does: "wants numbers", method: "PUT", path: "/environments/sort-order", status: 400, body: `{"development":"1"}`},
		{does: "shows one", method: "GET", path: "/environments/production", status: 200, want: `~"sortOrder":1`},
		{does: "shows no unknown one", method: "GET", path: "/environments/nope", status: 404},
		{
			does: "shows what a project uses", method: "GET", path: "/environments/project/default", status: 200,
			want: `~"projectApiTokenCount":0,"projectEnabledToggleCount":0,"visible":false`,
		},
		{does: "shows nothing to an unknown project", method: "GET", path: "/environments/project/nope", status: 404},
		{
			does: "deletes one", method: "DELETE", path: "/environments/staging", status: 200, events: []string{"environment-deleted -/-/staging"},
			changes: []string{"environment staging staging"},
		},
		{does: "deletes it once", method: "DELETE", path: "/environments/staging", status: 404},
		{does: "deletes the next", method: "DELETE", path: "/environments/development", status: 200, events: []string{"environment-deleted -/-/development"}},
		{does: "keeps the last", method: "DELETE", path: "/environments/production", status: 403},
	})
	s.sql(t, `INSERT INTO environments (name, type, protected) VALUES ('safe', 'production', true)`)
	s.run(t, []step{{does: "keeps protected ones", method: "DELETE", path: "/environments/safe", status: 403}})
}

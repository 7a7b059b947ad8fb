package admin_test

import "testing"

const archivedParent = "You can not archive/delete this feature since other features depend on it."

func TestArchive(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, name := range []string{"child", "parent", "f1", "features"} {
		s.must(t, "POST", fs, `{"name":"`+name+`","tags":[{"type":"simple","value":"t1"}]}`)
	}
	s.must(t, "POST", fs+"/child/dependencies", `{"feature":"parent"}`)
	s.must(t, "POST", dev+"/on", "")
	s.events(t)
	s.changes(t)
	s.run(t, []step{
		{
			does: "refuses a parent", method: "DELETE", path: fs + "/parent", status: 403,
			want: problem("InvalidOperationError", archivedParent), changes: []string{},
		},
		{
			does: "foresees that", method: "POST", path: p + "/archive/validate", body: `{"features":["parent"]}`, status: 200,
			want: `{"parentsWithChildFeatures":["parent"],"hasDeletedDependencies":true}`,
		},
		{
			does: "foresees nothing", method: "POST", path: p + "/archive/validate", body: `{"features":["f1","nope"]}`, status: 200,
			want: `{"parentsWithChildFeatures":[],"hasDeletedDependencies":false}`,
		},
		{
			does: "archives", method: "DELETE", path: fs + "/f1", status: 202,
			events: []string{"feature-archived default/f1/-"}, changes: []string{"feature f1 *"},
		},
		{does: "archives once", method: "DELETE", path: fs + "/f1", status: 202, changes: []string{}},
		{does: "does not know the flag", method: "DELETE", path: fs + "/nope", status: 404},
		{does: "keeps the name", method: "POST", path: fs, body: `{"name":"f1"}`, status: 409},
		{does: "leaves lists", method: "GET", path: fs, status: 200, want: `~"name":"child"`},
		{
			does: "is listed", method: "GET", path: "/archive/features", status: 200,
			want: `{"version":2,"features":[{"name":"f1","description":null,"type":"release","project":"default","stale":false,"createdAt":"T","impressionData":false,"archived":true,"archivedAt":"T"}]}`,
		},
		{does: "is listed by project", method: "GET", path: "/archive/features/nope", status: 200, want: `{"version":2,"features":[]}`},
		{
			does: "is not found", method: "GET", path: fs + "/f1", status: 404,
			want: problem("NotFoundError", "Could not find feature flag with name f1"),
		},
		{does: "refuses to be turned on", method: "POST", path: prod + "/on", status: 403, want: "~InvalidOperationError", changes: []string{}},
		{does: "refuses strategies", method: "POST", path: prod + "/strategies", body: `{"name":"default"}`, status: 403},
		{does: "refuses updates", method: "PUT", path: fs + "/f1", body: `{"description":"x"}`, status: 403},
		{
			does: "revives, off everywhere", method: "POST", path: "/archive/revive/f1", status: 200,
			events: []string{"feature-revived default/f1/-"}, changes: []string{"feature f1 *", "feature f1 development"},
		},
		{does: "is off", method: "GET", path: dev, status: 200, want: `~"enabled":false,"strategies":[{`},
		{does: "revives once", method: "POST", path: p + "/revive", body: `{"features":["f1"]}`, status: 200, changes: []string{}},
		{does: "does not delete what is active", method: "DELETE", path: "/archive/f1", status: 403, changes: []string{}},
		{
			does: "archives by an update", method: "PUT", path: fs + "/f1", body: `{"archived":true,"stale":true}`, status: 200, want: `~"archived":true`,
			events: []string{"feature-stale-on default/f1/-", "feature-archived default/f1/-"},
		},
		{does: "deletes all or none", method: "POST", path: p + "/delete", body: `{"features":["f1","child"]}`, status: 403, changes: []string{}},
		{does: "deletes", method: "DELETE", path: "/archive/f1", status: 200, events: []string{"feature-deleted default/f1/-"}},
		{does: "deletes once", method: "DELETE", path: "/archive/f1", status: 200, changes: []string{}},
		{does: "revives nothing", method: "POST", path: "/archive/revive/f1", status: 404},
		{does: "frees the name", method: "POST", path: fs, body: `{"name":"f1"}`, status: 201, events: []string{"feature-created default/f1/-"}},
		{
			does: "archives a family together", method: "POST", path: p + "/archive", body: `{"features":["parent","child"]}`, status: 202,
			events:  []string{"feature-dependencies-removed default/child/-", "feature-archived default/child/-", "feature-archived default/parent/-"},
			changes: []string{"feature child *", "feature parent *"},
		},
		{
			does: "revives a family", method: "POST", path: p + "/revive", body: `{"features":["parent","child"]}`, status: 200,
			events: []string{"feature-revived default/child/-", "feature-revived default/parent/-"},
		},
		{
			does: "passes over unknown flags of a batch", method: "POST", path: p + "/archive", body: `{"features":["parent","nope"]}`, status: 202,
			events: []string{"feature-archived default/parent/-"},
		},
		{does: "archives a flag named as a path", method: "DELETE", path: fs + "/features", status: 202, events: []string{"feature-archived default/features/-"}},
		{does: "deletes a flag named as a path", method: "DELETE", path: "/archive/features", status: 200, events: []string{"feature-deleted default/features/-"}},
	})
}

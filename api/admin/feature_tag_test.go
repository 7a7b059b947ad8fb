package admin_test

import "testing"

func TestFeatureTags(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects/default/features", `{"name":"tagged1"}`)
	s.must(t, "POST", "/projects/default/features", `{"name":"tagged2"}`)
	s.events(t)
	s.changes(t)
	s.run(t, []step{
		{does: "there are none at first", method: "GET", path: "/features/tagged1/tags", status: 200, want: `{"version":1,"tags":[]}`},
		{
			does: "a new value comes into being", method: "POST", path: "/features/tagged1/tags", body: `{"type":"simple","value":"brandnew"}`,
			status: 201, want: `{"type":"simple","value":"brandnew"}`,
			events: []string{"feature-tagged default/tagged1/-"}, changes: []string{"feature tagged1 *"},
		},
		{
			does: "the same again changes nothing", method: "POST", path: "/features/tagged1/tags", body: `{"type":"simple","value":"brandnew"}`,
			status: 201, changes: []string{},
		},
		{does: "a value that is too short is refused", method: "POST", path: "/features/tagged1/tags", body: `{"type":"simple","value":"a"}`, status: 400},
		{does: "an unknown type is refused", method: "POST", path: "/features/tagged1/tags", body: `{"type":"nope","value":"abc"}`, status: 400},
		{does: "a flag that is not there has none", method: "GET", path: "/features/nope/tags", status: 404},
		{does: "nor can it get any", method: "POST", path: "/features/nope/tags", body: `{"type":"simple","value":"abc"}`, status: 404},
		{
			does: "several at once", method: "PUT", path: "/features/tagged1/tags",
			body:   `{"addedTags":[{"type":"simple","value":"other"}],"removedTags":[{"type":"simple","value":"brandnew"},{"type":"simple","value":"never"}]}`,
			status: 200, want: `{"version":1,"tags":[{"type":"simple","value":"other"}]}`,
			events: []string{"feature-tagged default/tagged1/-", "feature-untagged default/tagged1/-"},
		},
		{
			does: "many flags at once; those elsewhere are passed over", method: "PUT", path: "/projects/default/tags",
			body:   `{"features":["tagged2","tagged1","gone"],"tags":{"addedTags":[{"type":"simple","value":"bulk"}],"removedTags":[{"type":"simple","value":"other"}]}}`,
			status: 200,
			events: []string{"feature-tagged default/tagged1/-", "feature-untagged default/tagged1/-", "feature-tagged default/tagged2/-"},
		},
		{
			does: "a batch fails as a whole", method: "PUT", path: "/projects/default/tags",
			body:   `{"features":["tagged2"],"tags":{"addedTags":[{"type":"simple","value":"fine"},{"type":"nope","value":"fine"}],"removedTags":[]}}`,
			status: 400, changes: []string{},
		},
		{
			does: "one is removed", method: "DELETE", path: "/features/tagged1/tags/simple/bulk", status: 200,
			events: []string{"feature-untagged default/tagged1/-"},
		},
		{does: "once more does no harm", method: "DELETE", path: "/features/tagged1/tags/simple/bulk", status: 200},
		{
			does: "archiving", method: "DELETE", path: "/projects/default/features/tagged2", status: 202,
			events: []string{"feature-archived default/tagged2/-"},
		},
		{does: "archived flags are left as they are", method: "POST", path: "/features/tagged2/tags", body: `{"type":"simple","value":"late"}`, status: 403},
	})
}

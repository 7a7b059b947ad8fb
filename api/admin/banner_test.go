package admin_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBanners(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.run(t, []step{
		{does: "none at first", method: "GET", path: "/banners", status: 200, want: `{"banners":[]}`},
		{
			does: "create with defaults", method: "POST", path: "/banners", body: `{"message":"**Hello**"}`, status: 201,
			want: `{"id":"ID","message":"**Hello**","enabled":true,"variant":"info","sticky":false,"icon":null,"link":null,"linkText":null,
				"dialogTitle":null,"dialog":null,"createdAt":"T"}`,
			events: []string{"banner-created -/-/-"}, changes: []string{},
		},
		{does: "hide", method: "POST", path: "/banners/1/off", status: 204, events: []string{"banner-updated -/-/-"}},
		{does: "hide again", method: "POST", path: "/banners/1/off", status: 204},
		{does: "is hidden", method: "GET", path: "/banners", status: 200, want: `~"enabled":false`},
		{does: "show", method: "POST", path: "/banners/1/on", status: 204, events: []string{"banner-updated -/-/-"}},
		{
			does: "replace", method: "PUT", path: "/banners/1", status: 200, events: []string{"banner-updated -/-/-"},
			body: `{"message":"Down at 5","enabled":false,"variant":"warning","sticky":true,"icon":"clock","link":"dialog","linkText":"Why?","dialogTitle":"Why","dialog":"Because."}`,
			want: `{"id":"ID","message":"Down at 5","enabled":false,"variant":"warning","sticky":true,"icon":"clock","link":"dialog","linkText":"Why?",
				"dialogTitle":"Why","dialog":"Because.","createdAt":"T"}`,
		},
		{does: "say nothing", method: "POST", path: "/banners", body: `{"message":" "}`, status: 400, want: `~message`},
		{does: "a variant that is none", method: "POST", path: "/banners", body: `{"message":"x","variant":"loud"}`, status: 400},
		{does: "one that is not there", method: "PUT", path: "/banners/9", body: `{"message":"x"}`, status: 404},
		{does: "delete", method: "DELETE", path: "/banners/1", status: 204, events: []string{"banner-deleted -/-/-"}},
		{does: "delete again", method: "DELETE", path: "/banners/1", status: 404},
	})
}

func TestBannersLinkToTheWebOnly(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for link, status := range map[string]int{
		"https://a.b/c": 201, "/projects/default": 201, "dialog": 201,
		"javascript:alert(1)": 400, "//evil.example": 400, `/\\evil.example`: 400, "data:text/html,x": 400, "nope": 400,
	} {
		require.Equal(t, status, s.call("POST", "/banners", `{"message":"x","link":"`+link+`"}`).Code, link)
	}
}

func TestNewFlagsGetTheLinksOfTheirProject(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const templates = `[{"title":"Issue","urlTemplate":"https://i.example/{{project}}/{{feature}}?x={{other}}"},{"title":null,"urlTemplate":"https://b.example"}]`
	s.run(t, []step{
		{does: "set templates", method: "PUT", path: "/projects/default/settings", body: `{"linkTemplates":` + templates + `}`, status: 200, events: []string{"project-updated default/-/-"}, changes: []string{}},
		{does: "templates are shown", method: "GET", path: "/projects/default/overview", status: 200, want: `~"linkTemplates":` + templates},
		{does: "other settings leave them", method: "PUT", path: "/projects/default/settings", body: `{"mode":"open"}`, status: 200, events: []string{"project-updated default/-/-"}},
		{
			does: "create a flag", method: "POST", path: "/projects/default/features", body: `{"name":"a~b"}`, status: 201,
			events: []string{"feature-created default/a~b/-", "feature-link-added default/a~b/-", "feature-link-added default/a~b/-"},
		},
		{does: "it has the links", method: "GET", path: "/projects/default/features/a~b", status: 200, want: `~"url":"https://i.example/default/a~b?x={{other}}","title":"Issue","feature":"a~b"}`},
		{does: "no web address", method: "PUT", path: "/projects/default/settings", body: `{"linkTemplates":[{"urlTemplate":"javascript:{{feature}}"}]}`, status: 400, want: `~The link template at 0`},
		{does: "take them away", method: "PUT", path: "/projects/default/settings", body: `{"linkTemplates":[]}`, status: 200, events: []string{"project-updated default/-/-"}},
		{does: "a flag without", method: "POST", path: "/projects/default/features", body: `{"name":"c"}`, status: 201, events: []string{"feature-created default/c/-"}},
	})
}

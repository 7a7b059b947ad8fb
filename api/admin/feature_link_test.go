package admin_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFeatureLinks(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects/default/features", `{"name":"linked"}`)
	s.events(t)
	const path = "/projects/default/features/linked/link"
	s.run(t, []step{
		{
			does: "a link is added", method: "POST", path: path, body: `{"url":"https://x.example/a","title":"t"}`, status: 204,
			events: []string{"feature-link-added default/linked/-"}, changes: []string{"feature linked *"},
		},
		{does: "scripts are no links", method: "POST", path: path, body: `{"url":"javascript:alert(1)"}`, status: 400},
		{does: "nor is a path", method: "POST", path: path, body: `{"url":"/a"}`, status: 400},
		{does: "the flag must exist", method: "POST", path: "/projects/default/features/nope/link", body: `{"url":"https://x.example"}`, status: 404},
		{does: "the link must exist", method: "PUT", path: path + "/nope", body: `{"url":"https://x.example"}`, status: 404},
		{does: "to be removed too", method: "DELETE", path: path + "/nope", status: 404},
	})
	var flag struct {
		Links []struct{ ID, URL, Title string }
	}
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "GET", "/projects/default/features/linked", "")), &flag))
	require.Len(t, flag.Links, 1)
	require.Equal(t, "https://x.example/a", flag.Links[0].URL)
	one := path + "/" + flag.Links[0].ID
	s.run(t, []step{
		{
			does: "it is changed", method: "PUT", path: one, body: `{"url":"https://x.example/b"}`, status: 204,
			events: []string{"feature-link-updated default/linked/-"}, changes: []string{},
		},
		{does: "the same again leaves no event", method: "PUT", path: one, body: `{"url":"https://x.example/b"}`, status: 204},
		{does: "it is removed", method: "DELETE", path: one, status: 204, events: []string{"feature-link-removed default/linked/-"}},
	})
	for i := range 10 {
		s.must(t, "POST", path, fmt.Sprintf(`{"url":"https://x.example/%d"}`, i))
	}
	require.Equal(t, 400, s.call("POST", path, `{"url":"https://x.example/11"}`).Code)
}

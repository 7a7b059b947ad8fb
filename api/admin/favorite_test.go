package admin_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFavorites(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects/default/features", `{"name":"a"}`)
	s.must(t, "POST", "/projects/default/features", `{"name":"b"}`)
	s.events(t)
	s.changes(t)
	const b, project = "/projects/default/features/b/favorites", "/projects/default/favorites"
	s.run(t, []step{
		{
			does: "a flag becomes a favourite", method: "POST", path: b, body: `{}`, status: 200,
			events: []string{"feature-favorited default/b/-"}, changes: []string{},
		},
		{does: "once", method: "POST", path: b, status: 200},
		{does: "unknown flags cannot", method: "POST", path: "/projects/default/features/nope/favorites", status: 404},
		{does: "nor unknown projects", method: "POST", path: "/projects/nope/favorites", status: 404},
		{does: "a project does", method: "POST", path: project, status: 200, events: []string{"project-favorited default/-/-"}},
		{does: "and no longer", method: "DELETE", path: project, status: 200, events: []string{"project-unfavorited default/-/-"}},
		{does: "once", method: "DELETE", path: project, status: 200},
	})
	require.Equal(t, []string{"b", "a"}, found(t, s, "sortBy=name&favoritesFirst=true"))
	require.Equal(t, []string{"b"}, found(t, s, "favorite=IS:true"))
	require.Contains(t, s.must(t, "GET", "/projects/default/features/b", ""), `"favorite":true`)
	s.run(t, []step{{does: "it is taken off the list", method: "DELETE", path: b, status: 200, events: []string{"feature-unfavorited default/b/-"}}})
	require.Equal(t, []string{"a", "b"}, found(t, s, "sortBy=name&favoritesFirst=true"))
}

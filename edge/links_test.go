package edge

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/token"
)

// TestEdgesBelowEdgesAreLinked has what happens on the server arrive two edges below it without anybody asking.
func TestEdgesBelowEdgesAreLinked(t *testing.T) {
	t.Parallel()
	s := twoEnvironments(t)
	upper := startRole(t, s.URL, nil, secretDevelopment, secretProduction)
	defer upper.stop()
	upper.follows(t, s)
	lower := startRole(t, upper.URL(), nil, secretDevelopment, secretOne)
	defer lower.stop()
	lower.follows(t, s)
	require.Equal(t, 1, upper.surface.links.Links(), "one connection for both scopes")

	_, _, cursor := delta(t, lower.URL(), secretOne, "")
	s.put("production", "c", made("c", "one", true))
	s.put("production", "d", made("d", "two", true))
	lower.follows(t, s)
	_, expected, head := delta(t, s.URL, secretOne, cursor)
	_, body, tag := delta(t, lower.URL(), secretOne, cursor)
	require.Equal(t, expected, body)
	require.Equal(t, head, tag)

	known, err := s.tokens.Token(t.Context(), secretOne)
	require.NoError(t, err)
	s.tokens.mu.Lock()
	delete(s.tokens.known, secretOne)
	s.tokens.mu.Unlock()
	s.links.TokenChanged(known.ID, link.Revoked)
	eventually(t, func() bool {
		status, _, _ := delta(t, lower.URL(), secretOne, "")
		return status == http.StatusUnauthorized
	})
	status, _, _ := delta(t, lower.URL(), secretDevelopment, "")
	require.Equal(t, http.StatusOK, status)

	s.tokens.set("frontend", token.Frontend, token.NewScope("development", token.All))
	asked, err := http.NewRequestWithContext(t.Context(), http.MethodGet, lower.URL()+"/api/frontend", nil)
	require.NoError(t, err)
	asked.Header.Set("Authorization", "frontend")
	frontend := func() int {
		answer, err := http.DefaultClient.Do(asked)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	eventually(t, func() bool { return frontend() == http.StatusOK })
	s.tokens.mu.Lock()
	delete(s.tokens.known, "frontend")
	s.tokens.mu.Unlock()
	s.links.TokenChanged(tokenID("frontend"), link.Revoked)
	eventually(t, func() bool { return frontend() == http.StatusUnauthorized })
}

package edge

import (
	"context"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/edge/storage"
	"github.com/pennonhq/pennon/token"
)

// roleOf is an edge that runs.
type roleOf struct {
	*Edge

	wire *wire
	stop func()
}

func startRole(t *testing.T, url string, change func(*Config), tokens ...string) *roleOf {
	t.Helper()
	r := &roleOf{wire: newWire(t)}
	config := Config{Surface: Surface{Version: "test", Host: "127.0.0.1"}, URL: url, Tokens: tokens, Transport: r.wire.Transport}
	if change != nil {
		change(&config)
	}
	var err error
	r.Edge, err = New(t.Context(), config)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.stop = func() {
		cancel()
		require.NoError(t, <-done)
	}
	return r
}

// delta asks an edge or a server for what a client has missed.
func delta(t *testing.T, url, secret, cursor string) (status int, body, tag string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/client/delta", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", secret)
	if cursor != "" {
		r.Header.Set("If-None-Match", cursor)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	content, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode, string(content), answer.Header.Get("Etag")
}

func (r *roleOf) follows(t *testing.T, s *server) {
	t.Helper()
	eventually(t, func() bool { return r.surface.store.Cursor() == s.store.Cursor() && r.Ready() == nil })
}

func TestCursorsMeanTheSameOnTheServerAndOnEveryEdge(t *testing.T) {
	t.Parallel()
	s := twoEnvironments(t)
	one, two := startRole(t, s.URL, nil, secretDevelopment, secretProduction), startRole(t, s.URL, nil, secretProduction)
	defer one.stop()
	defer two.stop()
	one.follows(t, s)
	two.follows(t, s)
	_, body, cursor := delta(t, one.URL(), secretProduction, "")
	require.Contains(t, body, "hydration")
	s.put("production", "a", made("a", "one", true))
	s.put("development", "b", nil)
	for _, other := range []*roleOf{one, two} {
		other.follows(t, s)
	}
	_, expected, head := delta(t, s.URL, secretProduction, cursor)
	require.NotContains(t, expected, "hydration")
	require.Contains(t, expected, `"name":"a"`)
	for _, url := range []string{one.URL(), two.URL()} {
		_, body, tag := delta(t, url, secretProduction, cursor)
		require.Equal(t, expected, body, "the difference and nothing else")
		require.Equal(t, head, tag)
		status, _, _ := delta(t, s.URL, secretProduction, tag)
		require.Equal(t, http.StatusNotModified, status, "the server understands it, too")
	}
}

func TestRestart(t *testing.T) {
	t.Parallel()
	s := twoEnvironments(t)
	folder := storage.OpenFolder(t.TempDir())
	kept := func(c *Config) { c.Storage = folder }
	tokens := []string{secretDevelopment, secretOne, secretTwo}
	first := startRole(t, s.URL, kept, tokens...)
	first.follows(t, s)
	_, _, cursor := delta(t, first.URL(), secretOne, "")
	s.put("production", "b", nil)
	first.follows(t, s)
	_, _, later := delta(t, first.URL(), secretOne, cursor)
	first.stop()

	s.put("production", "c", made("c", "one", true))
	second := startRole(t, s.URL, kept, tokens...)
	defer second.stop()
	second.follows(t, s)
	require.Zero(t, second.wire.hydrations.Load(), "the edge got the difference only")
	for _, scope := range []token.Scope{token.NewScope("production", token.All), token.NewScope("development", token.All)} {
		require.Equal(t, etag(s.store, scope), etag(second.surface.store, scope))
	}
	for _, held := range []string{cursor, later} {
		_, body, _ := delta(t, second.URL(), secretOne, held)
		require.NotContains(t, body, "hydration", "and so do its clients")
		require.Contains(t, body, `"name":"c"`)
		require.NotContains(t, body, `"name":"a"`)
	}
	_, body, _ := delta(t, second.URL(), secretTwo, cursor)
	require.Contains(t, body, `"feature-removed"`)
	require.NotContains(t, body, "hydration")
}

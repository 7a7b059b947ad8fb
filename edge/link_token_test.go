package edge

import (
	"bufio"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/token"
)

// follow opens a stream and returns when it has said its first word. What ends it closes the channel.
func follow(t *testing.T, url, secret string) <-chan struct{} {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/client/streaming", nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", secret)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, answer.StatusCode)
	lines := bufio.NewReader(answer.Body)
	for line := ""; !strings.HasPrefix(line, "data:"); {
		line, err = lines.ReadString('\n')
		require.NoError(t, err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = io.Copy(io.Discard, lines)
		_ = answer.Body.Close()
	}()
	return ended
}

func TestRevocationEndsStreamsBehindTwoEdges(t *testing.T) {
	t.Parallel()
	s := twoEnvironments(t)
	upper := startRole(t, s.URL, nil, secretDevelopment)
	defer upper.stop()
	upper.follows(t, s)
	lower := startRole(t, upper.URL(), nil, secretDevelopment)
	defer lower.stop()
	lower.follows(t, s)
	const count = 9
	var took []time.Duration
	for i := range count {
		secret := "*:development.sdk" + strconv.Itoa(i)
		known := s.tokens.set(secret, token.Client, token.NewScope("development", token.All))
		other := follow(t, lower.URL(), secretDevelopment)
		ended := follow(t, lower.URL(), secret)
		eventually(t, func() bool { return watched(s, known.ID) }, "the server knows that it is in use")
		s.tokens.remove(secret)
		at := time.Now()
		s.links.TokenChanged(known.ID, link.Revoked)
		<-ended
		took = append(took, time.Since(at))
		status, _, _ := delta(t, lower.URL(), secret, "")
		require.Equal(t, http.StatusUnauthorized, status)
		select {
		case <-other:
			require.Fail(t, "the stream of another token has ended")
		default:
		}
	}
	slices.Sort(took)
	t.Logf("revocation to the end of the stream: median %v, longest %v", took[count/2], took[count-1])
	require.Less(t, took[count/2], time.Second, "nobody has asked")
}

func TestTokenThatSeesSomethingElseIsFetchedAnew(t *testing.T) {
	t.Parallel()
	s := twoEnvironments(t)
	e := startRole(t, s.URL, nil, secretOne, secretDevelopment)
	defer e.stop()
	e.follows(t, s)
	_, body, cursor := delta(t, e.URL(), secretOne, "")
	require.NotContains(t, body, `"name":"b"`)
	ended := follow(t, e.URL(), secretOne)
	eventually(t, func() bool { return watched(s, tokenID(secretOne)) })

	known := s.tokens.set(secretOne, token.Client, token.NewScope("production", "one", "two"))
	s.links.TokenChanged(known.ID, link.Changed)
	<-ended
	eventually(t, func() bool {
		status, body, _ := delta(t, e.URL(), secretOne, cursor)
		return status == http.StatusOK && strings.Contains(body, "hydration") && strings.Contains(body, `"name":"b"`)
	}, "its clients are sent everything")
	scope := token.NewScope("production", "one", "two")
	eventually(t, func() bool { return etag(s.store, scope) == etag(e.surface.store, scope) })
	eventually(t, func() bool { return e.Ready() == nil })
}

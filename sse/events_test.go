package sse_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/sse"
)

func get(t *testing.T, b *bench, query string) (*client, *http.Response) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.server.URL+"/?"+query, nil)
	require.NoError(t, err)
	response, err := b.server.Client().Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	return &client{lines: bufio.NewReader(response.Body), state: make(map[int]int64)}, response
}

// TestTransportsWithAGoroutine covers connections that cannot be written to without waiting.
func TestTransportsWithAGoroutine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		configure func(*httptest.Server)
		major     int
		transport sse.Transport
	}{
		"H2":              {func(s *httptest.Server) { s.EnableHTTP2, s.TLS = true, new(tls.Config) }, 2, sse.EventsFlushed},
		"TLS":             {func(s *httptest.Server) { s.TLS = new(tls.Config) }, 1, sse.EventsHijacked},
		"WrappedResponse": {func(s *httptest.Server) { s.Config.Handler = unhijackable(s.Config.Handler) }, 1, sse.EventsFlushed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, sse.Config{Heartbeat: 100 * time.Millisecond}, c.configure)
			b.topic.change(1)
			first, response := get(t, b, "key=first")
			require.Equal(t, c.major, response.ProtoMajor)
			require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
			second, _ := get(t, b, "")
			require.NoError(t, second.reach(1))
			require.Equal(t, 2, b.hub.Stats().Streams[c.transport])

			const changes = 200
			for i := range changes {
				b.change(i % 7)
			}
			require.NoError(t, first.reach(changes+1))
			require.NoError(t, second.reach(changes+1))
			require.Equal(t, first.state, second.state)

			require.NoError(t, second.next())
			require.Equal(t, ":keep-alive", second.other[0])

			b.hub.CloseKey("first", sse.Revoked)
			require.ErrorIs(t, first.end(), io.EOF)
			eventually(t, func() bool { return open(b) == 1 })
		})
	}
}

func TestH2ClientThatLeavesIsNoticed(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{}, func(s *httptest.Server) { s.EnableHTTP2, s.TLS = true, new(tls.Config) })
	c, response := get(t, b, "")
	require.NoError(t, c.next())
	require.NoError(t, response.Body.Close())
	eventually(t, func() bool { return open(b) == 0 && b.hub.Stats().Closes[sse.PeerClosed] == 1 })
}

// unhijackable wraps responses as middleware that hides the connection does.
func unhijackable(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(flusher{w, w.(http.Flusher)}, r)
	})
}

type flusher struct {
	http.ResponseWriter
	http.Flusher
}

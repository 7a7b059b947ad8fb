package httpload_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pennonhq/pennon/test/load/httpload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers with a body that is chunked, sized or absent by path.
func serve(t *testing.T) (string, *atomic.Int64) {
	t.Helper()
	var served atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served.Add(1)
		w.Header().Set("ETag", `"7"`)
		switch r.URL.Path {
		case "/sized":
			w.Header().Set("Content-Length", "10")
			_, _ = io.WriteString(w, "0123456789")
		case "/chunked":
			for range 3 {
				_, _ = io.WriteString(w, strings.Repeat("x", 5000))
				_ = http.NewResponseController(w).Flush()
			}
		case "/unchanged":
			w.WriteHeader(http.StatusNotModified)
		case "/echo":
			_, _ = io.Copy(w, r.Body)
		}
	}))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), &served
}

func TestGetReadsEveryKindOfBody(t *testing.T) {
	t.Parallel()
	addr, _ := serve(t)
	for _, tc := range []struct {
		request httpload.Request
		status  int
		body    string
	}{
		{httpload.Request{Method: "GET", Path: "/sized"}, 200, "0123456789"},
		{httpload.Request{Method: "GET", Path: "/chunked"}, 200, strings.Repeat("x", 15000)},
		{httpload.Request{Method: "GET", Path: "/unchanged"}, 304, ""},
		{httpload.Request{Method: "POST", Path: "/echo", Body: []byte("hello")}, 200, "hello"},
	} {
		response, body, err := httpload.Get(addr, tc.request)
		require.NoError(t, err)
		require.Equal(t, tc.status, response.Status)
		require.Equal(t, `"7"`, response.ETag)
		require.Equal(t, tc.body, string(body))
		require.EqualValues(t, len(tc.body), response.Body)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()

	t.Run("CountsEveryAnswer", func(t *testing.T) {
		t.Parallel()
		addr, served := serve(t)
		result, err := httpload.Run(t.Context(), httpload.Load{
			Addr: addr, Requests: []httpload.Request{{Method: "GET", Path: "/chunked"}}, Connections: 3,
			Duration: 50 * time.Millisecond, WantStatus: 200,
		})
		require.NoError(t, err)
		require.EqualValues(t, served.Load(), result.Requests)
		require.EqualValues(t, result.Requests*15000, result.Bytes)
		require.Positive(t, result.Rate())
		require.LessOrEqual(t, result.P50, result.P99)
	})
	t.Run("FailsOnAnotherStatus", func(t *testing.T) {
		t.Parallel()
		addr, _ := serve(t)
		_, err := httpload.Run(t.Context(), httpload.Load{
			Addr: addr, Requests: []httpload.Request{{Method: "GET", Path: "/unchanged"}}, Connections: 1,
			Duration: 50 * time.Millisecond, WantStatus: 200,
		})
		require.ErrorContains(t, err, "answered 304, not 200")
	})
}

package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestObserveIsToldTemplatesAndStatuses(t *testing.T) {
	t.Parallel()
	var told []string
	a := New(Config{BasePath: "/base", Observe: func(path, method string, status int, took time.Duration) {
		require.GreaterOrEqual(t, took, time.Duration(0))
		told = append(told, fmt.Sprintf("%s %s %d", method, path, status))
	}}, slog.New(slog.DiscardHandler))
	a.Router.Get("/plain", func(http.ResponseWriter, *http.Request) {})
	a.Router.Post("/flags/{name}", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
	})
	a.Router.Get("/panics", func(http.ResponseWriter, *http.Request) { panic("on purpose") })
	a.Router.Get("/some/stream", func(http.ResponseWriter, *http.Request) {})
	a.Router.Get("/some/ws", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) })
	a.Router.Mount("/mounted", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if http.NewResponseController(w).Flush() != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	a.Guard("/guarded", func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	})
	for _, request := range [][2]string{
		{http.MethodGet, "/base/plain"},
		{http.MethodHead, "/base//plain/"},
		{http.MethodPost, "/base/flags/secret-name"},
		{http.MethodGet, "/base/panics"},
		{http.MethodGet, "/base/some/stream"},
		{http.MethodGet, "/base/some/ws"},
		{http.MethodGet, "/base/mounted/a/b"},
		{http.MethodGet, "/base/guarded/x"},
		{http.MethodGet, "/base/nothing/here"},
		{http.MethodGet, "/elsewhere"},
		{http.MethodDelete, "/base/flags/x"},
	} {
		r := httptest.NewRequestWithContext(t.Context(), request[0], request[1], nil)
		a.ServeHTTP(httptest.NewRecorder(), r)
	}
	require.Equal(t, []string{
		"GET /plain 200", "HEAD /plain 200", "POST /flags/{name} 418", "GET /panics 500", "GET /some/ws 429", "GET /mounted 200",
		"GET /{unknown} 401", "GET /{unknown} 404", "GET /{unknown} 404", "DELETE /{unknown} 404",
	}, told)
}

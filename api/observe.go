package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
)

// Observe is told of every request that has been answered: the template of its path, such as /api/client/features/{name},
// never the path itself; its method; the status; and how long it took. It must not block.
type Observe func(path, method string, status int, took time.Duration)

// UnknownPath stands for paths that there are not.
const UnknownPath = "/{unknown}"

// answer is the writer of a request that is observed. It notes the status.
type answer struct {
	http.ResponseWriter

	status int
}

// WriteHeader implements http.ResponseWriter.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK { // the others are informational
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// observed serves the request and tells of it. A stream is told of only when it was refused: how long it lasts says nothing.
func (a *API) observed(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	info := requestFrom(r.Context())
	info.answer.ResponseWriter = w
	defer func() {
		status := info.answer.status
		if status == 0 {
			status = http.StatusOK // as net/http does; or the connection was taken over
		}
		path := a.template(r.Method, r.URL.Path)
		if status >= http.StatusBadRequest || !isStream(path) {
			a.config.Observe(path, r.Method, status, time.Since(began))
		}
	}()
	defer recovered(&info.answer, r)
	a.serve(&info.answer, r)
}

func isStream(path string) bool {
	return strings.HasSuffix(path, "/streaming") || strings.HasSuffix(path, "/stream") || strings.HasSuffix(path, "/ws") ||
		strings.HasSuffix(path, "/edge/link")
}

// template is the path as it was registered.
func (a *API) template(method, path string) string {
	a.walk.Do(a.learnPaths)
	if a.plain[path] {
		return path
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	pattern := a.Router.Find(chi.NewRouteContext(), method, path)
	if pattern = strings.TrimSuffix(pattern, "/*"); pattern == "" {
		return UnknownPath
	}
	return pattern
}

// learnPaths notes the paths that are their own templates: those that are asked for most.
func (a *API) learnPaths() {
	a.plain = map[string]bool{}
	_ = chi.Walk(a.Router, func(_, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if !strings.ContainsAny(route, "{*") {
			a.plain[route] = true
		}
		return nil
	})
}

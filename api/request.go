package api

import (
	"context"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/oklog/ulid/v2"

	"github.com/pennonhq/pennon/token"
)

// maxRequestIDLength bounds the request ids taken from callers.
const maxRequestIDLength = 128

type requestKey struct{}

// request is what is known of the request in hand. There is one context value for all of it, because each costs an
// allocation on every request. It is used by one goroutine at a time.
type request struct {
	logger *slog.Logger
	trust  Trust
	path   string // as the caller sent it, without the query
	id     string // drawn when first asked for
	token  *token.Token
	answer answer // the response, when it is observed
}

func withRequest(r *http.Request, logger *slog.Logger, trust Trust) *http.Request {
	info := &request{logger: logger, trust: trust, path: r.URL.Path}
	if id := r.Header.Get("X-Request-Id"); validRequestID(id) {
		info.id = id
	}
	// The copy has its own URL, which may then be rewritten.
	copied := r.WithContext(context.WithValue(r.Context(), requestKey{}, info))
	url := *r.URL
	copied.URL = &url
	return copied
}

func requestFrom(ctx context.Context) *request {
	if info, ok := ctx.Value(requestKey{}).(*request); ok {
		return info
	}
	return nil
}

// RequestID identifies the request in logs and audit events: the caller's X-Request-Id, or one of our own.
func RequestID(ctx context.Context) string {
	info := requestFrom(ctx)
	if info == nil {
		return ""
	}
	if info.id == "" {
		info.id = ulid.Make().String()
	}
	return info.id
}

func validRequestID(id string) bool {
	if id == "" || len(id) > maxRequestIDLength {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return true
}

// ClientIP is the caller's address: what the trusted proxies say in X-Forwarded-For, else the connection's.
func ClientIP(r *http.Request) string {
	if info := requestFrom(r.Context()); info != nil {
		return info.trust.ClientIP(r)
	}
	return Trust{}.ClientIP(r)
}

// logger gives the logger the request came with, or one that writes nothing.
func logger(ctx context.Context) *slog.Logger {
	if info := requestFrom(ctx); info != nil && info.logger != nil {
		return info.logger
	}
	return slog.New(slog.DiscardHandler)
}

func originalPath(r *http.Request) string {
	if info := requestFrom(r.Context()); info != nil {
		return info.path
	}
	return r.URL.Path
}

// loggedPath is the path without the secret that paths to tokens end in.
func loggedPath(r *http.Request) string {
	const tokens = "/api-tokens/"
	path := originalPath(r)
	if at := strings.Index(path, tokens); at >= 0 {
		return path[:at+len(tokens)] + "..."
	}
	return path
}

func cutBasePath(r *http.Request, base string) bool {
	rest, ok := strings.CutPrefix(r.URL.Path, base)
	if !ok || (rest != "" && rest[0] != '/') {
		return false
	}
	r.URL.Path = "/" + strings.TrimPrefix(rest, "/")
	if r.URL.RawPath != "" {
		raw, ok := strings.CutPrefix(r.URL.RawPath, base)
		if !ok {
			return false
		}
		r.URL.RawPath = "/" + strings.TrimPrefix(raw, "/")
	}
	return true
}

// foldSlashes makes one slash of several and drops one at the end: clients are often given a URL that ends in one.
func foldSlashes(path string) string {
	if !strings.Contains(path, "//") && (len(path) < 2 || path[len(path)-1] != '/') {
		return path
	}
	folded := make([]byte, 0, len(path))
	for i := range len(path) {
		if path[i] == '/' && len(folded) > 0 && folded[len(folded)-1] == '/' {
			continue
		}
		folded = append(folded, path[i])
	}
	if len(folded) > 1 && folded[len(folded)-1] == '/' {
		folded = folded[:len(folded)-1]
	}
	return string(folded)
}

// recovered is deferred around a request: it logs a panic with its stack and answers 500.
func recovered(w http.ResponseWriter, r *http.Request) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler { //nolint:errorlint // net/http compares it the same way
		panic(cause)
	}
	logger(r.Context()).ErrorContext(r.Context(), "request panicked", "component", "api", "method", r.Method,
		"path", loggedPath(r), "request_id", RequestID(r.Context()), "panic", cause, "stack", string(debug.Stack()))
	writeJSON(w, r, newProblem(http.StatusInternalServerError, unknownError, unknownMessage(r.Context())))
}

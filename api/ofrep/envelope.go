package ofrep

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/openfeature"
	"github.com/pennonhq/pennon/token"
)

// ManifestGuard lets only requests with a valid token pass: of any kind to read, an admin token to write; and it puts every
// error under the manifest's path into the manifest's envelope, whoever answers it.
func (h *Handler) ManifestGuard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		expose(w.Header())
		e := &envelope{ResponseWriter: w}
		defer e.close()
		known, status := h.check(e, r, secretOf(r))
		switch {
		case status == http.StatusUnauthorized:
			api.WriteMessage(e, r, status, "A valid API token is required in the header Authorization.")
		case status != 0:
		case known.Kind != token.Admin && r.Method != http.MethodGet && r.Method != http.MethodHead:
			api.WriteMessage(e, r, http.StatusForbidden, "This token may only read. Use an admin token to change flags.")
		default:
			next.ServeHTTP(e, api.WithToken(r, known))
		}
	})
}

// envelope rewrites the body of an error.
type envelope struct {
	http.ResponseWriter

	status int // of an error; 0: what is answered is none
	body   bytes.Buffer
}

// WriteHeader keeps the status of an error until its body is known.
func (e *envelope) WriteHeader(status int) {
	if status >= http.StatusBadRequest {
		e.status = status
		return
	}
	e.ResponseWriter.WriteHeader(status)
}

// Write keeps the body of an error.
func (e *envelope) Write(p []byte) (int, error) {
	if e.status != 0 {
		return e.body.Write(p)
	}
	return e.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController find the connection.
func (e *envelope) Unwrap() http.ResponseWriter { return e.ResponseWriter }

// close writes the error, if there is one.
func (e *envelope) close() {
	if e.status == 0 {
		return
	}
	var told struct {
		api.Problem
		Details      json.RawMessage `json:"details"`
		ErrorDetails string          `json:"errorDetails"` // of answers in the protocol's shape
	}
	_ = json.Unmarshal(e.body.Bytes(), &told) // what is no JSON says nothing
	wrapped := openfeature.ManifestErrorSchema{Error: openfeature.ManifestErrorBody{Message: told.Message, Status: e.status}}
	if told.ErrorDetails != "" {
		wrapped.Error.Message = told.ErrorDetails
	}
	if wrapped.Error.Message == "" {
		wrapped.Error.Message = http.StatusText(e.status)
	}
	var details []api.ProblemDetail
	_ = json.Unmarshal(told.Details, &details) // the same
	for _, detail := range details {
		field := strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(detail.Path, "/body/"), "/"), "/", ".")
		if field != "" || detail.Message != wrapped.Error.Message {
			wrapped.Error.Details = append(wrapped.Error.Details, openfeature.ManifestErrorDetail{Field: field, Message: detail.Message})
		}
	}
	body, err := json.Marshal(wrapped)
	if err != nil { // strings and numbers always marshal
		panic(err)
	}
	header := e.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	e.ResponseWriter.WriteHeader(e.status)
	_, _ = e.ResponseWriter.Write(body) // the caller is gone; nothing is left to tell
}

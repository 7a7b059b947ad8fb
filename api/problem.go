package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/pennonhq/pennon/fault"
)

// Problem is the JSON body of every error. Unleash has two shapes of it: problems found before a handler runs
// (credentials, permissions, unknown paths, validation, content type) carry an id, those a handler finds do not. A few
// have a message only.
type Problem struct {
	ID          string          `json:"id,omitempty" doc:"Identifies this answer; on problems found before the handler ran"`
	Name        string          `json:"name,omitempty" doc:"What went wrong, for programs"`
	Message     string          `json:"message" doc:"What went wrong, for people"`
	Details     []ProblemDetail `json:"details,omitempty" doc:"One entry a problem"`
	Permissions []string        `json:"permissions,omitempty" doc:"Permissions of which any one would have sufficed"`
	Path        string          `json:"path,omitempty" doc:"Where to log in"`
	Type        string          `json:"type,omitempty" doc:"How to log in"`

	// DefaultHidden belongs to the login problem only, where it must be present though false.
	DefaultHidden *bool `json:"defaultHidden,omitempty"`

	status int
}

// ProblemDetail is one problem in a request.
type ProblemDetail struct {
	Message string `json:"message"`
	Path    string `json:"path,omitempty" doc:"Where in the request, for example /body/name"`
}

// Error makes a Problem the error that huma writes out.
func (p *Problem) Error() string { return p.Message }

// GetStatus is the HTTP status, for huma.
func (p *Problem) GetStatus() int { return p.status }

const (
	unknownError = "UnknownError"

	// validationFailed heads a list of details; validationFailedWith is followed by the only one.
	validationFailed = "Request validation failed: your request body or params contain invalid data. " +
		"Refer to the `details` list for more information."
	validationFailedWith = "Request validation failed: your request body or params contain invalid data: "
)

func newProblem(status int, name, message string, details ...ProblemDetail) *Problem {
	if len(details) == 0 {
		details = []ProblemDetail{{Message: message}}
	}
	return &Problem{Name: name, Message: message, Details: details, status: status}
}

func (p *Problem) withID() *Problem {
	p.ID = uuid.NewString()
	return p
}

// faultNames gives each kind its status and Unleash's name for it.
var faultNames = map[fault.Kind]struct {
	status int
	name   string
}{
	fault.Invalid:         {http.StatusBadRequest, "BadDataError"},
	fault.Unauthenticated: {http.StatusUnauthorized, "UnauthorizedError"},
	fault.Denied:          {http.StatusForbidden, "PermissionError"},
	fault.Refused:         {http.StatusForbidden, "InvalidOperationError"},
	fault.NotFound:        {http.StatusNotFound, "NotFoundError"},
	fault.NameTaken:       {http.StatusConflict, "NameExistsError"},
	fault.Conflict:        {http.StatusConflict, "ConflictError"},
	fault.Stale:           {http.StatusPreconditionFailed, "PreconditionFailedError"},
	fault.KeyReused:       {http.StatusUnprocessableEntity, "IdempotencyKeyReusedError"},
	fault.TooLarge:        {http.StatusRequestEntityTooLarge, "BadDataError"},
	fault.LimitExceeded:   {http.StatusBadRequest, "ExceedsLimitError"},
	fault.Unavailable:     {http.StatusServiceUnavailable, "ServiceUnavailableError"},
}

// ProblemOf turns any error into what the caller is told. Errors that are no faults are internal: they are logged here,
// once, and answered with the request id only.
func ProblemOf(ctx context.Context, err error) *Problem {
	var ready *Problem
	if errors.As(err, &ready) {
		return ready
	}
	f := fault.As(err)
	if f == nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return newProblem(http.StatusRequestEntityTooLarge, "BadDataError", "The request body is too large.")
		}
		if ctx.Err() == nil { // a caller who hung up is no error of ours
			logger(ctx).ErrorContext(ctx, "request failed", "component", "api", "request_id", RequestID(ctx), "err", err)
		}
		return newProblem(http.StatusInternalServerError, unknownError, unknownMessage(ctx))
	}
	return problemOfFault(ctx, f)
}

func problemOfFault(ctx context.Context, f *fault.Fault) *Problem {
	known, ok := faultNames[f.Kind]
	if !ok {
		logger(ctx).ErrorContext(ctx, "fault without a kind", "component", "api", "err", f)
		return newProblem(http.StatusInternalServerError, unknownError, unknownMessage(ctx))
	}
	details := make([]ProblemDetail, 0, len(f.Details))
	for _, d := range f.Details {
		details = append(details, ProblemDetail{Message: d.Message, Path: d.Path})
	}
	switch f.Kind {
	case fault.Invalid:
		if len(details) == 0 {
			return newProblem(known.status, known.name, validationFailedWith+f.Message, ProblemDetail{Message: f.Message})
		}
		return newProblem(known.status, known.name, validationFailed, details...)
	case fault.Unauthenticated:
		return newProblem(known.status, known.name, f.Message, details...).withID()
	case fault.Denied:
		message := f.Message + needed(f.Permissions)
		p := newProblem(known.status, known.name, message).withID()
		p.Permissions = f.Permissions
		return p
	case fault.Unavailable:
		logger(ctx).WarnContext(ctx, "dependency unavailable", "component", "api", "request_id", RequestID(ctx), "err", f)
	}
	return newProblem(known.status, known.name, f.Message, details...)
}

// needed names the missing permissions as Unleash does.
func needed(permissions []string) string {
	switch len(permissions) {
	case 0:
		return ""
	case 1:
		return ` To perform this action, you need the "` + permissions[0] + `" permission.`
	}
	return ` To perform this action, you need one of the following permissions: "` +
		strings.Join(permissions, `", "`) + `".`
}

func unknownMessage(ctx context.Context) string {
	return "Something went wrong on the server. The log has more under request id " + RequestID(ctx) + "."
}

// WriteProblem answers a request with err. Faults are shown; anything else is logged and shown as 500.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	writeJSON(w, r, ProblemOf(r.Context(), err))
}

// WriteError answers a request before any handler ran, in the shape with an id. For statuses that no fault has.
func WriteError(w http.ResponseWriter, r *http.Request, status int, name, message string) {
	writeJSON(w, r, newProblem(status, name, message).withID())
}

// WriteMessage answers a request with nothing but a message, as Unleash's token check does.
func WriteMessage(w http.ResponseWriter, r *http.Request, status int, message string) {
	writeJSON(w, r, &Problem{Message: message, status: status})
}

func writeJSON(w http.ResponseWriter, r *http.Request, p *Problem) {
	header := w.Header()
	header.Set("Content-Type", "application/json; charset=utf-8")
	header.Del("ETag")
	if id := RequestID(r.Context()); id != "" {
		header.Set("X-Request-Id", id)
	}
	if p.status == http.StatusServiceUnavailable {
		header.Set("Retry-After", "1")
	}
	body, err := json.Marshal(p)
	if err != nil { // strings and slices of strings always marshal
		panic(err)
	}
	w.WriteHeader(p.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the caller is gone; nothing is left to tell
	}
}

// Package fault holds the error values that may reach a user.
//
// A fault says what went wrong in the user's terms. Anything that is not a fault is internal: it is logged once, at the
// edge of the request, and never shown. Faults know nothing of HTTP or PostgreSQL: db turns database errors into faults,
// api turns faults into responses. Every package may import fault; fault imports only the standard library.
package fault

import (
	"errors"
	"fmt"
)

// Kind classifies a fault. The zero Kind is not valid.
type Kind int

// The kinds of fault, each with the Unleash error name and HTTP status that api/problem.go gives it.
const (
	_               Kind = iota
	Invalid              // 400 BadDataError: the input breaks a rule
	Unauthenticated      // 401 UnauthorizedError: no credential, or one that is not known
	Denied               // 403 PermissionError: known, but not allowed
	Refused              // 403 InvalidOperationError: allowed in principle, not in this state
	NotFound             // 404 NotFoundError
	NameTaken            // 409 NameExistsError
	Conflict             // 409 ConflictError
	Stale                // 412 PreconditionFailedError: If-Match named another version
	KeyReused            // 422 IdempotencyKeyReusedError: an Idempotency-Key was sent with another request before
	TooLarge             // 413 BadDataError: the body is over the limit
	LimitExceeded        // 400 ExceedsLimitError: a resource limit is reached
	Unavailable          // 503: a dependency (the database) cannot be asked now; try again
)

// Detail is one problem in a request. Path is a JSON pointer into the request (for example /body/appName) or empty.
type Detail struct {
	Path    string
	Message string
}

// Fault is an error fit for the user's eyes.
type Fault struct {
	Kind    Kind
	Message string   // one sentence for the user
	Details []Detail // one entry a problem; when empty, Message is the only detail

	// Permissions lists what the caller would have needed (any one of them); set on Denied only.
	Permissions []string

	cause error
}

// Error returns the message, followed by the cause for the log's sake.
func (f *Fault) Error() string {
	if f.cause != nil {
		return f.Message + ": " + f.cause.Error()
	}
	return f.Message
}

// Unwrap returns the internal error behind the fault, which is logged and never shown.
func (f *Fault) Unwrap() error { return f.cause }

// New makes a fault of kind with a message formatted for the user.
func New(kind Kind, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap makes a fault that carries cause for the log.
func Wrap(kind Kind, cause error, format string, args ...any) *Fault {
	return &Fault{Kind: kind, Message: fmt.Sprintf(format, args...), cause: cause}
}

// With returns f with the details added. It is meant for the return statement that makes f.
func (f *Fault) With(details ...Detail) *Fault {
	f.Details = append(f.Details, details...)
	return f
}

// MissingPermission is the Denied fault for a caller who lacks every one of permissions.
func MissingPermission(permissions ...string) *Fault {
	f := New(Denied, "You don't have the required permissions to perform this operation.")
	f.Permissions = permissions
	return f
}

// As returns the fault in err's chain, or nil when there is none.
func As(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return nil
}

// Is reports whether err's chain holds a fault of kind.
func Is(err error, kind Kind) bool {
	f := As(err)
	return f != nil && f.Kind == kind
}

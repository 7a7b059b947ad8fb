package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
)

// Tokens knows the valid API tokens. The server asks its database, an edge its upstream.
type Tokens interface {
	// Token returns the valid token with that secret. It fails with fault.Unauthenticated when there is none (unknown,
	// revoked or expired), with fault.Denied when there is one that cannot be served here (an edge that does not hold what
	// it sees), and with anything else, preferably fault.Unavailable, when that cannot be found out now.
	Token(ctx context.Context, secret string) (*token.Token, error)
}

// The answers of the token check, word for word Unleash's: SDKs and tools match on them.
const (
	messageTokenRequired = "This endpoint requires an API token. Please add an authorization header to your request with a valid token"
	messageWrongKind     = "invalid token: expected a different token type for this endpoint"
	messageLoginRequired = "You must log in to use Unleash."
	messageLogin         = "You must log in to use Unleash. Your request had no authorization header, so we could not " +
		"authorize you. Try logging in at "
	messageUnavailable = "The token cannot be checked at the moment. Try again."

	loginPath = "/auth/simple/login"
)

// RequireToken lets only requests with a valid token of that kind pass. The token is then found with TokenFrom.
//
// A token that cannot be checked is answered with 503, never with 401 or 403: on those SDKs stop asking for good.
func RequireToken(tokens Tokens, kind token.Kind) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			secret := token.FromHeader(r.Header.Get("Authorization"))
			if secret == "" {
				writeTokenMissing(w, r, kind)
				return
			}
			known, err := tokens.Token(r.Context(), secret)
			switch {
			case err == nil && known.Kind == kind:
				next.ServeHTTP(w, WithToken(r, known))
			case err == nil:
				writeWrongKind(w, r, kind, kindName(known.Kind))
			case fault.Is(err, fault.Denied):
				WriteMessage(w, r, http.StatusForbidden, fault.As(err).Message)
			case !fault.Is(err, fault.Unauthenticated):
				writeUnavailable(w, r, err)
			case kind != token.Admin && strings.HasPrefix(secret, "user:"):
				writeWrongKind(w, r, kind, "personal access")
			default:
				writeTokenUnknown(w, r, kind)
			}
		})
	}
}

// WithToken gives r the identity of a token that was checked elsewhere.
func WithToken(r *http.Request, known *token.Token) *http.Request {
	if info := requestFrom(r.Context()); info != nil {
		info.token = known
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), requestKey{}, &request{path: r.URL.Path, token: known}))
}

// TokenFrom returns the token that RequireToken let pass, or nil.
func TokenFrom(ctx context.Context) *token.Token {
	if info := requestFrom(ctx); info != nil {
		return info.token
	}
	return nil
}

func writeTokenMissing(w http.ResponseWriter, r *http.Request, kind token.Kind) {
	if kind != token.Admin {
		WriteMessage(w, r, http.StatusUnauthorized, messageTokenRequired)
		return
	}
	hidden := false
	p := newProblem(http.StatusUnauthorized, "AuthenticationRequired", messageLogin+loginPath).withID()
	p.Path, p.Type, p.DefaultHidden = loginPath, "password", &hidden
	writeJSON(w, r, p)
}

func writeTokenUnknown(w http.ResponseWriter, r *http.Request, kind token.Kind) {
	if kind != token.Admin {
		WriteMessage(w, r, http.StatusUnauthorized, messageTokenRequired)
		return
	}
	WriteError(w, r, http.StatusUnauthorized, "UnauthorizedError", messageLoginRequired)
}

func writeWrongKind(w http.ResponseWriter, r *http.Request, expected token.Kind, got string) {
	WriteMessage(w, r, http.StatusForbidden, messageWrongKind+
		" (expected "+article(kindName(expected))+" token, got "+article(got)+" token)")
}

func writeUnavailable(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		logger(r.Context()).WarnContext(r.Context(), "token not checked", "component", "api",
			"request_id", RequestID(r.Context()), "err", err)
	}
	WriteMessage(w, r, http.StatusServiceUnavailable, messageUnavailable)
}

// kindName is the word users know a kind by.
func kindName(kind token.Kind) string {
	if kind == token.Client {
		return "backend"
	}
	return string(kind)
}

func article(noun string) string {
	if noun != "" && strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}

package link

import (
	"net/http"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
)

// statusLater refuses a scope for now: the edge may ask again.
const statusLater = http.StatusServiceUnavailable

// refusal is why a scope is not carried.
type refusal struct {
	status  int
	message string
}

var (
	refusedEnvironment = refusal{statusLater, "The flags of this environment are not loaded yet. Ask again."}
	refusedChanged     = refusal{statusLater, "The token has changed, or cannot be checked at the moment. Ask again."}
	refusedExpired     = refusal{http.StatusUnauthorized, "The token has expired."}
	refusedRevoked     = refusal{http.StatusUnauthorized, "The token is no longer valid."}
)

// whyRefused is what a token's state means for its scopes.
func whyRefused(state TokenState) refusal {
	switch state {
	case Changed:
		return refusedChanged
	case Expired:
		return refusedExpired
	default:
		return refusedRevoked
	}
}

// check reports whether a token may be a scope of a link.
func check(known *token.Token, err error) (refusal, bool) {
	switch {
	case err == nil && known.Kind == token.Client:
		return refusal{}, true
	case err == nil:
		return refusal{http.StatusForbidden, "A link takes backend tokens only; this is one of kind " + string(known.Kind) + "."}, false
	case fault.Is(err, fault.Denied):
		return refusal{http.StatusForbidden, fault.As(err).Message}, false
	case fault.Is(err, fault.Unauthenticated):
		return refusal{http.StatusUnauthorized, "The token is not valid."}, false
	default:
		return refusal{statusLater, "The token cannot be checked at the moment. Ask again."}, false
	}
}

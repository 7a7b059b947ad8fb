package ofrep

import (
	"net/http"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
)

// Guard lets only requests with a valid frontend or client token pass: in Authorization, with or without Bearer, in
// X-API-Key, or sealed in the ticket of a stream. 401 and 403 have no body. A token that cannot be checked now gives 503, as
// clients stop asking for good on the others.
func (h *Handler) Guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		expose(w.Header())
		secret := secretOf(r)
		if r.URL.Path == PathStream {
			claimed, ok := h.claimed(r)
			if !ok {
				unauthorized(w)
				return
			}
			secret = claimed.Secret
		}
		known, status := h.check(w, r, secret)
		switch {
		case status == http.StatusUnauthorized:
			unauthorized(w)
		case status != 0:
		case known.Kind != token.Frontend && known.Kind != token.Client:
			w.WriteHeader(http.StatusForbidden)
		default:
			next.ServeHTTP(w, api.WithToken(r, known))
		}
	})
}

// check finds the token of a secret. Status is 0, or 401, which is left to the caller to answer, or 503, which is answered.
func (h *Handler) check(w http.ResponseWriter, r *http.Request, secret string) (known *token.Token, status int) {
	if secret == "" {
		return nil, http.StatusUnauthorized
	}
	known, err := h.config.Tokens.Token(r.Context(), secret)
	switch {
	case err == nil:
		return known, 0
	case fault.Is(err, fault.Unauthenticated):
		return nil, http.StatusUnauthorized
	case fault.Is(err, fault.Denied):
		w.WriteHeader(http.StatusForbidden)
		return nil, http.StatusForbidden
	}
	if r.Context().Err() == nil {
		h.config.Logger.WarnContext(r.Context(), "token not checked", "component", "ofrep", "request_id", api.RequestID(r.Context()), "err", err)
	}
	writeFailure(w, http.StatusServiceUnavailable, failure{Details: "The token cannot be checked at the moment. Try again."})
	return nil, http.StatusServiceUnavailable
}

func secretOf(r *http.Request) string {
	if secret := token.FromHeader(r.Header.Get("Authorization")); secret != "" {
		return secret
	}
	return token.FromHeader(r.Header.Get("X-Api-Key"))
}

func (h *Handler) claimed(r *http.Request) (claim, bool) {
	if !h.pushes() {
		return claim{}, false
	}
	return h.open(r.URL.Query().Get("ticket"))
}

func unauthorized(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", "Bearer")
	w.WriteHeader(http.StatusUnauthorized)
}

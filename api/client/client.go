// Package client serves what SDKs and edges ask of /api/client: flags, whole (features) or as changes (delta), and the
// reports they send back.
//
// The reads answer from the replica's prepared bytes. They are on the router directly rather than behind huma, because a
// thousand flags are most often answered by a 304 and anything done per request would be most of its cost. The package
// knows no SQL; it may import api, replica, usage, token and fault.
package client

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/replica"
)

// Dependencies are what the routes need.
type Dependencies struct {
	Store  *replica.Store
	Usage  Usage
	Tokens api.Tokens // for POST /edge/validate

	// Asked says what tokens are to edges that report themselves which of them are used (seenTokens): by it, no token counts
	// as used. nil: Tokens.
	Asked api.Tokens

	// Once takes reports with a name (HeaderReport). nil: they are taken as any other.
	Once Once

	// TokensSeen is told the hashes of tokens that an edge has seen in use, and the environment of the edge's own; unknown ones
	// may be among them. It must not block. nil: nobody.
	TokensSeen func(environment string, hashes [][32]byte)

	// Fleet is told what edges tell of themselves, and Polls who polls. nil: nobody.
	Fleet, Polls *fleet.Registry

	// Invite reports whether the client that sends the request shall be told to stream, which then happens. nil: nobody.
	Invite func(*http.Request) bool
}

// Register puts the routes of /api/client on router. They expect the token that api.RequireToken lets pass for
// token.Client under that prefix.
func Register(router chi.Router, d Dependencies) {
	flags := &reads{store: d.Store, invite: d.Invite, polls: d.Polls}
	if flags.invite == nil {
		flags.invite = func(*http.Request) bool { return false }
	}
	router.Get("/api/client/features", flags.features)
	router.Get("/api/client/features/{featureName}", flags.feature)
	router.Get("/api/client/delta", flags.delta)

	reported := NewReports(d.Usage, func(w http.ResponseWriter) { w.WriteHeader(http.StatusAccepted) })
	reported.once = d.Once
	if d.TokensSeen != nil {
		reported.seen = d.TokensSeen
	}
	router.Post("/api/client/register", reported.Register)
	router.Post("/api/client/metrics", reported.Metrics)
	router.Post("/api/client/metrics/bulk", reported.Bulk)
	router.Post("/api/client/metrics/edge", instanceData(d.Fleet))
}

// RegisterEdge puts POST /edge/validate on router. It wants no token.
func RegisterEdge(router chi.Router, d Dependencies) {
	asked := d.Asked
	if asked == nil {
		asked = d.Tokens
	}
	router.Post("/edge/validate", validate(d.Tokens, asked))
}

// reads serves flags from the replica.
type reads struct {
	store  *replica.Store
	invite func(*http.Request) bool
	polls  *fleet.Registry
}

// state returns what the query is answered from, or answers 503 itself and returns nil: SDKs keep what they have and ask
// again. That the environment is unknown says nothing against the token: it may be newer than the replica, or on its way
// out with its environment.
func (h *reads) state(w http.ResponseWriter, r *http.Request, environment string) *replica.State {
	state := h.store.State(environment)
	switch {
	case state != nil:
	case h.store.Ready():
		api.WriteProblem(w, r, fault.New(fault.Unavailable, "The environment of this token is not available."))
	default:
		api.WriteProblem(w, r, fault.New(fault.Unavailable, "The flags are not loaded yet. Try again."))
	}
	return state
}

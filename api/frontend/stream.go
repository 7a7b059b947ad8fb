package frontend

import (
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/pennonhq/pennon/api/push"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/ticket"
	"github.com/pennonhq/pennon/token"
)

// Paths of the streams.
const (
	PathStream    = "/api/frontend/stream"
	PathWebSocket = PathStream + "/ws"
	PathTicket    = PathStream + "/ticket"
)

// Names of the events on a stream.
const (
	eventHydration = "hydration" // all flags that are on for the context
	eventUpdate    = "update"    // those that have changed, and the names of those that no longer are
)

// StreamDependencies are what the streams need.
type StreamDependencies struct {
	Push    *push.Handler
	Tickets *ticket.Keys
}

// RegisterStreams puts the streams on router. They expect in front of them, from the outside in: api.CORS, Tickets, and
// api.RequireToken for token.Frontend.
func RegisterStreams(router chi.Router, d StreamDependencies) {
	h := &streams{d}
	router.Get(PathStream, h.stream)
	router.Post(PathStream, h.stream)
	router.Get(PathWebSocket, h.stream)
	router.Post(PathTicket, h.ticket)
}

type streams struct{ StreamDependencies }

// stream keeps a client up to date with the flags that are on for its context.
func (h *streams) stream(w http.ResponseWriter, r *http.Request) {
	ask := new(Ask) // not from the pool: it is kept as long as the stream lives
	if ticket := ticketFrom(r); ticket != nil {
		ticket.ask(r, ask)
	} else if !Read(w, r, ask) {
		return
	}
	h.Push.Serve(w, r, push.Stream{Kind: token.Frontend, Request: ask.Request, Context: &ask.Context, Encoder: toggles{}})
}

// toggles writes what streams of the frontend API are sent.
type toggles struct{}

// Hash implements push.Encoder.
func (toggles) Hash(set *evaluation.Set) uint64 { return set.Hash(false) }

// Opening implements push.Encoder.
func (toggles) Opening(set *evaluation.Set, id string) *sse.Message {
	return sse.NewMessage(eventHydration, id, set.AppendEnabled(nil))
}

// Update implements push.Encoder.
func (toggles) Update(_ *evaluation.Set, diff evaluation.Diff, id string) *sse.Message {
	if !diff.Visible() {
		return nil
	}
	return sse.NewMessage(eventUpdate, id, diff.AppendUpdate(nil))
}

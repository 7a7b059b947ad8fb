// Package stream pushes flag changes to SDKs and edges: GET /api/client/streaming (Server-Sent Events) and
// GET /api/client/streaming/ws (WebSocket). docs/protocol.md describes both from the outside.
//
// A stream opens with what its client does not have yet, from a state of the replica, and is then a subscriber of a sse.Hub
// at that state's cursor. What it listens to, a topic, is shared by all streams with the same query. The package holds no
// goroutine and no connection: those are the Hub's. It may import api, sse, replica and token.
package stream

import (
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/token"
)

// Paths of the streams.
const (
	PathEvents    = "/api/client/streaming"
	PathWebSocket = PathEvents + "/ws"
)

// Handler serves the streams of one Store through one Hub. It is safe for concurrent use.
type Handler struct {
	store   *replica.Store
	hub     *sse.Hub
	topics  *topics
	gate    *Gate
	waiting *waiting
}

// New makes a Handler that wakes hub on every change of store. It must be called before the store's Source runs. Tokens is
// asked again once a stream is on the Hub's books, so that a revocation in between is not missed: whoever revokes must make
// Tokens refuse first and then call Hub.CloseKey with the token's ID. Hydrations is how many clients may be sent their
// whole state at the same time; 0: DefaultHydrations.
func New(store *replica.Store, hub *sse.Hub, tokens api.Tokens, hydrations int) *Handler {
	h := &Handler{store: store, hub: hub, topics: newTopics(store), gate: NewGate(hub, tokens, hydrations), waiting: newWaiting()}
	store.OnChange(func(environments []string) { hub.WakeSince(store.ChangedAt(), h.topics.of(environments)...) })
	return h
}

// Register puts the streams on router, which must let only requests with a valid client token pass (api.RequireToken).
func (h *Handler) Register(router chi.Router) {
	router.Get(PathEvents, h.ServeHTTP)
	router.Get(PathWebSocket, h.ServeHTTP)
}

// ServeHTTP answers with a WebSocket if the request asks for an upgrade to one, else with SSE.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// SDKs leave streaming for polling when they are refused, until they are invited back.
	h.gate.Admit(w, r, token.Client, Door{Refused: h.waiting.refused, Admitted: h.waiting.admitted, Serve: h.serve})
}

// serve opens the admitted stream. It returns false, with the request answered, when that is not possible.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, stream *sse.Stream) bool {
	known := api.TokenFrom(r.Context())
	query, err := queryOf(known.Scope, r.URL.Query())
	if err != nil {
		api.WriteProblem(w, r, err)
		return false
	}
	// A token of an environment that is not there was just created with it, or is about to go with it: 503 makes SDKs try
	// again, while 404 would make them leave streaming for good.
	state := h.store.State(query.Scope.Environment)
	if state == nil {
		api.WriteProblem(w, r, fault.New(fault.Unavailable, "The flags of this environment are not loaded yet. Try again."))
		return false
	}
	numeric := strings.EqualFold(r.Header.Get("Unleash-Sdk-Type"), "edge")
	topic := h.topics.acquire(query, numeric)
	opening, cursor, release, err := h.opening(r, known, state, topic)
	if err != nil {
		topic.release()
		api.WriteProblem(w, r, err)
		return false
	}
	defer release()
	subscription := sse.Subscription{
		Topic:   topic,
		Opening: sse.NewMessage(eventConnected, idOf(opening.Cursor, numeric), opening.JSON),
		Cursor:  cursor,
		Closed:  topic.release,
	}
	if err = Open(w, r, stream, subscription); err != nil {
		topic.release()
	}
	return err == nil
}

// opening returns what the client has to be sent first, and a function to be called once it is sent.
func (h *Handler) opening(r *http.Request, known *token.Token, state *replica.State, topic *topic) (
	payload *replica.Payload, cursor sse.Cursor, release func(), err error,
) {
	if payload, ok := h.resume(r, known, state, topic.query); ok {
		return payload, place(payload.Cursor), func() {}, nil
	}
	release, err = h.gate.Slot(r.Context())
	if err != nil {
		return nil, cursor, nil, err
	}
	// What has changed while waiting for the slot is in already.
	if newer := h.store.State(topic.query.Scope.Environment); newer != nil {
		state = newer
	}
	payload, cursor = topic.hydrate(state)
	return payload, cursor, release, nil
}

// nothing is the payload for a client that has everything.
var nothing = []byte(`{"events":[]}`)

// resume returns what the client has missed since the last message it names, or false if it names none or has to be sent
// everything.
func (h *Handler) resume(r *http.Request, known *token.Token, state *replica.State, query replica.Query) (*replica.Payload, bool) {
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		last = r.URL.Query().Get("lastEventId") // WebSocket clients in browsers cannot set headers
	}
	cursor, ok := replica.ParseCursor(last)
	if last == "" || !ok {
		return nil, false
	}
	if h.store.TokenRevision(known.ID) > cursor.Revision {
		return nil, false // the token may have shown something else then
	}
	payload, ok := state.Since(query, cursor)
	if ok && payload == nil {
		payload = &replica.Payload{JSON: nothing, Cursor: state.Cursor()}
	}
	return payload, ok
}

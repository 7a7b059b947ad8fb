// Package stream pushes flag changes to SDKs and edges: GET /api/client/streaming (Server-Sent Events) and
// GET /api/client/streaming/ws (WebSocket). docs/protocol.md describes both from the outside.
//
// A stream opens with what its client does not have yet, from a state of the replica, and is then a subscriber of a sse.Hub
// at that state's cursor. What it listens to, a topic, is shared by all streams with the same query. The package holds no
// goroutine and no connection: those are the Hub's. It may import api, sse, replica and token.
package stream

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

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

const (
	// DefaultHydrations is how many clients may be sent their whole state at the same time.
	DefaultHydrations = 128

	// hydrationHold is how long a client may keep others from being sent theirs: a slow one goes on beyond it, but not
	// counted, so that slow clients cannot shut out the rest.
	hydrationHold = 2 * time.Second

	// hydrationPatience is how long a client waits for its turn; SDKs wait 60 s.
	hydrationPatience = 20 * time.Second
)

// Handler serves the streams of one Store through one Hub. It is safe for concurrent use.
type Handler struct {
	store  *replica.Store
	hub    *sse.Hub
	topics *topics

	tokens  api.Tokens
	slots   chan struct{} // one for each hydration being sent
	waiting *waiting
}

// New makes a Handler that wakes hub on every change of store. It must be called before the store's Source runs. Tokens is
// asked again once a stream is on the Hub's books, so that a revocation in between is not missed: whoever revokes must make
// Tokens refuse first and then call Hub.CloseKey with the token's ID. Hydrations is how many clients may be sent their
// whole state at the same time; 0: DefaultHydrations.
func New(store *replica.Store, hub *sse.Hub, tokens api.Tokens, hydrations int) *Handler {
	if hydrations <= 0 {
		hydrations = DefaultHydrations
	}
	h := &Handler{
		store: store, hub: hub, topics: newTopics(store), tokens: tokens,
		slots: make(chan struct{}, hydrations), waiting: newWaiting(),
	}
	store.OnChange(func(environments []string) { hub.Wake(h.topics.of(environments)...) })
	return h
}

// Register puts the streams on router, which must let only requests with a valid client token pass (api.RequireToken).
func (h *Handler) Register(router chi.Router) {
	router.Get(PathEvents, h.ServeHTTP)
	router.Get(PathWebSocket, h.ServeHTTP)
}

// ServeHTTP answers with a WebSocket if the request asks for an upgrade to one, else with SSE.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	known := api.TokenFrom(r.Context())
	if known == nil {
		api.WriteProblem(w, r, errors.New("stream without a token check"))
		return
	}
	if r.Method == http.MethodHead {
		sse.SetEventHeaders(w.Header())
		return
	}
	stream, err := h.hub.Admit(known.ID, known.ExpiresAt)
	switch {
	case errors.Is(err, sse.ErrOverloaded):
		// SDKs leave streaming for polling at once, until they are invited back; others may try again when a part of the streams has gone.
		h.waiting.refused(r)
		w.Header().Set("Retry-After", strconv.Itoa(30+rand.IntN(60)))
		api.WriteError(w, r, http.StatusTooManyRequests, "TooManyStreamsError", "Too many streams are open. Poll instead.")
		return
	case err != nil:
		w.Header().Set("Connection", "close")
		api.WriteProblem(w, r, fault.Wrap(fault.Unavailable, err, "The server is shutting down. Connect again."))
		return
	}
	h.waiting.admitted(r)
	taken := false
	api.RequireToken(h.tokens, token.Client)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		taken = h.serve(w, r, stream)
	})).ServeHTTP(w, r)
	if !taken {
		stream.Discard()
	}
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
	if wantsWebSocket(r) {
		if err = stream.ServeWebSocket(w, r, subscription); errors.Is(err, sse.ErrHandshake) {
			api.WriteProblem(w, r, fault.New(fault.Invalid, "This request is no WebSocket handshake."))
		}
	} else if err = stream.ServeEvents(w, r, subscription); err != nil {
		api.WriteProblem(w, r, err)
	}
	if err != nil {
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
	release, ok := h.hydrationSlot(r.Context())
	if !ok {
		return nil, cursor, nil, fault.New(fault.Unavailable, "Too many clients are connecting. Try again.")
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

// hydrationSlot waits for the right to send a whole state. It returns false when that takes too long.
func (h *Handler) hydrationSlot(ctx context.Context) (release func(), ok bool) {
	ctx, cancel := context.WithTimeout(ctx, hydrationPatience)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	held := time.AfterFunc(hydrationHold, func() { <-h.slots })
	return func() {
		if held.Stop() {
			<-h.slots
		}
	}, true
}

func wantsWebSocket(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/ws") || strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

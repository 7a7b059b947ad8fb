// Package push keeps clients up to date with what flags answer for their context, over the streams of a sse.Hub.
//
// Clients with the same request, context and encoder share a topic: one evaluation, and one encoding of each message. On a
// change of flags a topic evaluates again what can have changed, and only if the answer differs its clients are sent
// something. One timer for all topics does the same when the moment of a date constraint comes. What is sent, an Encoder
// says: /api/frontend/stream sends flags, OFREP asks to fetch.
//
// The package holds no goroutine and no connection: those are the Hub's. It may import api, api/stream, evaluation, eval,
// replica, sse and token.
package push

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/stream"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/token"
)

// MaxContext is how large the context of a stream may be, in bytes of its fields: it is held as long as the stream lives.
const MaxContext = 8 << 10

// Encoder writes what the clients of one wire are sent. It is part of what tells topics apart, so it must be comparable.
// Its methods are called from any goroutine.
type Encoder interface {
	// Hash is equal for sets that say the same on this wire.
	Hash(set *evaluation.Set) uint64

	// Opening is the message for a client that holds nothing.
	Opening(set *evaluation.Set, id string) *sse.Message

	// Update is the message that brings a client to set by diff; nil: there is nothing to tell it.
	Update(set *evaluation.Set, diff evaluation.Diff, id string) *sse.Message
}

// Stream is what one client wants to be kept up to date with.
type Stream struct {
	Kind    token.Kind // that the token must have
	Request evaluation.Request
	Context *eval.Context // must not be changed afterwards
	Encoder Encoder
}

// Config is what a Handler works with. All fields but Hydrations must be set.
type Config struct {
	Store  *replica.Store
	Flags  *evaluation.Evaluator // of the Store
	Hub    *sse.Hub
	Tokens api.Tokens

	// Hydrations is how many clients may be sent their opening message at the same time; 0: stream.DefaultHydrations.
	Hydrations int
}

// Handler serves the streams of one Store through one Hub. It is safe for concurrent use.
type Handler struct {
	topics *topics
	gate   *stream.Gate
}

// New makes a Handler that wakes the Hub on every change of the Store. It must be called before the Store's Source runs.
func New(c Config) *Handler {
	h := &Handler{topics: newTopics(c.Flags, c.Hub), gate: stream.NewGate(c.Hub, c.Tokens, c.Hydrations)}
	c.Store.OnChange(func(environments []string) { h.topics.changed(c.Store.ChangedAt(), environments) })
	return h
}

// Serve answers the request with a stream: a WebSocket if it asks for an upgrade, else SSE. The request must have passed
// api.RequireToken.
func (h *Handler) Serve(w http.ResponseWriter, r *http.Request, s Stream) {
	if s.Context.Size() > MaxContext {
		api.WriteProblem(w, r, fault.New(fault.TooLarge, "The context is larger than %d bytes.", MaxContext))
		return
	}
	h.gate.Admit(w, r, s.Kind, stream.Door{Serve: func(w http.ResponseWriter, r *http.Request, admitted *sse.Stream) bool {
		return h.serve(w, r, s, admitted)
	}})
}

// serve opens the admitted stream. It returns false, with the request answered, when that is not possible.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, s Stream, admitted *sse.Stream) bool {
	t := h.topics.acquire(s)
	subscription, release, err := h.opening(r, t)
	if err == nil {
		defer release()
		err = stream.Open(w, r, admitted, subscription)
	} else {
		api.WriteProblem(w, r, err)
	}
	if err != nil {
		t.release()
	}
	return err == nil
}

// opening is what the client is sent first, and a function to be called once it is.
func (h *Handler) opening(r *http.Request, t *topic) (s sse.Subscription, release func(), err error) {
	// As in package stream: an environment that is not there is about to come or to go, and 503 makes clients try again.
	missing := fault.New(fault.Unavailable, "The flags of this environment are not loaded yet. Try again.")
	s = sse.Subscription{Topic: t, Client: t.Context.AppName, Closed: t.release}
	if hash, named := hashOf(lastEventID(r)); named {
		message, cursor, resumed, known := t.resume(hash)
		if !known {
			return s, nil, missing
		}
		if resumed {
			s.Opening, s.Cursor = message, cursor
			return s, func() {}, nil
		}
	}
	release, err = h.gate.Slot(r.Context())
	if err != nil {
		return s, nil, err
	}
	var known bool
	if s.Opening, s.Cursor, known = t.open(); !known {
		release()
		return s, nil, missing
	}
	return s, release, nil
}

func lastEventID(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	return r.URL.Query().Get("lastEventId") // WebSocket clients in browsers cannot set headers
}

// idOf names a set to a client that may come back: where it comes from, for people, and the hash of what it says.
func idOf(set *evaluation.Set, hash uint64) string {
	id := append(set.Cursor().Append(make([]byte, 0, 64)), '.')
	return string(evaluation.AppendHash(id, hash))
}

// hashOf is the hash in an id.
func hashOf(id string) (hash uint64, found bool) {
	_, text, found := strings.Cut(id, ".")
	if !found {
		return 0, false
	}
	hash, err := strconv.ParseUint(text, 16, 64)
	return hash, err == nil
}

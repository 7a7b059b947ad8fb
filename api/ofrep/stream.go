package ofrep

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/sse"
)

// The reconnection delays that clients are told: when their stream opens, and when there is no room for it.
const (
	retryMin, retryMax         = 3 * time.Second, 6 * time.Second
	retryFullMin, retryFullMax = 30 * time.Second, 60 * time.Second
)

// stream answers GET /ofrep/v1/stream?ticket=…: one refetchEvaluation whenever the answer for the ticket's context has
// changed.
//
// A client that has opened no stream before is asked to evaluate at once, as something may have changed since it did; most
// often that is answered by a 304. One that comes back names what it knows.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request) {
	claimed, ok := h.claimed(r)
	known := api.TokenFrom(r.Context())
	if !ok || known == nil {
		unauthorized(w)
		return
	}
	if r.Method == http.MethodHead {
		sse.SetEventHeaders(w.Header())
		return
	}
	stream, err := h.config.Hub.Admit(known.ID, known.ExpiresAt)
	switch {
	case errors.Is(err, sse.ErrOverloaded):
		full(w)
		return
	case err != nil:
		w.Header().Set("Connection", "close")
		writeProblem(w, r, fault.Wrap(fault.Unavailable, err, "The server is shutting down. Connect again."))
		return
	}
	// The stream is on the books now: whoever revokes the token from here on ends it.
	current, status := h.check(w, r, claimed.Secret)
	if status != 0 {
		stream.Discard()
		if status == http.StatusUnauthorized {
			unauthorized(w)
		}
		return
	}
	c := claimed.Context.context()
	session{claimed.Seed}.settle(&c, current.Kind)
	subscriber, ok := h.watches.subscribe(r.URL.Query().Get("ticket"), evaluation.Request{Scope: current.Scope}, c)
	if !ok {
		stream.Discard()
		notLoaded(w)
		return
	}
	opening, cursor := subscriber.opening(lastEventID(r))
	subscription := sse.Subscription{Topic: subscriber, Opening: opening, Cursor: cursor, Closed: subscriber.leave}
	if err := stream.ServeEvents(w, r, subscription); err != nil {
		subscriber.leave()
		stream.Discard()
		writeProblem(w, r, err)
	}
}

// full answers where there is no room for the stream. Not with 429: a browser's EventSource gives up for good on that, and
// the provider would make requests once a second until there is room. A stream that ends comes back when it is told to.
func full(w http.ResponseWriter) {
	sse.SetEventHeaders(w.Header())
	delay := retryFullMin + rand.N(retryFullMax-retryFullMin)
	_, _ = w.Write([]byte("retry: " + strconv.FormatInt(delay.Milliseconds(), 10) + "\n\n")) // the client is gone; nothing is left to tell
}

func lastEventID(r *http.Request) string {
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		return id
	}
	return r.URL.Query().Get("lastEventId")
}

// opening is what a stream begins with, and where that leaves its client.
func (s *subscriber) opening(last string) (*sse.Message, sse.Cursor) {
	hash, message, known := s.watch.current()
	retry := retryMin + rand.N(retryMax-retryMin)
	if known && last == format(hash) {
		return sse.NewNote(last, retry), place(hash)
	}
	return message.WithRetry(retry), place(hash)
}

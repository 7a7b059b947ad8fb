package stream

import (
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pennonhq/pennon/api"
)

const (
	// maxWaiting bounds how many refused clients are remembered. Further ones poll until they are started anew.
	maxWaiting = 100_000

	// maxConnectionID is how long a connection ID may be, in bytes; SDKs send UUIDs.
	maxConnectionID = 64

	// waitingFor is how long a refused client that no longer polls is remembered when the room is needed.
	waitingFor = 10 * time.Minute

	// invitationHolds is how long a place is kept for a client that was invited.
	invitationHolds = 10 * time.Second
)

// waiting remembers the clients that were refused with 429, so that they can be invited back: SDKs poll from then on and
// never try to stream again unless they are told to. They are known by the connection ID they send with every request,
// as others poll by choice. It is this server's memory alone: a client that polls elsewhere is invited when it comes by.
type waiting struct {
	any atomic.Bool // whether clients or invited hold something: what most requests have to ask
	now func() time.Time

	mu      sync.Mutex
	clients map[string]time.Time // mu; when it was heard of last
	invited map[string]time.Time // mu; when
}

func newWaiting() *waiting {
	return &waiting{now: time.Now, clients: map[string]time.Time{}, invited: map[string]time.Time{}}
}

// clientOf is what a client is known by, or "" if it says nothing of itself.
func clientOf(r *http.Request) string {
	id, known := r.Header.Get("Unleash-Connection-Id"), api.TokenFrom(r.Context())
	if id == "" || len(id) > maxConnectionID || known == nil {
		return ""
	}
	return known.ID + " " + id
}

// refused notes that the client of r was refused.
func (w *waiting) refused(r *http.Request) {
	client := clientOf(r)
	if client == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.now()
	delete(w.invited, client)
	if len(w.clients) >= maxWaiting {
		maps.DeleteFunc(w.clients, func(_ string, heard time.Time) bool { return now.Sub(heard) > waitingFor })
	}
	if len(w.clients) < maxWaiting {
		w.clients[client] = now
	}
	w.any.Store(true)
}

// admitted notes that the client of r streams.
func (w *waiting) admitted(r *http.Request) {
	if !w.any.Load() {
		return
	}
	client := clientOf(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.clients, client)
	delete(w.invited, client)
	w.any.Store(len(w.clients)+len(w.invited) > 0)
}

// invite reports whether the client of r was refused and there is room for it now, beyond what is kept for others that
// were invited. The invitation is given once.
func (w *waiting) invite(r *http.Request, room func() int) bool {
	if !w.any.Load() {
		return false
	}
	client := clientOf(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.clients[client]; !known {
		return false
	}
	now := w.now()
	maps.DeleteFunc(w.invited, func(_ string, at time.Time) bool { return now.Sub(at) > invitationHolds })
	if room() <= len(w.invited) {
		w.clients[client] = now
		return false
	}
	delete(w.clients, client)
	w.invited[client] = now
	return true
}

// Invite reports whether the client that sends r polls only because it was refused a stream here, and there is room for
// it now. An answer with status 200 and the header "Fetch-Mode: streaming" makes it stream. Each refusal is made good for
// once. r must have passed api.RequireToken.
func (h *Handler) Invite(r *http.Request) bool {
	return h.waiting.invite(r, func() int { return h.hub.Room(api.TokenFrom(r.Context()).ID) })
}

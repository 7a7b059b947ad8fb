package link

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/gorilla/websocket"

	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/token"
)

// link is one connection of an edge. One goroutine reads, one writes; the last one to leave closes the connection.
type link struct {
	h          *Handler
	ws         *websocket.Conn
	opener     *token.Token // the request's, which only opens the link
	connection string       // ID
	since      time.Time
	bell       chan struct{}   // rung when there may be something to write
	ctx        context.Context // of token checks; ends with the link
	cancel     context.CancelFunc
	parties    atomic.Int32

	watching map[*watch]struct{} // guarded by Handler.watches.mu

	// The reader's.
	greeted bool
	name    string // of the edge

	// The writer's.
	cursor replica.Cursor             // of the last frame, or what the edge came with
	known  bool                       // there is a cursor
	sent   weak.Pointer[replica.View] // of the last frame; weak, as an idle link must not keep old states
	framed time.Time                  // when the last changes were sent; zero: never
	ping   time.Time                  // when the next ping is due

	patience time.Time // how long to wait for what the edge knows already

	reporting sync.Mutex    // held while the fleet is told; taken before mu
	member    *fleet.Member // guarded by reporting; nil before the hello

	mu         sync.Mutex
	reason     sse.Reason // why the link has to end; 0: it has not
	opened     time.Time  // when the hello was answered; zero: not yet
	resume     *replica.Cursor
	scopes     []*scope
	later      map[int]bool // IDs that were refused for now only
	joining    bool         // tokens are being checked
	generation uint64       // rises when a scope leaves: frames made before must not be sent
	notes      []FromServer // to be sent before anything else
}

// scope is what one token of the edge sees. It is immutable but for the marked fields.
type scope struct {
	id    int
	token *token.Token  // link.mu; nil: not checked yet
	query replica.Query // set with active

	active bool // link.mu; the scope is part of frames
	fresh  bool // it starts with a hydration: the reader's until active is set, then the writer's
	held   bool // the same, but the edge holds something of it from before
}

func newLink(h *Handler, ws *websocket.Conn, opener *token.Token, connection string) *link {
	l := &link{
		h: h, ws: ws, opener: opener, connection: connection, since: time.Now(), bell: make(chan struct{}, 1),
		watching: map[*watch]struct{}{}, later: map[int]bool{},
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.parties.Store(2)
	return l
}

// ring wakes the writer. It never blocks.
func (l *link) ring() {
	select {
	case l.bell <- struct{}{}:
	default: // rung already
	}
}

// close asks for the link's end; the first reason counts.
func (l *link) close(reason sse.Reason) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closeLocked(reason)
}

func (l *link) closeLocked(reason sse.Reason) {
	if l.reason == 0 {
		l.reason = reason
		l.cancel()
		l.ring()
	}
}

// closing is why the link has to end, 0 if it has not.
func (l *link) closing() sse.Reason {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reason
}

// leave closes the connection when both goroutines have left.
func (l *link) leave() {
	if l.parties.Add(-1) == 0 {
		_ = l.ws.Close()
		l.member.Leave()
		l.h.forget(l)
	}
}

// note has the frame sent before any further changes.
func (l *link) note(frame FromServer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noteLocked(frame)
}

func (l *link) noteLocked(frame FromServer) {
	if len(l.notes) >= MaxWatches+MaxScopes { // an edge that asks and does not listen
		l.closeLocked(sse.Misbehaved)
		return
	}
	l.notes = append(l.notes, frame)
	l.ring()
}

// tokenChanged lets the scopes of a token leave.
func (l *link) tokenChanged(id string, state TokenState) {
	l.mu.Lock()
	left := false
	for _, s := range slices.Clone(l.scopes) {
		if s.token != nil && s.token.ID == id {
			l.refuseLocked(s, whyRefused(state))
			left = true
		}
	}
	if left {
		l.settleLocked()
	}
	l.mu.Unlock()
	if left {
		l.report()
	}
}

// refuseLocked takes a scope off and has the edge told. The caller holds mu.
func (l *link) refuseLocked(s *scope, why refusal) {
	at := slices.Index(l.scopes, s)
	if at < 0 {
		return // it has left
	}
	l.scopes = slices.Delete(l.scopes, at, at+1)
	l.generation++
	if why.status == statusLater {
		l.later[s.id] = true
	}
	l.noteLocked(FromServer{Type: TypeRefused, ID: s.id, Status: why.status, Message: why.message})
}

// settleLocked ends a link that has nothing left to carry and nothing to wait for. The caller holds mu.
func (l *link) settleLocked() {
	if l.opened.IsZero() || l.joining || len(l.scopes)+len(l.later) > 0 {
		return
	}
	l.closeLocked(sse.Revoked)
}

// seen lists what the link carries.
func (l *link) seen() []token.Scope {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := make([]token.Scope, 0, len(l.scopes))
	for _, s := range l.scopes {
		if s.active {
			seen = append(seen, s.query.Scope)
		}
	}
	return seen
}

// report tells the fleet what the link carries.
func (l *link) report() {
	l.reporting.Lock()
	defer l.reporting.Unlock()
	l.member.SetScopes(l.seen())
}

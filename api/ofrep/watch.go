package ofrep

import (
	"encoding/json"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/sse"
)

const (
	// spreadPerStream and spreadMax say over how long the events of one change are spread: every client answers with a
	// request for everything, so that a thousand a second may be asked for and no more.
	spreadPerStream = time.Millisecond
	spreadMax       = 5 * time.Second

	// eventName and refetch are the protocol's.
	eventName = "message"
	refetch   = "refetchEvaluation"
)

// watches holds what the open streams watch: one watch for each context, shared by all streams with the same.
type watches struct {
	handler *Handler
	streams atomic.Int64

	mu            sync.Mutex
	byEnvironment map[string]map[string]*watch
}

// watch is the answer for one context, kept up to date while there are streams for it.
type watch struct {
	watches *watches
	key     string
	request evaluation.Request
	context eval.Context
	streams map[*subscriber]struct{} // guarded by watches.mu

	mu      sync.Mutex
	set     *evaluation.Set
	hash    uint64
	message *sse.Message // says that the answer is now that of hash; nil: not made yet
	alarm   *time.Timer  // wakes the streams when a DATE constraint can change the answer
}

// subscriber is one stream. It implements sse.Topic, each with its own delay.
type subscriber struct {
	watch *watch

	mu    sync.Mutex
	delay *time.Timer // runs until the stream may tell its news; nil: there are none
	due   bool
}

var _ sse.Topic = (*subscriber)(nil)

func newWatches(h *Handler) *watches {
	return &watches{handler: h, byEnvironment: map[string]map[string]*watch{}}
}

// subscribe adds a stream. It reports false if there is nothing to watch.
func (ws *watches) subscribe(key string, request evaluation.Request, c eval.Context) (*subscriber, bool) {
	environment := request.Scope.Environment
	key = request.Scope.Key() + "\x00\x00" + key
	ws.mu.Lock()
	present := ws.byEnvironment[environment]
	if present == nil {
		present = map[string]*watch{}
		ws.byEnvironment[environment] = present
	}
	w := present[key]
	if w == nil {
		w = &watch{watches: ws, key: key, request: request, context: c, streams: map[*subscriber]struct{}{}}
		present[key] = w
	}
	s := &subscriber{watch: w}
	w.streams[s] = struct{}{}
	ws.streams.Add(1)
	ws.mu.Unlock()
	if _, _, known := w.current(); !known {
		s.leave()
		return nil, false
	}
	return s, true
}

// leave takes a stream out.
func (s *subscriber) leave() {
	s.mu.Lock()
	if s.delay != nil {
		s.delay.Stop()
	}
	s.mu.Unlock()
	w := s.watch
	w.watches.mu.Lock()
	defer w.watches.mu.Unlock()
	delete(w.streams, s)
	w.watches.streams.Add(-1)
	if len(w.streams) > 0 {
		return
	}
	w.mu.Lock()
	if w.alarm != nil {
		w.alarm.Stop()
	}
	w.mu.Unlock()
	environment := w.request.Scope.Environment
	present := w.watches.byEnvironment[environment]
	delete(present, w.key)
	if len(present) == 0 {
		delete(w.watches.byEnvironment, environment)
	}
}

// wake has the streams of the environments look whether their answers have changed.
func (ws *watches) wake(environments []string) {
	ws.mu.Lock()
	var topics []sse.Topic
	for _, environment := range environments {
		for _, w := range ws.byEnvironment[environment] {
			for s := range w.streams {
				topics = append(topics, s)
			}
		}
	}
	ws.mu.Unlock()
	if len(topics) > 0 {
		ws.handler.config.Hub.Wake(topics...)
	}
}

// wakeAll has the streams of one context look.
func (w *watch) wakeAll() {
	w.watches.mu.Lock()
	topics := make([]sse.Topic, 0, len(w.streams))
	for s := range w.streams {
		topics = append(topics, s)
	}
	w.watches.mu.Unlock()
	w.watches.handler.config.Hub.Wake(topics...)
}

// current is the answer at the newest state, and the message that tells of it. Only what has changed is evaluated.
func (w *watch) current() (hash uint64, message *sse.Message, known bool) {
	h := w.watches.handler
	w.mu.Lock()
	defer w.mu.Unlock()
	set := w.set
	if set == nil {
		set, known = h.config.Flags.Evaluate(w.request, &w.context)
	} else {
		set, _, known = h.config.Flags.Advance(w.request, &w.context, set)
	}
	if !known {
		return 0, nil, false
	}
	if set != w.set {
		w.set = set
		w.rearm(set.Next())
		if hash := h.hash(set); hash != w.hash || w.message == nil {
			w.hash, w.message = hash, messageOf(set, hash)
		}
	}
	return w.hash, w.message, true
}

// rearm sets the alarm. The caller holds mu.
func (w *watch) rearm(next time.Time) {
	if w.alarm != nil {
		w.alarm.Stop()
		w.alarm = nil
	}
	if !next.IsZero() {
		// Dates are compared in milliseconds.
		w.alarm = time.AfterFunc(time.Until(next)+time.Millisecond, w.wakeAll)
	}
}

// messageOf asks the client to evaluate again, from no older state than the set's.
func messageOf(set *evaluation.Set, hash uint64) *sse.Message {
	payload, err := json.Marshal(struct {
		Type string `json:"type"`
		ETag string `json:"etag"`
	}{refetch, set.Cursor().String()})
	if err != nil { // strings always marshal
		panic(err)
	}
	return sse.NewMessage(eventName, format(hash), payload)
}

// place is where a client that has the answer of that hash stands.
func place(hash uint64) sse.Cursor { return sse.Cursor{Revision: int64(hash)} }

// Since implements sse.Topic. News are told after a delay of the stream's own; those that are taken back meanwhile never.
func (s *subscriber) Since(from sse.Cursor) (*sse.Message, sse.Cursor, error) {
	hash, message, known := s.watch.current()
	if !known {
		return nil, from, sse.ErrGone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case place(hash) == from:
		return nil, from, nil
	case s.due:
		s.due = false
		return message, place(hash), nil
	case s.delay == nil:
		s.delay = time.AfterFunc(s.watch.watches.spread(), s.ripen)
	}
	return nil, from, nil
}

// ripen lets the stream tell its news.
func (s *subscriber) ripen() {
	s.mu.Lock()
	s.delay, s.due = nil, true
	s.mu.Unlock()
	s.watch.watches.handler.config.Hub.Wake(s)
}

// spread draws a delay.
func (ws *watches) spread() time.Duration {
	over := min(time.Duration(ws.streams.Load())*spreadPerStream, spreadMax)
	return rand.N(over + 1)
}

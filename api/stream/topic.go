package stream

import (
	"sync"
	"weak"

	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
)

// Names of the events, which SDKs know.
const (
	eventConnected = "unleash-connected"
	eventUpdated   = "unleash-updated"
)

// messagesMax bounds the messages a topic keeps. Streams that are up to date share one; a few more are for those that
// were slow.
const messagesMax = 64

// topics holds the topics that have streams, one for each query and form of id.
type topics struct {
	store *replica.Store

	mu            sync.Mutex
	byEnvironment map[string]map[topicKey]*topic
}

type topicKey struct {
	query   string
	numeric bool
}

// topic is what the streams of one query listen to. It implements sse.Topic.
type topic struct {
	topics  *topics
	key     topicKey
	query   replica.Query
	streams int // guarded by topics.mu

	mu       sync.Mutex
	head     replica.Cursor                  // of the state that the messages lead to
	messages map[replica.Cursor]*sse.Message // by the cursor they start from
	epoch    uint32                          // counts the states of which began
	began    weak.Pointer[replica.State]     // the last state that could not be resumed from its own head; see hydrate
}

var _ sse.Topic = (*topic)(nil)

func newTopics(store *replica.Store) *topics {
	return &topics{store: store, byEnvironment: make(map[string]map[topicKey]*topic)}
}

// acquire returns the topic of the query for one more stream, which must release it.
func (ts *topics) acquire(query replica.Query, numeric bool) *topic {
	key := topicKey{query.Key(), numeric}
	ts.mu.Lock()
	defer ts.mu.Unlock()
	present := ts.byEnvironment[query.Scope.Environment]
	if present == nil {
		present = make(map[topicKey]*topic)
		ts.byEnvironment[query.Scope.Environment] = present
	}
	t := present[key]
	if t == nil {
		t = &topic{topics: ts, key: key, query: query, messages: make(map[replica.Cursor]*sse.Message)}
		present[key] = t
	}
	t.streams++
	return t
}

// release gives up what acquire gave.
func (t *topic) release() {
	t.topics.mu.Lock()
	defer t.topics.mu.Unlock()
	if t.streams--; t.streams > 0 {
		return
	}
	environment := t.query.Scope.Environment
	present := t.topics.byEnvironment[environment]
	delete(present, t.key)
	if len(present) == 0 {
		delete(t.topics.byEnvironment, environment)
	}
}

// of returns the topics of the environments.
func (ts *topics) of(environments []string) []sse.Topic {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	var found []sse.Topic
	for _, environment := range environments {
		for _, t := range ts.byEnvironment[environment] {
			found = append(found, t)
		}
	}
	return found
}

// Since implements sse.Topic. A stream whose cursor the state cannot continue, as history has forked under it, is sent
// everything: to clients that is an update like any other.
func (t *topic) Since(from sse.Cursor) (*sse.Message, sse.Cursor, error) {
	state := t.topics.store.State(t.query.Scope.Environment)
	if state == nil {
		return nil, from, sse.ErrGone
	}
	if from.Epoch != 0 && t.beganAt(state, from.Epoch) {
		return nil, from, nil
	}
	cursor := replica.Cursor{Revision: from.Revision, Mark: from.Mark}
	payload, resumed := state.Since(t.query, cursor)
	if !resumed {
		// Not kept: a hydration is large, and its message refers to the replica's bytes.
		payload, next := t.hydrate(state)
		return t.message(payload), next, nil
	}
	head := state.Cursor()
	if payload == nil {
		return nil, place(head), nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.head != head || len(t.messages) >= messagesMax {
		t.head = head
		clear(t.messages)
	}
	message := t.messages[cursor]
	if message == nil {
		message = t.message(payload)
		t.messages[cursor] = message
	}
	return message, place(payload.Cursor), nil
}

// Holds tells the environment, and the revision that a stream at cursor has.
func (t *topic) Holds(cursor sse.Cursor) (environment string, revision int64, browsers bool) {
	return t.query.Scope.Environment, cursor.Revision, false
}

// hydrate returns everything and the place it leads to. After a fork that place may be one that was handed out in the old
// history too, so that the state resumes nobody from it; the epoch then says who has been here since the fork. Without it
// they would be sent everything again and again.
func (t *topic) hydrate(state *replica.State) (*replica.Payload, sse.Cursor) {
	payload := state.Hydration(t.query)
	next := place(payload.Cursor)
	if state.Resumable(t.query.Scope, payload.Cursor) {
		return payload, next
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if began := weak.Make(state); t.began != began {
		t.began = began
		t.epoch++
	}
	next.Epoch = t.epoch
	return payload, next
}

func (t *topic) beganAt(state *replica.State, epoch uint32) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.epoch == epoch && t.began == weak.Make(state)
}

func place(c replica.Cursor) sse.Cursor { return sse.Cursor{Revision: c.Revision, Mark: c.Mark} }

func (t *topic) message(payload *replica.Payload) *sse.Message {
	return sse.NewMessage(eventUpdated, idOf(payload.Cursor, t.key.numeric), payload.JSON)
}

// idOf is the cursor as clients get it; edges of Unleash's read ids as numbers.
func idOf(cursor replica.Cursor, numeric bool) string {
	if numeric {
		return cursor.Number()
	}
	return cursor.String()
}

package push

import (
	"container/list"
	"sync"
	"sync/atomic"
	"time"
	"weak"

	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/sse"
)

const (
	// logMax and logChanges bound the differences a topic remembers, in number and in flags. Clients that are behind them
	// are sent everything.
	logMax     = 32
	logChanges = 1024

	// messagesMax bounds the messages a topic keeps. Clients that are up to date share one; a few more are for slow ones.
	messagesMax = 16
)

// topic is what the clients of one request, context and encoder listen to. It implements sse.Topic.
type topic struct {
	Stream

	topics *topics
	key    topicKey

	// Guarded by topics.mu.
	streams int
	idle    *list.Element // while there are none
	since   time.Time     // when the last one left

	next atomic.Int64 // when to look again, in milliseconds since 1970; 0: never

	mu       sync.Mutex
	set      *evaluation.Set // nil before the first use
	hash     uint64          // of set, by the encoder
	version  int64           // of what clients see, counted from 1
	log      []step          // how the last versions came about, oldest first
	logged   int             // changes in log
	messages map[int64]*sse.Message
	opening  weak.Pointer[sse.Message] // kept only while it is being sent: it may be large
}

// step leads from one version to the next.
type step struct {
	hash uint64 // before
	diff evaluation.Diff
}

var _ sse.Topic = (*topic)(nil)

// Since implements sse.Topic. The revision of a cursor is the topic's version.
func (t *topic) Since(from sse.Cursor) (*sse.Message, sse.Cursor, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.refresh() {
		return nil, from, sse.ErrGone
	}
	if from.Revision == t.version {
		return nil, from, nil
	}
	message, known := t.messages[from.Revision]
	if !known {
		message = t.update(from.Revision)
		if len(t.messages) >= messagesMax {
			clear(t.messages)
		}
		t.messages[from.Revision] = message
	}
	return message, t.cursor(), nil
}

// Holds tells the environment, and the revision that a stream at cursor has: 0 if there is something it has to be told.
func (t *topic) Holds(cursor sse.Cursor) (environment string, revision int64, browsers bool) {
	environment = t.Request.Scope.Environment
	newest := t.topics.flags.Newest(environment) // before what is compared to: that may be newer, never older
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.refresh() || t.version != cursor.Revision {
		return environment, 0, true
	}
	return environment, newest.Revision, true
}

// resume is the message for a client that holds a set with that hash. It reports whether the topic knows that set, and
// whether it knows its environment.
func (t *topic) resume(hash uint64) (message *sse.Message, cursor sse.Cursor, resumed, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.refresh() {
		return nil, cursor, false, false
	}
	if hash == t.hash {
		return sse.NewNote(t.id(), 0), t.cursor(), true, true
	}
	for i := len(t.log) - 1; i >= 0; i-- {
		if t.log[i].hash == hash {
			if message = t.update(t.version - int64(len(t.log)-i)); message == nil {
				message = sse.NewNote(t.id(), 0)
			}
			return message, t.cursor(), true, true
		}
	}
	return nil, cursor, false, true
}

// open is the message for a client that holds nothing.
func (t *topic) open() (message *sse.Message, cursor sse.Cursor, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.refresh() {
		return nil, cursor, false
	}
	return t.everything(), t.cursor(), true
}

func (t *topic) everything() *sse.Message {
	if message := t.opening.Value(); message != nil {
		return message
	}
	message := t.Encoder.Opening(t.set, t.id())
	t.opening = weak.Make(message)
	return message
}

// update is the message that leads from a version to the newest; nil if there is nothing to tell.
func (t *topic) update(from int64) *sse.Message {
	behind := t.version - from
	if behind > int64(len(t.log)) {
		return t.everything()
	}
	var diff evaluation.Diff
	for _, step := range t.log[len(t.log)-int(behind):] {
		diff = diff.Then(step.diff)
	}
	if diff.Len() == 0 {
		return nil
	}
	return t.Encoder.Update(t.set, diff, t.id())
}

// refresh evaluates what can have changed. It reports false if the environment is not there.
func (t *topic) refresh() bool {
	if t.set == nil {
		set, known := t.topics.flags.Evaluate(t.Request, t.Context)
		if !known {
			return false
		}
		t.set, t.hash, t.version = set, t.Encoder.Hash(set), 1
		t.look()
		return true
	}
	next, diff, known := t.topics.flags.Advance(t.Request, t.Context, t.set)
	if !known {
		return false
	}
	if next == t.set {
		return true
	}
	t.set = next
	t.look()
	if hash := t.Encoder.Hash(next); hash != t.hash {
		t.note(step{t.hash, diff})
		t.hash = hash
	}
	return true
}

// note makes a new version.
func (t *topic) note(s step) {
	t.version++
	t.log = append(t.log, s)
	t.logged += s.diff.Len()
	for len(t.log) > 1 && (len(t.log) > logMax || t.logged > logChanges) {
		t.logged -= t.log[0].diff.Len()
		t.log[0] = step{}
		t.log = t.log[1:]
	}
	clear(t.messages)
	t.opening = weak.Pointer[sse.Message]{}
}

// look notes when time alone may change the answer.
func (t *topic) look() {
	next := t.set.Next()
	if next.IsZero() {
		t.next.Store(0)
		return
	}
	if ms := next.UnixMilli(); t.next.Swap(ms) != ms {
		t.topics.clock.at(next)
	}
}

func (t *topic) cursor() sse.Cursor { return sse.Cursor{Revision: t.version} }

func (t *topic) id() string { return idOf(t.set, t.hash) }

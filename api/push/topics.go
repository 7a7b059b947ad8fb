package push

import (
	"container/list"
	"sync"
	"time"

	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/sse"
)

const (
	// linger is how long a topic without clients is kept, so that a client that comes back gets what it missed.
	linger = time.Minute

	// lingering bounds the topics that are kept so.
	lingering = 1024
)

// topics holds the topics there are.
type topics struct {
	flags *evaluation.Evaluator
	hub   *sse.Hub
	clock *clock

	mu            sync.Mutex
	byEnvironment map[string]map[topicKey]*topic
	idle          *list.List // of topics without clients, those that were left first in front
}

func newTopics(flags *evaluation.Evaluator, hub *sse.Hub) *topics {
	ts := &topics{flags: flags, hub: hub, byEnvironment: make(map[string]map[topicKey]*topic), idle: list.New()}
	ts.clock = &clock{ring: ts.rung}
	return ts
}

// topicKey tells topics apart.
type topicKey struct {
	encoder Encoder
	stream  string // request and context
}

func keyOf(s *Stream) topicKey {
	return topicKey{s.Encoder, string(s.Context.AppendKey(s.Request.AppendKey(nil)))}
}

// acquire returns the topic of the stream for one more client, which must release it.
func (ts *topics) acquire(s Stream) *topic {
	key, environment := keyOf(&s), s.Request.Scope.Environment
	ts.mu.Lock()
	defer ts.mu.Unlock()
	present := ts.byEnvironment[environment]
	if present == nil {
		present = make(map[topicKey]*topic)
		ts.byEnvironment[environment] = present
	}
	t := present[key]
	if t == nil {
		t = &topic{Stream: s, topics: ts, key: key, messages: make(map[int64]*sse.Message)}
		present[key] = t
	}
	if t.idle != nil {
		ts.idle.Remove(t.idle)
		t.idle = nil
	}
	t.streams++
	return t
}

// release gives up what acquire gave.
func (t *topic) release() {
	ts := t.topics
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if t.streams--; t.streams > 0 {
		return
	}
	t.since = time.Now()
	t.idle = ts.idle.PushBack(t)
	ts.sweep(t.since)
}

// sweep drops topics that have been without clients for long, or are too many.
func (ts *topics) sweep(now time.Time) {
	for front := ts.idle.Front(); front != nil; front = ts.idle.Front() {
		t := front.Value.(*topic)
		if ts.idle.Len() <= lingering && now.Sub(t.since) < linger {
			return
		}
		ts.idle.Remove(front)
		environment := t.Request.Scope.Environment
		present := ts.byEnvironment[environment]
		delete(present, t.key)
		if len(present) == 0 {
			delete(ts.byEnvironment, environment)
		}
	}
}

// changed wakes the clients of environments, where something has changed since then.
func (ts *topics) changed(since time.Time, environments []string) {
	ts.mu.Lock()
	ts.sweep(time.Now())
	var found []sse.Topic
	for _, environment := range environments {
		for _, t := range ts.byEnvironment[environment] {
			if t.streams > 0 {
				found = append(found, t)
			}
		}
	}
	ts.mu.Unlock()
	ts.hub.WakeSince(since, found...)
}

// rung wakes the clients of topics whose time has come, and says when to ring again.
func (ts *topics) rung(now time.Time) (next time.Time) {
	ts.mu.Lock()
	ts.sweep(now)
	var due []sse.Topic
	for _, present := range ts.byEnvironment {
		for _, t := range present {
			at := t.next.Load()
			switch {
			case at == 0:
			case at <= now.UnixMilli():
				if t.streams > 0 { // else it looks when a client comes
					due = append(due, t)
				}
			case next.IsZero() || at < next.UnixMilli():
				next = time.UnixMilli(at)
			}
		}
	}
	ts.mu.Unlock()
	ts.hub.Wake(due...)
	return next
}

// clock is the one timer of all topics.
type clock struct {
	ring func(now time.Time) (next time.Time)

	mu    sync.Mutex
	timer *time.Timer
	due   time.Time // when the timer rings; zero: it is not set
}

// clockMax is how long the clock sleeps at most, because the time of day may be changed meanwhile.
const clockMax = time.Minute

// at makes the clock ring at a time, if not before.
func (c *clock) at(when time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.due.IsZero() && !when.Before(c.due) {
		return
	}
	c.due = when
	wait := min(max(time.Until(when), time.Millisecond), clockMax)
	if c.timer == nil {
		c.timer = time.AfterFunc(wait, c.run)
	} else {
		c.timer.Reset(wait)
	}
}

func (c *clock) run() {
	c.mu.Lock()
	c.due = time.Time{}
	c.mu.Unlock()
	if next := c.ring(time.Now()); !next.IsZero() {
		c.at(next)
	}
}

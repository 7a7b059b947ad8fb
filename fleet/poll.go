package fleet

import (
	"hash/maphash"
	"strings"
	"sync"
	"time"
)

const (
	// pollShards spread the lock over the requests that come at the same time.
	pollShards = 16

	// pollersMax bounds the clients that are remembered, about 250 bytes each.
	pollersMax = 10_000

	// pollerExpiry is how long a client is remembered that asks no more, unless it has named a long interval.
	pollerExpiry = 5 * time.Minute

	// nameMax is how much of a name that a client gives itself is kept, in bytes.
	nameMax = 128
)

// Poll is one request that was answered with flags.
type Poll struct {
	Environment string
	AppName     string
	ID          string // of the connection or, of older SDKs, the instance; empty: it is not counted
	Edge        bool   // it calls itself an edge
	Interval    time.Duration
	Revision    int64 // of the state that was answered from, by a 304 too
}

// polls remembers who polls.
type polls struct {
	seed   maphash.Seed
	shards [pollShards]pollShard
}

type pollShard struct {
	mu      sync.Mutex
	pollers map[pollerKey]*poller
	missed  int       // polls of clients there was no room for since the last look
	swept   time.Time // when there was no room and those gone were looked for
}

type pollerKey struct{ environment, app, id string }

// poller is one client.
type poller struct {
	revision int64
	since    time.Time // first answered with that revision
	last     time.Time
	interval time.Duration
	moved    bool // it had an older one before
	edge     bool
}

func (p *poller) expired(now time.Time) bool {
	return now.Sub(p.last) > max(pollerExpiry, 3*p.interval)
}

// Polled notes an answer to a poll. It is called for every one of them.
func (r *Registry) Polled(p Poll) {
	if r == nil || p.ID == "" {
		return
	}
	now := r.now()
	key := pollerKey{p.Environment, p.AppName[:min(len(p.AppName), nameMax)], p.ID[:min(len(p.ID), nameMax)]}
	shard := &r.polls.shards[maphash.String(r.polls.seed, key.id)%pollShards]
	shard.mu.Lock()
	known := shard.pollers[key]
	if known == nil {
		if len(shard.pollers) >= pollersMax/pollShards && !shard.sweep(now) {
			shard.missed++
			shard.mu.Unlock()
			return
		}
		// The texts belong to the request and would keep more than themselves.
		key = pollerKey{strings.Clone(key.environment), strings.Clone(key.app), strings.Clone(key.id)}
		shard.pollers[key] = &poller{revision: p.Revision, since: now, last: now, interval: p.Interval, edge: p.Edge}
		shard.mu.Unlock()
		r.touch()
		return
	}
	known.last, known.interval = now, p.Interval
	before := known.revision
	if p.Revision == before {
		shard.mu.Unlock()
		return
	}
	known.revision, known.since, known.moved = p.Revision, now, true
	shard.mu.Unlock()
	r.touch()
	r.took(Polled, p.Environment, before, p.Revision, now)
}

// sweep forgets who asks no more, now and then, and reports whether there is room.
func (s *pollShard) sweep(now time.Time) bool {
	if now.Sub(s.swept) < time.Second {
		return false
	}
	s.swept = now
	s.forget(now)
	return len(s.pollers) < pollersMax/pollShards
}

func (s *pollShard) forget(now time.Time) {
	for key, p := range s.pollers {
		if p.expired(now) {
			delete(s.pollers, key)
		}
	}
}

// each calls visit for every client that still polls, which must not keep what it is given, and returns how many polls came from clients there was no room for
// since the last call.
func (p *polls) each(now time.Time, visit func(key pollerKey, p *poller)) (missed int) {
	for i := range p.shards {
		shard := &p.shards[i]
		shard.mu.Lock()
		shard.forget(now)
		for key, known := range shard.pollers {
			visit(key, known)
		}
		missed += shard.missed
		shard.missed = 0
		shard.mu.Unlock()
	}
	return missed
}

package sse

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// checkEvery is after how many streams a delivery looks for streams that must close now.
const checkEvery = 256

// shard delivers to its part of the streams. Its fields belong to its goroutine, but for the inbox and load.
type shard struct {
	hub  *Hub
	io   *rawIO
	bell chan struct{} // rung when the inbox has something
	load int           // streams admitted; guarded by hub.mu

	groups map[Topic]*group
	all    []*Stream
	dead   []*Stream // ended, still in the lists
	taken  inbox     // what is being worked on

	now      int64 // Hub.now at the start of this turn
	clock    int64 // Unix nanoseconds at the start of this turn
	position int   // of the sweep, in all
	round    int

	messages, bytes uint64       // sent since the last report
	slow            atomic.Int64 // streams in mode slow

	mu    sync.Mutex
	inbox inbox
}

// group is the streams of one topic.
type group struct {
	topic   Topic
	streams []*Stream
}

// inbox is what others want of a shard. It is bounded by the number of streams and topics: a stream is in each list at
// most once at a time.
type inbox struct {
	adds    []*Stream       // new
	closes  []*Stream       // to be closed: closing is set
	returns []*Stream       // given back by the goroutine that wrote
	pongs   []*Stream       // owe their peer a pong
	wakes   map[Topic]int64 // since when there are news, in Unix nanoseconds; 0: not known
	wakeAll bool
	surveys []chan<- []Holding // asked by Survey
}

func newShard(h *Hub) *shard {
	sh := &shard{hub: h, io: newRawIO(), bell: make(chan struct{}, 1), groups: make(map[Topic]*group)}
	sh.inbox.wakes = make(map[Topic]int64)
	sh.taken.wakes = make(map[Topic]int64)
	return sh
}

// tell changes the inbox and rings the bell. Any goroutine may call it.
func (sh *shard) tell(change func(*inbox)) {
	sh.mu.Lock()
	change(&sh.inbox)
	sh.mu.Unlock()
	select {
	case sh.bell <- struct{}{}:
	default: // rung already
	}
}

// run works until the hub's last stream has ended.
func (sh *shard) run() {
	ticker := time.NewTicker(max(sh.hub.config.Heartbeat/(sweepsPerHeartbeat*sweepSteps), time.Millisecond))
	defer ticker.Stop()
	for {
		tick := ticker.C
		if len(sh.all) == 0 {
			tick = nil // an idle hub sleeps
		}
		select {
		case <-sh.hub.quit:
			return
		case <-tick:
			sh.tellTime()
			sh.sweep()
		case <-sh.bell:
			sh.tellTime()
			sh.turn()
		}
		sh.bury()
		sh.report()
	}
}

// report adds what the shard has counted since the last time to the hub's counters, which all shards share.
func (sh *shard) report() {
	if sh.messages > 0 || sh.bytes > 0 {
		sh.hub.messages.Add(sh.messages)
		sh.hub.bytes.Add(sh.bytes)
		sh.messages, sh.bytes = 0, 0
	}
}

func (sh *shard) tellTime() {
	now := time.Now()
	sh.now, sh.clock = int64(now.Sub(sh.hub.start)), now.UnixNano()
}

// turn works off the inbox.
func (sh *shard) turn() {
	in := &sh.taken
	sh.mu.Lock()
	*in, sh.inbox = sh.inbox, *in
	sh.mu.Unlock()

	for _, s := range in.adds { // first: a new stream may be in the other lists as well
		sh.add(s)
	}
	for _, s := range in.returns {
		sh.takeBack(s)
	}
	sh.closeAll(in.closes)
	for _, s := range in.pongs {
		sh.pong(s)
	}
	if in.wakeAll {
		for _, g := range sh.groups {
			sh.deliver(g, in.wakes[g.topic])
		}
	} else {
		for topic, since := range in.wakes {
			if g := sh.groups[topic]; g != nil {
				sh.deliver(g, since)
			}
		}
	}

	for _, answer := range in.surveys {
		answer <- sh.survey() // has room for it
	}

	clear(in.surveys)
	clear(in.returns)
	clear(in.closes)
	clear(in.pongs)
	clear(in.adds)
	clear(in.wakes)
	in.returns, in.closes, in.pongs, in.adds = in.returns[:0], in.closes[:0], in.pongs[:0], in.adds[:0]
	in.surveys = in.surveys[:0]
	in.wakeAll = false
}

// add takes a new stream into the lists and brings it to the head.
func (sh *shard) add(s *Stream) {
	g := sh.groups[s.topic]
	if g == nil {
		g = &group{topic: s.topic}
		sh.groups[s.topic] = g
	}
	s.group, s.index, s.slot = g, len(g.streams), len(sh.all)
	g.streams = append(g.streams, s)
	sh.all = append(sh.all, s)
	if s.pump != nil {
		s.mode = pumped
		s.pump.kick(dirty)
		return
	}
	s.mode = resting
	if s.reason() != open {
		sh.drop(s)
		return
	}
	sh.pong(s)
	sh.catchUp(s)
}

// takeBack makes a stream the shard's again after a goroutine wrote to it.
func (sh *shard) takeBack(s *Stream) {
	switch s.mode {
	case pumped: // its goroutine has ended it
		s.mode = ended
		sh.dead = append(sh.dead, s)
	case slow:
		sh.slow.Add(-1)
		s.mode = resting
		if s.transport == EventsHijacked {
			s.quiet = sh.now
		}
		if s.reason() != open {
			sh.drop(s)
			return
		}
		sh.pong(s)
		sh.catchUp(s)
	default:
	}
}

// catchUp brings one stream to its topic's head.
func (sh *shard) catchUp(s *Stream) {
	if s.mode != resting {
		return
	}
	message, next, err := s.topic.Since(s.cursor)
	sh.advance(s, outcome{message, next, err})
}

// delivered tells of the messages sent after told was the number of them.
func (sh *shard) delivered(topic Topic, cursor Cursor, since int64, told uint64) {
	if n := sh.messages - told; since != 0 && n > 0 && sh.hub.config.Delivered != nil {
		sh.hub.config.Delivered(Delivery{topic, cursor, time.Duration(time.Now().UnixNano() - since), int(n)})
	}
}

// outcome is what Topic.Since returned.
type outcome struct {
	message *Message
	next    Cursor
	err     error
}

// deliver brings all streams of a topic to its head, where news have been since then. Each distinct cursor costs one call
// of Topic.Since.
func (sh *shard) deliver(g *group, since int64) {
	told := sh.messages
	var (
		known  bool
		at     Cursor
		latest outcome
		others map[Cursor]outcome // of the cursors before at; most topics never need it
	)
	for i, s := range g.streams {
		if i%checkEvery == checkEvery-1 {
			sh.closeUrgent()
			sh.delivered(g.topic, latest.next, since, told)
			told = sh.messages
		}
		if s.mode == pumped {
			s.pump.since.CompareAndSwap(0, since)
			s.pump.kick(dirty)
			continue
		}
		if s.mode != resting || s.reason() != open {
			continue // a slow one catches up when it is given back
		}
		if !known || at != s.cursor {
			if known {
				if others == nil {
					others = make(map[Cursor]outcome)
				}
				others[at] = latest
			}
			found, ok := others[s.cursor]
			if !ok {
				found.message, found.next, found.err = g.topic.Since(s.cursor)
				if found.err != nil && !errors.Is(found.err, ErrGone) {
					sh.hub.config.Logger.Error("read topic", "component", "sse", "err", found.err)
				}
			}
			known, at, latest = true, s.cursor, found
		}
		sh.advance(s, latest)
	}
	sh.delivered(g.topic, latest.next, since, told)
}

// advance moves a stream to where the outcome leads.
func (sh *shard) advance(s *Stream, o outcome) {
	switch {
	case errors.Is(o.err, ErrGone):
		s.mark(Gone)
		sh.drop(s)
	case o.err != nil: // the next wake tries again
	case s.expires != 0 && sh.clock >= s.expires:
		s.mark(Expired)
		sh.drop(s)
	case o.message == nil:
		s.cursor = o.next
	default:
		s.cursor = o.next
		sh.messages++
		sh.send(s, o.message.frame(s.transport))
	}
}

// send writes f to a resting stream. What the connection does not take at once, a goroutine finishes.
func (sh *shard) send(s *Stream, f frame) {
	n, err := sh.io.write(s.raw, f)
	sh.bytes += uint64(max(n, 0))
	if s.transport == EventsHijacked {
		s.quiet = sh.now
	}
	if err != nil {
		s.broken = true
		s.mark(WriteFailed)
		sh.drop(s)
		return
	}
	if rest := f.after(n); rest != nil {
		s.mode = slow
		sh.slow.Add(1)
		sh.hub.slowed.Add(1)
		s.hub.alive.Go(func() { s.finish(rest) })
	}
}

// finish writes the rest of a message to a slow peer and gives the stream back.
func (s *Stream) finish(rest frame) {
	size := rest.size()
	if err := writeConn(s.conn, rest, s.writeTimeout(size)); err != nil {
		s.broken = true
		s.mark(writeReason(err))
	} else {
		s.hub.bytes.Add(uint64(size))
	}
	s.shard.tell(func(in *inbox) { in.returns = append(in.returns, s) })
}

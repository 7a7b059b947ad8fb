package sse

import "time"

// A sweep visits every stream of a shard once in a tenth of the heartbeat interval, in small steps, so that heartbeats
// spread over time even when all streams were last written to at the same instant.
const (
	sweepsPerHeartbeat = 10
	sweepSteps         = 20
	readEvery          = 5 // sweeps between two looks at what the peer sent, which show that it has closed
)

// sweep is one step: it visits the next twentieth of the streams.
func (sh *shard) sweep() {
	for range (len(sh.all) + sweepSteps - 1) / sweepSteps {
		if sh.position >= len(sh.all) {
			sh.position = 0
			sh.round++
		}
		sh.visit(sh.all[sh.position])
		sh.position++
	}
}

// visit does what time demands of a stream.
func (sh *shard) visit(s *Stream) {
	if s.mode == ended || s.reason() != open {
		return
	}
	switch {
	case s.expires != 0 && sh.clock >= s.expires:
		sh.endNow(s, Expired)
		return
	case s.ends != 0 && sh.now >= s.ends:
		sh.endNow(s, Aged)
		return
	}
	if s.mode == resting && s.transport == EventsHijacked && (sh.round+s.slot)%readEvery == 0 {
		if err := sh.io.discard(s.raw); err != nil {
			s.broken = true
			s.mark(PeerClosed)
			sh.drop(s)
			return
		}
	}
	// Between 0.9 and 1.1 of the interval, by place; with the sweep's tenth that is at most 1.2, which is 24 s by default.
	const slots = 8
	interval := int64(sh.hub.config.Heartbeat)
	if sh.now-s.quiet < interval*9/10+interval*2/10*int64(s.slot%slots)/slots {
		return
	}
	switch s.mode {
	case resting:
		s.quiet = sh.now
		sh.hub.heartbeats.Add(1)
		sh.send(s, keepAlive(s.transport))
	case pumped:
		s.quiet = sh.now
		s.pump.kick(beat)
	default: // a slow one is being written to
	}
}

// endNow ends a stream for a reason that the shard found.
func (sh *shard) endNow(s *Stream, reason Reason) {
	s.mark(reason)
	sh.closeOne(s)
}

// closeAll ends streams of which closing is set.
func (sh *shard) closeAll(streams []*Stream) {
	for _, s := range streams {
		sh.closeOne(s)
	}
}

// closeUrgent ends the streams that were asked to end since the turn began.
func (sh *shard) closeUrgent() {
	sh.mu.Lock()
	closes := sh.inbox.closes
	sh.inbox.closes = nil
	sh.mu.Unlock()
	sh.closeAll(closes)
}

func (sh *shard) closeOne(s *Stream) {
	switch s.mode {
	case resting:
		sh.drop(s)
	case slow: // mid-message: nothing more can be said
		_ = s.conn.Close()
	case pumped:
		s.pump.kick(dirty)
		if s.conn != nil {
			// Cuts short a write that waits for the peer; the goroutine then says farewell if it still can.
			_ = s.conn.SetWriteDeadline(time.Now().Add(closeTimeout))
		}
	default: // opening: add will see it; ended: done
	}
}

// drop ends a resting stream, politely where the connection is good.
func (sh *shard) drop(s *Stream) {
	if !s.broken {
		if s.transport == EventsHijacked {
			_ = sh.io.discard(s.raw) // unread input would turn the close into a reset, which may destroy the farewell
		}
		n, _ := sh.io.write(s.raw, s.farewell()) // a peer that is full misses it and resumes as after any broken connection
		sh.bytes += uint64(max(n, 0))
	}
	s.mode = ended
	sh.dead = append(sh.dead, s)
	s.end(s.reason())
}

// bury takes ended streams out of the lists. It is never done while a list is being walked.
func (sh *shard) bury() {
	for _, s := range sh.dead {
		g := s.group
		if last := len(g.streams) - 1; last >= 0 {
			moved := g.streams[last]
			g.streams[s.index], moved.index = moved, s.index
			g.streams[last] = nil
			g.streams = g.streams[:last]
		}
		if len(g.streams) == 0 {
			delete(sh.groups, g.topic)
		}
		last := len(sh.all) - 1
		moved := sh.all[last]
		sh.all[s.slot], moved.slot = moved, s.slot
		sh.all[last] = nil
		sh.all = sh.all[:last]
	}
	clear(sh.dead)
	sh.dead = sh.dead[:0]
}

// pong answers the newest ping of a stream's peer.
func (sh *shard) pong(s *Stream) {
	if s.mode == resting && s.reason() == open {
		if payload := s.pong.Swap(nil); payload != nil {
			sh.send(s, socketControl(socketPong, *payload))
		}
	}
}

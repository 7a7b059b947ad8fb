package sse

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"
	"unique"
)

// bytesPerSecond is the slowest a peer may take a large message: the write time-out grows by its size over this.
const bytesPerSecond = 64 << 10

// mode says who writes to a stream. Only the stream's shard reads or sets it.
type mode uint8

const (
	opening mode = iota // the request's goroutine; the shard does not know the stream yet
	resting             // the shard
	slow                // a goroutine that finishes a message, then gives the stream back to the shard
	pumped              // the stream's own goroutine, for good
	ended
)

// Stream is one subscriber. Admit makes it; ServeEvents or ServeWebSocket gives it a connection.
//
// At any time one goroutine owns the writing side, with the cursor: see mode. It changes hands through the shard's inbox.
type Stream struct {
	closing   atomic.Uint32 // the Reason it has to end for; the first one counts
	transport Transport
	mode      mode

	cursor Cursor
	raw    syscall.RawConn // nil when pumped
	quiet  int64           // shard: when the last heartbeat, or for hijacked SSE anything, was sent (Hub.now)

	expires int64 // Unix nanoseconds, 0: never
	ends    int64 // Hub.now, 0: never

	group       *group
	index, slot int // the places in group.streams and shard.all

	hub    *Hub
	shard  *shard
	topic  Topic
	pump   *pump
	client unique.Handle[string]
	closed func()
	broken bool // the connection is of no more use; set by the writing side's owner

	pong    atomic.Pointer[[]byte] // what the newest unanswered ping carried
	parties atomic.Int32           // WebSocket: writer and reader; the last one to leave closes the connection

	// The fields below are guarded by hub.mu.
	key        string
	prev, next *Stream // of the same key
	conn       net.Conn
	enrolled   bool
}

// Subscription is what a stream listens to and what it starts with.
type Subscription struct {
	Topic   Topic
	Opening *Message // sent first
	Cursor  Cursor   // where Opening leaves the client
	Client  string   // whose the stream is, for Survey; it is kept once for all streams of the same

	// Closed, if not nil, is called once when the stream has ended, from any goroutine. It must not block or call the Hub.
	Closed func()
}

// Discard gives back the room of a stream that was not served. After a Serve method that returned nil it does nothing.
func (s *Stream) Discard() {
	if s.topic == nil {
		s.end(PeerClosed)
	}
}

// closeLocked asks for the stream's end. The caller holds hub.mu.
func (s *Stream) closeLocked(reason Reason) {
	if !s.closing.CompareAndSwap(uint32(open), uint32(reason)) {
		return
	}
	if !s.enrolled {
		if s.conn != nil {
			_ = s.conn.Close() // interrupts the opening message; its writer cleans up
		}
		return
	}
	s.shard.tell(func(in *inbox) { in.closes = append(in.closes, s) })
}

// close asks for the end of an enrolled stream.
func (s *Stream) close(reason Reason) {
	if s.closing.CompareAndSwap(uint32(open), uint32(reason)) {
		s.shard.tell(func(in *inbox) { in.closes = append(in.closes, s) })
	}
}

// mark makes reason the stream's end, unless there is one already, without asking the shard for it.
func (s *Stream) mark(reason Reason) {
	s.closing.CompareAndSwap(uint32(open), uint32(reason))
}

// reason is why the stream has to end, or open.
func (s *Stream) reason() Reason { return Reason(s.closing.Load()) }

// attach makes conn the stream's. It returns false when the stream has to end already.
func (s *Stream) attach(conn net.Conn, transport Transport, subscription Subscription) bool {
	s.topic, s.cursor, s.closed = subscription.Topic, subscription.Cursor, subscription.Closed
	s.client = unique.Make(subscription.Client)
	s.transport = transport
	s.hub.streams[transport].Add(1)
	s.hub.opened.Add(1)
	if conn != nil {
		limitUnacknowledged(conn, userTimeout)
		s.raw = rawOf(conn)
	}
	s.hub.mu.Lock()
	s.conn = conn
	s.hub.mu.Unlock()
	return s.reason() == open
}

// enrol hands the stream to its shard, which at once brings it from its cursor to the head: nothing is missed between the
// opening message and here.
func (s *Stream) enrol() {
	s.hub.mu.Lock()
	s.enrolled = true
	s.hub.mu.Unlock()
	s.quiet = int64(s.hub.now())
	s.shard.tell(func(in *inbox) { in.adds = append(in.adds, s) })
}

// end settles a stream's affairs. Its writing side's owner calls it, once.
func (s *Stream) end(reason Reason) {
	s.mark(reason)
	if s.topic != nil {
		s.hub.streams[s.transport].Add(-1)
		s.hub.closes[s.reason()].Add(1)
	}
	if s.conn != nil {
		if s.broken || s.transport != WebSocket {
			_ = s.conn.Close()
		} else {
			// The peer answers the close frame with its own, for which the reader waits this long.
			_ = s.conn.SetReadDeadline(time.Now().Add(closeTimeout))
		}
		if s.transport == WebSocket {
			s.leave()
		}
	}
	s.hub.forget(s)
	if s.closed != nil {
		s.closed()
	}
	s.hub.alive.Done()
}

// farewell is the last frame the stream sends.
func (s *Stream) farewell() frame {
	config := &s.hub.config
	var retry time.Duration
	reason := s.reason()
	switch reason {
	case Draining, Aged:
		spread := int64(config.RetryMax - config.RetryMin)
		retry = config.RetryMin + time.Duration(rand.Int64N(spread+1))
	default:
	}
	return farewell(s.transport, reason, retry.Milliseconds())
}

// writeTimeout is how long the peer may take for a frame of that size in bytes.
func (s *Stream) writeTimeout(size int) time.Duration {
	return s.hub.config.WriteTimeout + time.Duration(size)*time.Second/bytesPerSecond
}

// writeConn writes f to conn within the timeout, waiting where it must.
func writeConn(conn net.Conn, f frame, timeout time.Duration) error {
	if err := conn.SetWriteDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	buffers := net.Buffers(slices.Clone(f)) // WriteTo empties it, and f is shared
	if _, err := buffers.WriteTo(conn); err != nil {
		return err
	}
	return conn.SetWriteDeadline(time.Time{})
}

// writeReason is the Reason that a failed write gives.
func writeReason(err error) Reason {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return Slow
	}
	return WriteFailed
}

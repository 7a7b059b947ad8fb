package sse

import (
	"errors"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// What a pump is kicked for.
const (
	dirty = 1 << iota // the topic may have news, or the stream has to end
	beat              // a heartbeat is due
	pongs             // the peer sent a ping
)

// pump is the writing goroutine of a stream whose connection cannot be written to without waiting.
type pump struct {
	wake  chan struct{}
	due   atomic.Uint32
	held  atomic.Int64    // the revision of the stream's cursor, once its message is written
	since atomic.Int64    // since when there are news, in Unix nanoseconds; 0: not known
	gone  <-chan struct{} // closed when the peer has left; nil where only writing shows it
	out   writer
}

// writer writes a frame within a time-out, waiting where it must.
type writer interface {
	write(f frame, timeout time.Duration) error
}

// connWriter writes to a connection taken from net/http.
type connWriter struct{ conn net.Conn }

func (w connWriter) write(f frame, timeout time.Duration) error { return writeConn(w.conn, f, timeout) }

// flushWriter writes through net/http.
type flushWriter struct {
	w          http.ResponseWriter
	controller *http.ResponseController
}

func (w flushWriter) write(f frame, timeout time.Duration) error {
	// Recorders in tests know no deadlines; every real server does.
	if err := w.controller.SetWriteDeadline(time.Now().Add(timeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	for _, part := range f {
		if _, err := w.w.Write(part); err != nil {
			return err
		}
	}
	if err := w.controller.Flush(); err != nil {
		return err
	}
	// In h2 a deadline resets the stream when it passes, writing or not: take it back.
	if err := w.controller.SetWriteDeadline(time.Time{}); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

func newPump(out writer, gone <-chan struct{}) *pump {
	return &pump{wake: make(chan struct{}, 1), gone: gone, out: out}
}

// kick says that something is due. It never blocks.
func (p *pump) kick(what uint32) {
	p.due.Or(what)
	select {
	case p.wake <- struct{}{}:
	default: // kicked already
	}
}

// run writes until the stream ends.
func (p *pump) run(s *Stream) {
	for s.reason() == open {
		select {
		case <-p.wake:
			p.serve(s, p.due.Swap(0))
		case <-p.gone:
			s.broken = true
			s.mark(PeerClosed)
		}
	}
	if !s.broken {
		_ = p.send(s, s.farewell(), closeTimeout)
	}
	s.end(s.reason())
	s.shard.tell(func(in *inbox) { in.returns = append(in.returns, s) })
}

// serve does what is due.
func (p *pump) serve(s *Stream, due uint32) {
	if s.reason() != open {
		return
	}
	if due&dirty != 0 {
		since := p.since.Swap(0)
		message, next, err := s.topic.Since(s.cursor)
		switch {
		case errors.Is(err, ErrGone):
			s.mark(Gone)
			return
		case err != nil:
			s.hub.config.Logger.Error("read topic", "component", "sse", "err", err)
		case s.expires != 0 && time.Now().UnixNano() >= s.expires:
			s.mark(Expired)
			return
		default:
			s.cursor = next
			if message == nil {
				p.held.Store(next.Revision)
			} else {
				s.hub.messages.Add(1)
				if !p.sendOrFail(s, message.frame(s.transport)) {
					return
				}
				p.held.Store(next.Revision)
				if since != 0 && s.hub.config.Delivered != nil {
					s.hub.config.Delivered(Delivery{s.topic, next, time.Duration(time.Now().UnixNano() - since), 1})
				}
			}
		}
	}
	if due&pongs != 0 {
		if payload := s.pong.Swap(nil); payload != nil && !p.sendOrFail(s, socketControl(socketPong, *payload)) {
			return
		}
	}
	if due&beat != 0 {
		s.hub.heartbeats.Add(1)
		p.sendOrFail(s, keepAlive(s.transport))
	}
}

func (p *pump) sendOrFail(s *Stream, f frame) bool {
	if err := p.send(s, f, s.writeTimeout(f.size())); err != nil {
		s.broken = true
		s.mark(writeReason(err))
		return false
	}
	return true
}

func (p *pump) send(s *Stream, f frame, timeout time.Duration) error {
	err := p.out.write(f, timeout)
	if err == nil {
		s.hub.bytes.Add(uint64(f.size()))
	}
	return err
}

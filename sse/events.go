package sse

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// ServeEvents answers the request with an SSE stream, beginning with the opening message. An error means that nothing
// has been answered. Over HTTP/1.1 it returns nil when the opening message is written and leaves the connection with the
// hub; over h2, and where the connection cannot be taken, when the stream has ended. The response has the headers of w.
func (s *Stream) ServeEvents(w http.ResponseWriter, r *http.Request, subscription Subscription) error {
	if r.ProtoMajor == 1 && r.ProtoMinor >= 1 {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			s.serveHijacked(conn, w.Header(), subscription)
			return nil
		}
		if !errors.Is(err, http.ErrNotSupported) {
			return fmt.Errorf("take connection: %w", err)
		}
	}
	s.serveFlushed(w, r, subscription)
	return nil
}

// SetEventHeaders sets the headers of an SSE response: no-transform keeps compressing proxies (and middleware) from holding events back,
// X-Accel-Buffering does the same to nginx.
func SetEventHeaders(header http.Header) {
	header.Set("Content-Type", "text/event-stream")
	header.Set("Cache-Control", "no-cache, no-transform")
	header.Set("X-Accel-Buffering", "no")
}

func (s *Stream) serveHijacked(conn net.Conn, header http.Header, subscription Subscription) {
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 200 OK\r\n")
	SetEventHeaders(header)
	header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	header.Set("Connection", "keep-alive")
	header.Set("Transfer-Encoding", "chunked")
	header.Del("Content-Length")
	_ = header.Write(&head) // a bytes.Buffer takes everything
	head.WriteString("\r\n")

	opening := append(frame{head.Bytes()}, subscription.Opening.frame(EventsHijacked)...)
	if !s.attach(conn, EventsHijacked, subscription) || !s.open(conn, opening) {
		s.end(s.reason())
		return
	}
	s.start(conn)
}

// start hands a stream whose opening message is written to its shard and, if it needs one, to its goroutine.
func (s *Stream) start(conn net.Conn) {
	if s.raw != nil {
		s.enrol()
		return
	}
	pump := newPump(connWriter{conn}, nil)
	pump.held.Store(s.cursor.Revision)
	s.pump = pump
	s.enrol() // first, as the goroutine may end the stream
	s.hub.alive.Go(func() { pump.run(s) })
}

// open writes the first frame, in the request's goroutine. It returns false, with the reason marked, when that fails.
func (s *Stream) open(conn net.Conn, f frame) bool {
	size := f.size()
	if err := writeConn(conn, f, s.writeTimeout(size)); err != nil {
		s.broken = true
		s.mark(writeReason(err))
		return false
	}
	s.hub.messages.Add(1)
	s.hub.bytes.Add(uint64(size))
	return true
}

func (s *Stream) serveFlushed(w http.ResponseWriter, r *http.Request, subscription Subscription) {
	SetEventHeaders(w.Header())
	w.WriteHeader(http.StatusOK)
	s.pump = newPump(flushWriter{w, http.NewResponseController(w)}, r.Context().Done())
	if !s.attach(nil, EventsFlushed, subscription) || !s.pump.sendOrFail(s, subscription.Opening.frame(EventsFlushed)) {
		s.end(s.reason())
		return
	}
	s.hub.messages.Add(1)
	s.pump.held.Store(s.cursor.Revision)
	s.enrol()
	s.pump.run(s)
}

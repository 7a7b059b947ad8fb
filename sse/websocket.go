package sse

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	// readLimit is how many bytes a WebSocket client may send at once. It has nothing to say but pings and pongs.
	readLimit = 4 << 10

	// readBuffer is the size in bytes of a WebSocket's read buffer; control frames, all we expect, fit.
	readBuffer = 256

	// closeTimeout is how long an ending stream may take for its last words.
	closeTimeout = time.Second

	// silenceFactor times the heartbeat interval is how long a WebSocket client may be silent: it misses two pings.
	silenceFactor = 3
)

var writeBuffers sync.Pool // gorilla writes nothing but protocol-error close frames; the pool spares each stream a buffer

// ErrHandshake says that a request is no WebSocket handshake.
var ErrHandshake = errors.New("no WebSocket handshake")

// ServeWebSocket answers the request with a WebSocket of the same messages as ServeEvents, each a text frame
// {"event":…,"id":…,"data":…}. ErrHandshake means that nothing has been answered, any other error that the connection is gone.
func (s *Stream) ServeWebSocket(w http.ResponseWriter, r *http.Request, subscription Subscription) error {
	refused := false
	upgrader := websocket.Upgrader{
		ReadBufferSize:   readBuffer,
		WriteBufferPool:  &writeBuffers,
		HandshakeTimeout: s.hub.config.WriteTimeout,
		// Browsers on other origins may connect: the token, which they have to know, decides, never a cookie.
		CheckOrigin: func(*http.Request) bool { return true },
		Error:       func(http.ResponseWriter, *http.Request, int, error) { refused = true },
	}
	ws, err := upgrader.Upgrade(hijacker{w}, r, nil)
	switch {
	case refused:
		return fmt.Errorf("%w: %w", ErrHandshake, err)
	case err != nil:
		return fmt.Errorf("upgrade to WebSocket: %w", err)
	}
	// gorilla does the handshake and reads. We write, so that a shard can: frames of a server are a header and the payload.
	conn := ws.NetConn()
	s.parties.Store(2)
	if !s.attach(conn, WebSocket, subscription) || !s.open(conn, subscription.Opening.frame(WebSocket)) {
		s.parties.Store(1) // there is no reader
		s.broken = true
		s.end(s.reason())
		return nil
	}
	s.hub.alive.Add(1) // now, as the stream may have ended before the reader starts
	s.start(conn)
	go func() {
		defer s.hub.alive.Done()
		s.read(ws)
	}()
	return nil
}

// read answers pings, notes pongs and ends the stream when the peer closes, falls silent or breaks the protocol.
func (s *Stream) read(ws *websocket.Conn) {
	defer s.leave()
	patience := func() error {
		err := ws.SetReadDeadline(time.Now().Add(silenceFactor * s.hub.config.Heartbeat))
		if s.reason() != open { // and end may already have set its shorter deadline
			return ws.SetReadDeadline(time.Now().Add(closeTimeout))
		}
		return err
	}
	ws.SetReadLimit(readLimit)
	ws.SetPongHandler(func(string) error { return patience() })
	ws.SetPingHandler(func(payload string) error {
		answer := []byte(payload)
		if s.pong.Swap(&answer) == nil {
			if s.pump != nil {
				s.pump.kick(pongs)
			} else {
				s.shard.tell(func(in *inbox) { in.pongs = append(in.pongs, s) })
			}
		}
		return patience()
	})
	ws.SetCloseHandler(func(int, string) error { return nil }) // the writing side answers
	err := patience()
	for err == nil {
		_, _, err = ws.NextReader() // whatever clients say is ignored
	}
	var broken net.Error // gorilla hides what is under it
	var closed *websocket.CloseError
	switch {
	case errors.As(err, &broken) && broken.Timeout():
		s.close(PeerSilent)
	case errors.As(err, &broken), errors.As(err, &closed), errors.Is(err, net.ErrClosed):
		s.close(PeerClosed)
	default:
		s.close(Misbehaved)
	}
}

// leave closes a WebSocket's connection when both its writer and its reader have left.
func (s *Stream) leave() {
	if s.parties.Add(-1) == 0 {
		_ = s.conn.Close()
	}
}

// hijacker finds the connection through middleware that wraps the writer and has an Unwrap method, as gorilla does not.
type hijacker struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}

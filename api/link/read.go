package link

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"time"

	"github.com/gorilla/websocket"

	"github.com/pennonhq/pennon/sse"
)

const (
	// helloTimeout is how long an edge may take for its first frame.
	helloTimeout = 15 * time.Second

	// silenceFactor times the heartbeat interval is how long an edge may be silent: it misses two pings.
	silenceFactor = 3

	// closeTimeout is how long an ending link may take for its last words.
	closeTimeout = time.Second
)

// What ends a link with 1008.
var (
	errMalformed = errors.New("malformed frame")
	errTooMuch   = errors.New("more than one link may carry")
	errNoHello   = errors.New("no hello")
)

// read does what the edge asks for, until the connection ends.
func (l *link) read() {
	defer l.leave()
	l.ws.SetReadLimit(MaxFrame)
	l.ws.SetPongHandler(func(string) error { return l.heard() })
	answer := l.ws.PingHandler()
	l.ws.SetPingHandler(func(payload string) error {
		if err := answer(payload); err != nil {
			return err
		}
		return l.heard()
	})
	err := l.ws.SetReadDeadline(time.Now().Add(helloTimeout))
	for err == nil {
		var kind int
		var data []byte
		if kind, data, err = l.ws.ReadMessage(); err == nil {
			if err = l.heard(); err == nil && l.closing() == 0 {
				if err = l.receive(kind, data); err == nil {
					err = l.heard() // to check tokens may have taken a while
				}
			}
		}
	}
	reason := l.reasonOf(err)
	if reason == sse.Misbehaved {
		l.h.config.Logger.Warn("an edge sent what it may not", "app", l.name, "address", l.ws.RemoteAddr().String(), "err", err)
	}
	l.close(reason)
	if reason == sse.Misbehaved {
		// If something unread were left, the close frame might not arrive.
		_, _ = io.Copy(io.Discard, l.ws.NetConn())
	}
}

// reasonOf is why reading ended.
func (l *link) reasonOf(err error) sse.Reason {
	var broken net.Error // gorilla hides what is under it
	var closed *websocket.CloseError
	switch {
	case errors.As(err, &broken) && broken.Timeout():
		if !l.greeted {
			return sse.Misbehaved
		}
		return sse.PeerSilent
	case errors.Is(err, errMalformed), errors.Is(err, errTooMuch), errors.Is(err, errNoHello), errors.Is(err, websocket.ErrReadLimit):
		return sse.Misbehaved
	case errors.As(err, &closed) && (closed.Code == websocket.CloseProtocolError || closed.Code == websocket.CloseInvalidFramePayloadData):
		return sse.Misbehaved
	default:
		return sse.PeerClosed
	}
}

// heard gives the peer time until it has to be heard again. An ending link keeps its shorter deadline.
func (l *link) heard() error {
	patience := max(silenceFactor*l.h.config.Heartbeat, 2*l.h.config.WriteTimeout) // a write in progress moves it on, too
	if l.closing() != 0 {
		patience = closeTimeout
	}
	return l.ws.SetReadDeadline(time.Now().Add(patience))
}

// receive handles one frame. What it does not know it ignores: edges may be newer.
func (l *link) receive(kind int, data []byte) error {
	var frame FromEdge
	if kind != websocket.TextMessage {
		return errMalformed
	}
	if err := json.Unmarshal(data, &frame); err != nil {
		return errors.Join(errMalformed, err)
	}
	if !l.greeted && frame.Type != TypeHello {
		return errNoHello
	}
	switch frame.Type {
	case TypeHello:
		return l.hello(&frame)
	case TypeJoin:
		return l.join(&frame)
	case TypeLeave:
		l.drop(&frame)
	case TypeAck:
		return l.ack(&frame)
	case TypeWatch:
		return l.watch(frame.Tokens)
	case TypeUnwatch:
		return l.unwatch(frame.Tokens)
	}
	return nil
}

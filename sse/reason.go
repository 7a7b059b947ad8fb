package sse

import (
	"encoding/binary"
	"strconv"
)

// Reason says why a stream ended.
type Reason uint8

// The reasons. Each comment says what the other side may do about it.
const (
	open        Reason = iota
	PeerClosed         // the client went away
	WriteFailed        // the connection broke
	PeerSilent         // no WebSocket pong in time
	Misbehaved         // a WebSocket client broke the protocol or sent too much
	Slow               // the client did not take a message before the write deadline: it may reconnect and resume
	Draining           // the server is going down: reconnect
	Aged               // the stream reached its maximal age: reconnect
	Changed            // what the key may see has changed: reconnect to see it
	Revoked            // the key is no longer valid: do not reconnect with it
	Expired            // the key has expired: do not reconnect with it
	Gone               // what the stream showed no longer exists: do not reconnect
	reasons
)

// Codes below codeFinal (from 4000) ask a WebSocket client to reconnect; from codeFinal on it should not.
const codeFinal = 4500

// closing describes each reason: the WebSocket close code (0: none is sent) and the name used in close frames and stats.
var closing = [reasons]struct {
	code int
	name string
}{
	PeerClosed:  {1000, "closed by client"},
	WriteFailed: {0, "write failed"},
	PeerSilent:  {4005, "no pong"},
	Misbehaved:  {1008, "protocol violation"},
	Draining:    {4000, "draining"},
	Slow:        {4001, "slow"},
	Aged:        {4003, "maximum age"},
	Changed:     {4004, "access changed"},
	Revoked:     {codeFinal, "revoked"},
	Expired:     {codeFinal + 1, "expired"},
	Gone:        {codeFinal + 2, "gone"},
}

// String is the reason's name.
func (r Reason) String() string {
	if r == open || r >= reasons {
		return "open"
	}
	return closing[r].name
}

// Code is the WebSocket close code: 4000-4499 asks the client to reconnect, 4500-4999 not to. 0 means that the
// connection ends without a close frame.
func (r Reason) Code() int {
	if r >= reasons {
		return 0
	}
	return closing[r].code
}

// Reconnect reports whether the client is asked to come back.
func (r Reason) Reconnect() bool { return r.Code() >= 4000 && r.Code() < codeFinal }

var (
	keepAliveChunk = frame{chunk(":keep-alive\n\n")}
	keepAlivePlain = frame{[]byte(":keep-alive\n\n")}
	keepAlivePing  = socketControl(socketPing, nil)
)

// keepAlive is the frame that keeps a quiet connection alive.
func keepAlive(transport Transport) frame {
	switch transport {
	case EventsFlushed:
		return keepAlivePlain
	case WebSocket:
		return keepAlivePing
	default:
		return keepAliveChunk
	}
}

// farewell is the last thing a stream sends: for SSE an optional message and, when the client shall come back at a time
// of our choosing, its reconnection delay in milliseconds (0: leave it alone); for WebSocket the same as a "retry" message
// and then the close frame.
func farewell(transport Transport, reason Reason, retry int64) frame {
	var f frame
	text := strconv.FormatInt(retry, 10)
	switch transport {
	case EventsFlushed:
		if retry > 0 {
			f = append(f, []byte("retry: "+text+"\n\n"))
		}
	case WebSocket:
		if retry > 0 {
			f = append(f, socketControl(socketText, []byte(`{"event":"retry","data":`+text+`}`))[0])
		}
		if code := reason.Code(); code != 0 {
			payload := binary.BigEndian.AppendUint16(nil, uint16(code))
			f = append(f, socketControl(socketClose, append(payload, reason.String()...))[0])
		}
	default:
		if retry > 0 {
			f = append(f, chunk("retry: "+text+"\n\n"))
		}
		f = append(f, []byte("0\r\n\r\n")) // the end of a chunked body: the client sees an orderly end, not a broken one
	}
	return f
}

// chunk is text as one chunk of HTTP/1.1's chunked transfer coding.
func chunk(text string) []byte {
	return []byte(strconv.FormatInt(int64(len(text)), 16) + "\r\n" + text + "\r\n")
}

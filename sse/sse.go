// Package sse fans messages out to streams: Server-Sent Events over HTTP/1.1 and h2, and WebSocket.
//
// A Hub holds streams, each with a Topic and a cursor into it. When a topic has news, every stream is brought from its own
// cursor to the topic's head by one message, which the topic encodes once and all streams at the same cursor share. There
// are no queues: a stream that is slow keeps its cursor and later gets one message that coalesces what it missed. Nothing
// is ever dropped silently: a stream either gets the news or is closed.
//
// A few shards, one goroutine each, write to all plain HTTP/1.1 and WebSocket connections, which are taken over from
// net/http (hijacked), with single attempts that never wait; so a stream costs about 2 KiB and no goroutine. Only where an
// attempt cannot finish a message does a goroutine write the rest, for as long as that takes and at most the write
// time-out. Connections of which the descriptor cannot be had (TLS, h2) have a goroutine each.
//
// The package knows nothing of flags. It imports only the standard library and gorilla/websocket.
package sse

import "errors"

// Cursor is a stream's place in its topic. It is opaque here; api/stream converts it from replica.Cursor.
type Cursor struct {
	Revision int64
	Mark     uint32
	Epoch    uint32 // tells equal places of different histories apart, where a topic needs that
}

// Topic is what streams of one scope listen to. Implementations are pointers, safe for concurrent use, and cache the
// messages they encode: with streams that have their own goroutine, Since is called once a stream.
type Topic interface {
	// Since returns the message that brings a stream from cursor to the topic's head, and the cursor it then holds.
	// A nil message means that nothing this topic shows has changed; the cursor may advance all the same. ErrGone ends
	// the streams of the topic; after any other error they stay where they are until the next wake.
	Since(cursor Cursor) (message *Message, next Cursor, err error)
}

// ErrGone is returned by Topic.Since when what the topic shows no longer exists (its environment was deleted).
var ErrGone = errors.New("topic is gone")

// Errors of Hub.Admit.
var (
	// ErrOverloaded says that the hub, or the key, has as many streams as it may. The answer is 429: SDKs then poll.
	ErrOverloaded = errors.New("too many streams")

	// ErrDraining says that the hub takes no more streams as it is going down. The answer is 503 with Connection: close:
	// SDKs count it as one failure and come back, where a 429 would make them leave streaming for good.
	ErrDraining = errors.New("server is shutting down")
)

// Transport is how a stream's messages travel.
type Transport uint8

// The transports.
const (
	EventsHijacked Transport = iota // SSE over a connection taken from net/http (HTTP/1.1)
	EventsFlushed                   // SSE through net/http (h2, HTTP/1.0, wrapped connections), one goroutine each
	WebSocket                       // WebSocket, one reading goroutine each
	transports
)

// String is the transport's name as metrics show it.
func (t Transport) String() string {
	switch t {
	case EventsHijacked:
		return "sse"
	case EventsFlushed:
		return "sse-flushed"
	case WebSocket:
		return "websocket"
	default:
		return "unknown"
	}
}

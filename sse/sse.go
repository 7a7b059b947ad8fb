// Package sse fans messages out to streams: Server-Sent Events over HTTP/1.1 and h2, and WebSocket.
//
// A Hub holds subscribers, each with a Topic and a cursor into it. When a topic has news, every subscriber is brought
// from its own cursor to the topic's head by one message, which the topic encodes once and all subscribers at the same
// cursor share. There are no queues: a subscriber that is slow keeps its old cursor and later gets one message that
// coalesces what it missed. Nothing is ever dropped silently: a subscriber either gets the news or is closed.
//
// The package knows nothing of flags. It imports only the standard library and gorilla/websocket.
package sse

import "errors"

// Cursor is a subscriber's place in its topic. It is opaque here; api/stream converts it from replica.Cursor.
type Cursor struct {
	Revision int64
	Mark     uint32
}

// Topic is what subscribers of one scope listen to. Implementations are pointers, safe for concurrent use, and cache the
// messages they encode.
type Topic interface {
	// Since returns the message that brings a subscriber from cursor to the topic's head, and the cursor it then holds.
	// A nil message means that nothing this topic shows has changed; the cursor may advance all the same. ErrGone ends
	// the streams of the topic.
	Since(cursor Cursor) (message *Message, next Cursor, err error)
}

// ErrGone is returned by Topic.Since when what the topic shows no longer exists (its environment was deleted).
var ErrGone = errors.New("topic is gone")

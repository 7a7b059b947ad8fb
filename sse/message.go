package sse

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"sync"
	"time"
)

// splitAbove is the payload size in bytes from which an encoding refers to the payload instead of copying it, so that a
// large message (a hydration) is held once however many transports carry it.
const splitAbove = 16 << 10

// Message is one event for subscribers. It is immutable, shared by all streams it goes to, and encoded at most once for
// each transport, when the first stream of that transport needs it. Make one with NewMessage.
type Message struct {
	event   string
	id      string
	payload []byte
	retry   time.Duration // 0: the client keeps the delay it has

	plain, chunk, socket encoding
}

// frame is what goes to a connection: one part, or head, payload and tail. The bytes are shared and never written to.
type frame [][]byte

// encoding is a frame made at the first use.
type encoding struct {
	once  sync.Once
	frame frame
}

// NewMessage makes a message. Event is the SSE event name, id the SSE id (empty: none), payload a JSON value, which the
// message keeps: the caller must not change it afterwards. Neither event nor id may hold a line break.
func NewMessage(event, id string, payload []byte) *Message {
	if bytes.IndexByte(payload, '\n') >= 0 || bytes.IndexByte(payload, '\r') >= 0 { // much faster than ContainsAny
		// In JSON a raw line break is white space only; in SSE it would end the data line.
		payload = bytes.Map(func(r rune) rune {
			if r == '\r' || r == '\n' {
				return ' '
			}
			return r
		}, payload)
	}
	return &Message{event: event, id: id, payload: payload}
}

// NewNote makes a message that no client sees as an event: it sets the id that an SSE client comes back with, and the delay
// after which it does (0: left as it is). Over WebSocket, where clients see every message, its event is "note".
func NewNote(id string, retry time.Duration) *Message {
	return &Message{id: id, retry: retry}
}

// WithRetry is the message with the delay after which an SSE client comes back. It is encoded on its own.
func (m *Message) WithRetry(retry time.Duration) *Message {
	return &Message{event: m.event, id: m.id, payload: m.payload, retry: retry}
}

// Event returns the event name.
func (m *Message) Event() string { return m.event }

// ID returns the event id, which a client sends back to resume.
func (m *Message) ID() string { return m.id }

// Payload returns the JSON. The caller must not change it.
func (m *Message) Payload() []byte { return m.payload }

// frame returns the encoding for a transport.
func (m *Message) frame(transport Transport) frame {
	switch transport {
	case EventsFlushed:
		return m.plain.make(func() frame { return m.join(m.eventHead(), m.eventTail()) })
	case WebSocket:
		return m.socket.make(m.encodeSocket)
	default:
		return m.chunk.make(m.encodeChunk)
	}
}

func (e *encoding) make(encode func() frame) frame {
	e.once.Do(func() { e.frame = encode() })
	return e.frame
}

// eventHead is everything of an SSE event that precedes the payload.
func (m *Message) eventHead() []byte {
	head := make([]byte, 0, 64)
	if m.retry > 0 {
		head = append(strconv.AppendInt(append(head, "retry: "...), m.retry.Milliseconds(), 10), '\n')
	}
	if m.event != "" {
		head = append(append(append(head, "event: "...), m.event...), '\n')
	}
	if m.id != "" {
		head = append(append(append(head, "id: "...), m.id...), '\n')
	}
	if m.event == "" {
		return head
	}
	return append(head, "data: "...)
}

// eventTail ends the data line, if there is one, and the event.
func (m *Message) eventTail() string {
	if m.event == "" {
		return "\n"
	}
	return "\n\n"
}

// encodeChunk is the SSE event as one chunk of HTTP/1.1's chunked transfer coding.
func (m *Message) encodeChunk() frame {
	event, tail := m.eventHead(), m.eventTail()
	head := strconv.AppendInt(make([]byte, 0, len(event)+16), int64(len(event)+len(m.payload)+len(tail)), 16)
	head = append(append(head, "\r\n"...), event...)
	return m.join(head, tail+"\r\n")
}

// encodeSocket is the message as one WebSocket text frame: {"event":…,"id":…,"data":…}.
func (m *Message) encodeSocket() frame {
	event, payload := m.event, m.payload
	if event == "" {
		event, payload = "note", []byte("{}")
	}
	envelope := append([]byte(`{"event":`), quote(event)...)
	if m.id != "" {
		envelope = append(append(envelope, `,"id":`...), quote(m.id)...)
	}
	envelope = append(envelope, `,"data":`...)
	const tail = "}"
	head := socketHeader(socketText, len(envelope)+len(payload)+len(tail))
	return join(append(head, envelope...), payload, tail)
}

func (m *Message) join(head []byte, tail string) frame { return join(head, m.payload, tail) }

func join(head, payload []byte, tail string) frame {
	if len(payload) > splitAbove {
		return frame{head, payload, []byte(tail)}
	}
	whole := make([]byte, 0, len(head)+len(payload)+len(tail))
	return frame{append(append(append(whole, head...), payload...), tail...)}
}

// size is the frame's length in bytes.
func (f frame) size() int {
	size := 0
	for _, part := range f {
		size += len(part)
	}
	return size
}

// after returns what is left of the frame after its first n bytes; nil when nothing is.
func (f frame) after(n int) frame {
	for i, part := range f {
		if n < len(part) {
			return append(frame{part[n:]}, f[i+1:]...)
		}
		n -= len(part)
	}
	return nil
}

func quote(text string) []byte {
	quoted, _ := json.Marshal(text) // never fails for a string
	return quoted
}

// WebSocket opcodes (RFC 6455 §5.2), with the FIN bit.
const (
	socketText  = 0x80 | 0x1
	socketClose = 0x80 | 0x8
	socketPing  = 0x80 | 0x9
	socketPong  = 0x80 | 0xA
)

// socketHeader is the head of an unmasked frame, as servers send them (RFC 6455 §5.2), with room for a payload.
func socketHeader(opcode byte, size int) []byte {
	header := make([]byte, 0, 128)
	switch {
	case size < 126:
		return append(header, opcode, byte(size))
	case size <= 0xFFFF:
		return binary.BigEndian.AppendUint16(append(header, opcode, 126), uint16(size))
	default:
		return binary.BigEndian.AppendUint64(append(header, opcode, 127), uint64(size))
	}
}

// socketControl is a control frame; its payload is at most 125 bytes.
func socketControl(opcode byte, payload []byte) frame {
	return frame{append(socketHeader(opcode, len(payload)), payload...)}
}

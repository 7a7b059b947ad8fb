package swarm

import "bytes"

// Message is one dispatched SSE message. Its slices are valid only until the handler returns.
type Message struct {
	Event []byte // the event field, empty when absent
	ID    []byte // the id field, empty when absent
	Data  []byte // the data lines joined by LF
}

// lines interprets an event stream that arrives in pieces cut anywhere.
type lines struct {
	said    int64   // bytes of lines so far that are neither empty nor comments
	partial []byte  // an unfinished line
	message Message // the fields of the message that is not yet dispatched
	hasData bool
	// borrowed tells that message points into the caller's bytes and must be copied before feed's caller returns.
	// Nearly every message begins and ends in one read, so nearly none is copied.
	borrowed bool
}

func (l *lines) feed(p []byte, handle func(Message)) {
	for {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			l.partial = append(l.partial, p...)
			return
		}
		line := p[:end]
		if len(l.partial) > 0 {
			line = append(l.partial, line...) //nolint:gocritic // partial is given up below; message may point into it
			l.partial = nil
		}
		p = p[end+1:]
		l.take(bytes.TrimSuffix(line, []byte("\r")), handle)
	}
}

// take interprets one whole line.
func (l *lines) take(line []byte, handle func(Message)) {
	if len(line) == 0 {
		if l.hasData {
			handle(l.message)
		}
		l.message, l.hasData, l.borrowed = Message{}, false, false
		return
	}
	if line[0] != ':' {
		l.said += int64(len(line)) + 1
	}
	name, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(name) { // a comment has an empty name and is left out like any unknown field
	case "event":
		l.message.Event, l.borrowed = value, true
	case "id":
		l.message.ID, l.borrowed = value, true
	case "data":
		if l.hasData {
			l.message.Data = append(append(bytes.Clone(l.message.Data), '\n'), value...)
		} else {
			l.message.Data = value
		}
		l.hasData, l.borrowed = true, true
	}
}

// keep copies what the undispatched message still borrows.
func (l *lines) keep() {
	if !l.borrowed {
		return
	}
	l.message = Message{
		Event: bytes.Clone(l.message.Event),
		ID:    bytes.Clone(l.message.ID),
		Data:  bytes.Clone(l.message.Data),
	}
	l.borrowed = false
}

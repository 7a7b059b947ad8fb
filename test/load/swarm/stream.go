package swarm

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
)

// Stream parses the bytes of one HTTP/1.1 response that carries server-sent events. Bytes may be cut anywhere: inside
// the response head, a chunk header, a line or a field. Between two calls it keeps nothing but the unfinished piece, so
// ten thousand streams stay small. The zero value is ready to use; it is not safe for concurrent use.
//
// Lines end in LF or CRLF; a lone CR, which the event-stream grammar also allows, is taken as part of the line.
// Sources: RFC 9112 §6-7 (head, chunked coding), WHATWG HTML §9.2.6 (event stream interpretation).
type Stream struct {
	Status int // the response's status code, 0 until its head has arrived

	place place
	left  int    // bytes left of the chunk and its line end
	head  []byte // an unfinished response head or chunk header
	lines lines
}

type place uint8

const (
	inHead place = iota
	inBody
	inChunkHeader
	inChunk
	inChunkEnd
	atEnd
)

// maxHead bounds a response head and a chunk header, in bytes.
const maxHead = 16 << 10

// ErrEnded is returned by Feed when the last chunk of the response has been read.
var ErrEnded = errors.New("the response ended")

// Feed parses the next bytes read from the connection and calls handle for every message they complete. After an error
// the stream must not be used further.
func (s *Stream) Feed(p []byte, handle func(Message)) error {
	defer s.lines.keep()
	for len(p) > 0 {
		switch s.place {
		case inHead:
			head, rest, done, err := s.until(p, "\r\n\r\n")
			if err != nil || !done {
				return err
			}
			if err := s.readHead(head); err != nil {
				return err
			}
			p = rest
		case inBody:
			s.lines.feed(p, handle)
			return nil
		case inChunkHeader:
			header, rest, done, err := s.until(p, "\r\n")
			if err != nil || !done {
				return err
			}
			size, _, _ := bytes.Cut(header, []byte(";"))
			n, err := strconv.ParseUint(string(bytes.TrimSpace(size)), 16, 31)
			if err != nil {
				return fmt.Errorf("read chunk size: %w", err)
			}
			s.left, s.place, p = int(n), inChunk, rest
			if n == 0 {
				s.place = atEnd
				return ErrEnded
			}
		case inChunk:
			n := min(s.left, len(p))
			s.lines.feed(p[:n], handle)
			if s.left -= n; s.left == 0 {
				s.place, s.left = inChunkEnd, len("\r\n")
			}
			p = p[n:]
		case inChunkEnd:
			n := min(s.left, len(p))
			if s.left -= n; s.left == 0 {
				s.place = inChunkHeader
			}
			p = p[n:]
		case atEnd:
			return ErrEnded
		}
	}
	return nil
}

// until returns the bytes before mark once they are complete, and those after it.
func (s *Stream) until(p []byte, mark string) (piece, rest []byte, done bool, err error) {
	had := len(s.head)
	if had > 0 {
		p = append(s.head, p...) //nolint:gocritic // the unfinished piece and what follows it, not s.head itself
	}
	at := bytes.Index(p[max(0, had-len(mark)+1):], []byte(mark))
	if at < 0 {
		if len(p) > maxHead {
			return nil, nil, false, fmt.Errorf("no end of a head within %d bytes", maxHead)
		}
		s.head = bytes.Clone(p)
		return nil, nil, false, nil
	}
	at += max(0, had-len(mark)+1)
	s.head = nil
	return p[:at], p[at+len(mark):], true, nil
}

func (s *Stream) readHead(head []byte) error {
	status, fields, _ := bytes.Cut(head, []byte("\r\n"))
	_, code, ok := bytes.Cut(status, []byte(" "))
	if !ok || len(code) < 3 || !bytes.HasPrefix(status, []byte("HTTP/1.")) {
		return fmt.Errorf("not an HTTP/1 status line: %q", status)
	}
	n, err := strconv.Atoi(string(code[:3]))
	if err != nil {
		return fmt.Errorf("read status code: %w", err)
	}
	s.Status, s.place = n, inBody
	for field := range bytes.SplitSeq(fields, []byte("\r\n")) {
		name, value, _ := bytes.Cut(field, []byte(":"))
		if bytes.EqualFold(name, []byte("Transfer-Encoding")) && bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked")) {
			s.place = inChunkHeader
		}
	}
	return nil
}

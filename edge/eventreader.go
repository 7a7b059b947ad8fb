package edge

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// message is one event of an SSE stream.
type message struct {
	event string
	id    string
	data  string
	retry time.Duration // 0: not said
}

var errTooLong = errors.New("the message is too long")

// eventReader reads Server-Sent Events as the HTML standard has them.
type eventReader struct {
	lines *bufio.Reader
	first bool
}

// newEventReader reads from r. Heard is called whenever something arrives.
func newEventReader(r io.Reader, heard func()) *eventReader {
	return &eventReader{lines: bufio.NewReaderSize(hearing{r, heard}, 32<<10), first: true}
}

type hearing struct {
	io.Reader

	heard func()
}

func (h hearing) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if n > 0 {
		h.heard()
	}
	return n, err
}

// next returns the next message that has data, or a retry time alone.
func (e *eventReader) next() (message, error) {
	var m message
	var data bytes.Buffer
	var said bool
	for {
		line, err := e.line()
		if err != nil {
			return message{}, err
		}
		if len(line) == 0 {
			if said || m.retry > 0 {
				m.data = strings.TrimSuffix(data.String(), "\n")
				return m, nil
			}
			m = message{}
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			m.event = string(value)
		case "data":
			said = true
			if data.Len()+len(value) > maxDocument {
				return message{}, errTooLong
			}
			data.Write(value)
			data.WriteByte('\n')
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				m.id = string(value)
			}
		case "retry":
			if n, err := strconv.ParseUint(string(value), 10, 31); err == nil {
				m.retry = time.Duration(n) * time.Millisecond
			}
		}
	}
}

// line returns the next line without its end, which is LF or CRLF. (No server ends lines with CR alone.)
func (e *eventReader) line() ([]byte, error) {
	var long []byte
	for {
		part, err := e.lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if long = append(long, part...); len(long) > maxDocument {
				return nil, errTooLong
			}
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read stream: %w", err)
		}
		if long != nil {
			part = append(long, part...)
		}
		part = bytes.TrimSuffix(part[:len(part)-1], []byte("\r"))
		if e.first {
			part, e.first = bytes.TrimPrefix(part, []byte("\ufeff")), false
		}
		return part, nil
	}
}

// Package httpload sends the same HTTP request over a fixed number of kept-alive connections for a fixed time and tells
// how many were answered and how long they took. It reads whole bodies but does not look at them.
package httpload

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// Request is what is sent over and over.
type Request struct {
	Method string
	Path   string
	Header []string // whole header lines, for example "Authorization: secret"
	Body   []byte
}

// encode returns the request's bytes.
func (r Request) encode(addr string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.Path, addr)
	for _, line := range r.Header {
		b.WriteString(line + "\r\n")
	}
	if r.Body != nil {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(r.Body))
	}
	b.WriteString("\r\n")
	b.Write(r.Body)
	return b.Bytes()
}

// Response is what the client keeps of an answer.
type Response struct {
	Status int
	ETag   string
	Body   int64 // bytes of the body as sent, without chunk headers
}

// Client is one kept-alive connection. It is not safe for concurrent use.
type Client struct {
	conn   net.Conn
	reader *bufio.Reader
}

// Dial connects to addr.
func Dial(addr string) (*Client, error) {
	conn, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return &Client{conn: conn, reader: bufio.NewReaderSize(conn, 64<<10)}, nil
}

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Do sends an encoded request and reads the answer's body into w, or past it when w is nil.
func (c *Client) Do(request []byte, w io.Writer, deadline time.Time) (Response, error) {
	if err := c.conn.SetDeadline(deadline); err != nil {
		return Response{}, fmt.Errorf("set deadline: %w", err)
	}
	if _, err := c.conn.Write(request); err != nil {
		return Response{}, fmt.Errorf("send request: %w", err)
	}
	return readResponse(c.reader, w)
}

// Post sends a body to path and skips the answer's body.
func (c *Client) Post(addr, path string, body []byte, deadline time.Time) (Response, error) {
	return c.Do(Request{Method: "POST", Path: path, Body: body}.encode(addr), nil, deadline)
}

// readResponse reads one answer of HTTP/1.1 whose body has a length or is chunked (RFC 9112 §6).
func readResponse(r *bufio.Reader, w io.Writer) (Response, error) {
	var response Response
	line, err := readLine(r)
	if err != nil {
		return response, err
	}
	_, code, _ := bytes.Cut(line, []byte(" "))
	if len(code) < 3 {
		return response, fmt.Errorf("not a status line: %q", line)
	}
	if response.Status, err = strconv.Atoi(string(code[:3])); err != nil {
		return response, fmt.Errorf("read status: %w", err)
	}
	length, chunked := int64(-1), false
	for {
		if line, err = readLine(r); err != nil {
			return response, err
		}
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(value), 10, 64); err != nil {
				return response, fmt.Errorf("read length: %w", err)
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = bytes.EqualFold(value, []byte("chunked"))
		case bytes.EqualFold(name, []byte("ETag")):
			response.ETag = string(value)
		}
	}
	switch {
	case response.Status == 304 || response.Status == 204:
	case chunked:
		response.Body, err = copyChunks(r, w)
	case length >= 0:
		response.Body, err = length, take(r, w, length)
	default:
		err = errors.New("an answer has neither a length nor chunks")
	}
	if err != nil {
		return response, fmt.Errorf("read body: %w", err)
	}
	return response, nil
}

func copyChunks(r *bufio.Reader, w io.Writer) (total int64, err error) {
	for {
		line, err := readLine(r)
		if err != nil {
			return total, err
		}
		size, _, _ := bytes.Cut(line, []byte(";"))
		n, err := strconv.ParseInt(string(bytes.TrimSpace(size)), 16, 64)
		if err != nil {
			return total, fmt.Errorf("read chunk size: %w", err)
		}
		if n > 0 {
			if err := take(r, w, n); err != nil {
				return total, err
			}
			total += n
		}
		if line, err = readLine(r); err != nil {
			return total, err
		}
		if len(line) != 0 {
			return total, fmt.Errorf("a chunk or the trailer ends in %q", line)
		}
		if n == 0 {
			return total, nil
		}
	}
}

// take moves n bytes from r to w. Without w it skips them inside r's buffer, which costs no copy.
func take(r *bufio.Reader, w io.Writer, n int64) error {
	if w == nil {
		_, err := r.Discard(int(n))
		return err
	}
	_, err := io.CopyN(w, r, n)
	return err
}

// readLine returns a line without its end; it is valid until the next read.
func readLine(r *bufio.Reader) ([]byte, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("read line: %w", err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}

package edge

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/pennonhq/pennon/api/link"
)

const (
	// linkWriteTimeout bounds the sending of one frame, and of the handshake.
	linkWriteTimeout = 10 * time.Second

	// codeNoScopes closes a link of which no scope is left.
	codeNoScopes = 4500
)

var errNoScopes = errors.New("the upstream refuses all tokens on the link")

// linkDialer makes connections as the transport does; nil if that is not known.
func linkDialer(transport http.RoundTripper) *websocket.Dialer {
	t, ok := transport.(*http.Transport)
	if !ok {
		return nil
	}
	d := &websocket.Dialer{
		Proxy: t.Proxy, NetDialContext: t.DialContext, HandshakeTimeout: linkWriteTimeout,
		ReadBufferSize: 16 << 10, WriteBufferSize: 4 << 10,
	}
	if d.NetDialContext == nil {
		d.NetDialContext = (&net.Dialer{}).DialContext
	}
	if t.TLSClientConfig != nil {
		d.TLSClientConfig = t.TLSClientConfig.Clone()
		d.TLSClientConfig.NextProtos = []string{"http/1.1"} // the transport may have put h2 there
	}
	return d
}

// linkConn is a connection that ends when it has been silent for too long. Every byte counts, as a frame may be large.
type linkConn struct {
	*websocket.Conn

	net *listening
}

// listening tells of what is read.
type listening struct {
	net.Conn

	heardAt atomic.Int64 // in nanoseconds since 1970
}

// Read implements net.Conn.
func (c *listening) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		now := time.Now()
		c.heardAt.Store(now.UnixNano())
		if deadline := c.SetReadDeadline(now.Add(idleTimeout)); deadline != nil && err == nil {
			return n, deadline
		}
	}
	return n, err
}

// dial opens the connection with the token of one feed.
func (l *uplink) dial(ctx context.Context, opener *feed) (*linkConn, error) {
	address := "ws" + strings.TrimPrefix(l.up.config.URL, "http") + strings.TrimPrefix(link.Path, "/api")
	request, err := l.up.request(ctx, opener.token, "", "")
	if err != nil {
		return nil, err
	}
	request.Header.Set("Unleash-Sdk-Type", "edge")
	var below *listening
	dialer := *l.dialer
	dialer.NetDialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		connection, err := l.dialer.NetDialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		below = &listening{Conn: connection}
		return below, nil
	}
	connection, answer, err := dialer.DialContext(ctx, address, request.Header)
	if answer != nil {
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusSwitchingProtocols {
			return nil, newStatusError(answer)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("open link: %w", err)
	}
	connection.SetReadLimit(maxDocument)
	if err := connection.SetReadDeadline(time.Now().Add(openingTimeout)); err != nil {
		_ = connection.Close()
		return nil, fmt.Errorf("open link: %w", err)
	}
	return &linkConn{connection, below}, nil
}

// send writes one frame. Only one goroutine may call it.
func (c *linkConn) send(frame *link.FromEdge) error {
	if err := c.SetWriteDeadline(time.Now().Add(linkWriteTimeout)); err != nil {
		return fmt.Errorf("write to the link: %w", err)
	}
	if err := c.WriteJSON(frame); err != nil {
		return fmt.Errorf("write to the link: %w", err)
	}
	return nil
}

// linkEnded is why reading has ended.
func linkEnded(err error) error {
	var closed *websocket.CloseError
	var broken net.Error
	switch {
	case errors.As(err, &closed) && closed.Code == codeNoScopes:
		return errNoScopes
	case errors.As(err, &closed):
		return fmt.Errorf("the upstream has ended the link: %w", err)
	case errors.As(err, &broken) && broken.Timeout():
		return errIdle
	default:
		return fmt.Errorf("read the link: %w", err)
	}
}

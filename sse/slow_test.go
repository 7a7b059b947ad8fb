//go:build unix

package sse_test

import (
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/sse"
)

// dialSlow opens a stream with the smallest receive buffer, so that a few messages fill it.
func dialSlow(t *testing.T, b *bench) *client {
	t.Helper()
	dialer := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		return raw.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 1)
		})
	}}
	conn, err := dialer.Dial("tcp", b.server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	c, _ := b.request(t, conn, "")
	return c
}

func TestSlowClientGetsOneMessageForWhatItMissed(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{})
	b.topic.pad = 64 << 10
	lazy, quick := dialSlow(t, b), b.dial(t, "")
	const most = 2000 // more than any send buffer takes
	var head int64
	for b.hub.Stats().Slow == 0 {
		head = b.change(int(head) % 10)
		require.NoError(t, quick.reach(head), "a slow client holds nobody up")
		require.Less(t, head, int64(most))
	}
	for range 50 {
		head = b.change(int(head) % 10)
		require.NoError(t, quick.reach(head))
	}
	require.NoError(t, lazy.reach(head))
	require.Equal(t, quick.state, lazy.state)
	require.Less(t, lazy.seen, quick.seen-40, "what was missed is coalesced")
	head = b.change(3)
	require.NoError(t, lazy.reach(head), "it is an ordinary stream again")
	eventually(t, func() bool { return b.hub.Stats().Slow == 0 })
}

func TestClientThatNeverReadsIsClosed(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{WriteTimeout: 50 * time.Millisecond})
	b.topic.pad = 8 << 10
	dialSlow(t, b)
	quick := b.dial(t, "")
	for b.hub.Stats().Closes[sse.Slow] == 0 {
		require.NoError(t, quick.reach(b.change(1)))
	}
	eventually(t, func() bool { return open(b) == 1 && b.hub.Stats().Slow == 0 })
}

func TestSlowStreamIsCutWhenItsKeyIsRevoked(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{WriteTimeout: time.Hour})
	b.topic.pad = 64 << 10
	dialSlow(t, b)
	quick := b.dial(t, "key=other")
	for b.hub.Stats().Slow == 0 {
		require.NoError(t, quick.reach(b.change(1)))
	}
	b.hub.CloseKey("", sse.Revoked)
	eventually(t, func() bool { return open(b) == 1 })
}

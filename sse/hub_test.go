package sse_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/sse"
)

func TestWireFormat(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{})
	b.topic.change(7)
	conn, err := net.Dial("tcp", b.server.Listener.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	_, err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n")
	require.NoError(t, err)

	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	require.NoError(t, err)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	require.Equal(t, "no-cache, no-transform", response.Header.Get("Cache-Control"))
	require.Equal(t, "no", response.Header.Get("X-Accel-Buffering"))
	require.NotEmpty(t, response.Header.Get("Date"))
	require.Equal(t, []string{"chunked"}, response.TransferEncoding)

	read := func(expected string) {
		t.Helper()
		got := make([]byte, len(expected))
		_, err := io.ReadFull(in, got)
		require.NoError(t, err)
		require.Equal(t, expected, string(got))
	}
	read("3b\r\nevent: change\nid: 1\ndata: {\"from\":0,\"to\":1,\"set\":{\"7\":1}}\n\n\r\n")
	b.change(8)
	read("3b\r\nevent: change\nid: 2\ndata: {\"from\":1,\"to\":2,\"set\":{\"8\":2}}\n\n\r\n")
	b.topic.mu.Lock()
	b.topic.gone = true
	b.topic.mu.Unlock()
	b.hub.WakeAll()
	read("0\r\n\r\n")
	_, err = in.ReadByte()
	require.ErrorIs(t, err, io.EOF)
	eventually(t, func() bool { return b.hub.Stats().Closes[sse.Gone] == 1 && open(b) == 0 })
}

func TestBurstReachesEveryStreamInOrder(t *testing.T) {
	t.Parallel()
	const streams, changes, keys = 500, 200, 17
	b := setup(t, sse.Config{})
	clients := make([]*client, streams)
	for i := range clients {
		clients[i] = b.dial(t, "")
	}
	eventually(t, func() bool { return open(b) == streams })

	expected := make(map[int]int64)
	errs := make(chan error, streams)
	for _, c := range clients {
		go func() { errs <- c.reach(changes) }()
	}
	for i := range changes {
		expected[i%keys] = b.change(i % keys)
	}
	for range clients {
		require.NoError(t, <-errs)
	}
	for _, c := range clients {
		require.Equal(t, expected, c.state)
	}
	stats := b.hub.Stats()
	require.LessOrEqual(t, stats.Messages, uint64(streams*(changes+1)))
	b.topic.mu.Lock()
	defer b.topic.mu.Unlock()
	// One call a stream at each end of its opening, and then one a pass and shard, not one a stream.
	require.Less(t, b.topic.calls, streams*2+changes*64)
}

func TestStreamsOpenedWhileChangesHappenMissNothing(t *testing.T) {
	t.Parallel()
	const streams, changes = 200, 400
	b := setup(t, sse.Config{})
	var all sync.WaitGroup
	errs := make(chan error, streams)
	stop := make(chan struct{})
	for range 4 {
		all.Go(func() {
			for range streams / 4 {
				c := b.dial(t, "")
				all.Go(func() { errs <- c.reach(changes) })
			}
		})
	}
	all.Go(func() {
		for i := range changes {
			b.change(i)
			if i%8 == 0 {
				// Leaves time for others to connect between the changes.
				select {
				case <-stop:
				case <-time.After(time.Millisecond):
				}
			}
		}
	})
	all.Wait()
	close(stop)
	for range streams {
		require.NoError(t, <-errs)
	}
}

func TestRevokedKeyEndsItsStreamsAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{})
	revoked := []*client{b.dial(t, "key=a"), b.dial(t, "key=a")}
	kept := b.dial(t, "key=b")
	eventually(t, func() bool { return open(b) == 3 })
	require.Equal(t, 2, b.hub.CloseKey("a", sse.Revoked))
	b.change(1)
	for _, c := range revoked {
		require.ErrorIs(t, c.end(), io.EOF)
		require.Zero(t, c.at, "nothing is sent after the revocation")
	}
	require.NoError(t, kept.reach(1))
	require.Zero(t, b.hub.CloseKey("nobody", sse.Revoked))
	eventually(t, func() bool { return b.hub.Stats().Closes[sse.Revoked] == 2 && open(b) == 1 })
}

func TestExpiredKeyEndsItsStream(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{Heartbeat: 50 * time.Millisecond})
	c := b.dial(t, "life=100ms")
	require.ErrorIs(t, c.end(), io.EOF)
	eventually(t, func() bool { return b.hub.Stats().Closes[sse.Expired] == 1 })
}

func TestLimits(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{MaxStreams: 3, MaxStreamsPerKey: 2})
	status := func(query string) int {
		conn, err := net.Dial("tcp", b.server.Listener.Addr().String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, response := b.request(t, conn, query)
		return response.StatusCode
	}
	require.Equal(t, http.StatusOK, status("key=a"))
	require.Equal(t, 1, b.hub.Room("a"))
	require.Equal(t, http.StatusOK, status("key=a"))
	require.Equal(t, http.StatusTooManyRequests, status("key=a"), "the key has two")
	require.Equal(t, 0, b.hub.Room("a"))
	require.Equal(t, 1, b.hub.Room("b"))
	require.Equal(t, http.StatusOK, status("key=b"))
	require.Equal(t, http.StatusTooManyRequests, status("key=c"), "the hub has three")
	require.EqualValues(t, 2, b.hub.Stats().Refused)
	b.hub.CloseKey("a", sse.Revoked)
	eventually(t, func() bool { return open(b) == 1 })
	require.Equal(t, http.StatusOK, status("key=c"), "room is given back")
}

func TestClientThatLeavesIsNoticed(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{Heartbeat: 100 * time.Millisecond})
	for range 20 {
		require.NoError(t, b.dial(t, "").conn.Close())
	}
	kept := b.dial(t, "")
	eventually(t, func() bool { return open(b) == 1 })
	b.change(1)
	require.NoError(t, kept.reach(1))
}

func TestStrayInputIsDiscarded(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{Heartbeat: 20 * time.Millisecond})
	c := b.dial(t, "")
	_, err := c.conn.Write([]byte(strings.Repeat("x", 8<<10)))
	require.NoError(t, err)
	for range 3 {
		require.NoError(t, c.next())
	}
	require.Contains(t, c.other, ":keep-alive")
	b.hub.CloseKey("", sse.Changed)
	require.ErrorIs(t, c.end(), io.EOF, "unread input must not turn the end into a reset")
}

func TestRunClosesWhatIsLeft(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{})
	c := b.dial(t, "")
	b.stop()
	require.ErrorIs(t, c.end(), io.EOF)
	require.Len(t, c.other, 1)
	require.Contains(t, c.other[0], "retry: ")
	require.Zero(t, open(b))
	_, err := b.hub.Admit("", time.Time{})
	require.ErrorIs(t, err, sse.ErrDraining)
}

package sse_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/sse"
)

// socket is a WebSocket client that checks what it reads.
type socket struct {
	client
	ws     *websocket.Conn
	events []string
	ids    []string
}

func (b *bench) dialSocket(t *testing.T, query string) *socket {
	t.Helper()
	dialer := websocket.Dialer{HandshakeTimeout: patience}
	ws, _, err := dialer.Dial(strings.Replace(b.server.URL, "http", "ws", 1)+"/?"+query, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = ws.Close() })
	require.NoError(t, ws.SetReadDeadline(time.Now().Add(patience)))
	return &socket{client: client{conn: ws.NetConn(), state: make(map[int]int64)}, ws: ws}
}

func (s *socket) next() error {
	var message struct {
		Event string          `json:"event"`
		ID    string          `json:"id"`
		Data  json.RawMessage `json:"data"`
	}
	if err := s.ws.ReadJSON(&message); err != nil {
		return err
	}
	s.events, s.ids = append(s.events, message.Event), append(s.ids, message.ID)
	if message.Event == "retry" {
		return nil
	}
	return s.apply(message.Data)
}

func (s *socket) reach(revision int64) error {
	for s.at < revision {
		if err := s.next(); err != nil {
			return err
		}
	}
	return nil
}

// closeCode reads until the socket is closed and returns the code, 0 if there was none.
func (s *socket) closeCode() int {
	for {
		err := s.next()
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			return closed.Code
		}
		if err != nil {
			return 0
		}
	}
}

func TestWebSocketCarriesTheSameMessages(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{})
	b.topic.change(1)
	s := b.dialSocket(t, "")
	for size := range 4 { // frame headers of all three lengths
		b.topic.mu.Lock()
		b.topic.pad = 300 * size * size * size * size * size
		b.topic.mu.Unlock()
		require.NoError(t, s.reach(b.change(size)))
	}
	require.Equal(t, []string{"change", "change", "change", "change", "change"}, s.events)
	require.Equal(t, []string{"1", "2", "3", "4", "5"}, s.ids)
	require.Equal(t, 1, b.hub.Stats().Streams[sse.WebSocket])
}

func TestWebSocketCloseCodes(t *testing.T) {
	t.Parallel()
	for reason, code := range map[sse.Reason]int{
		sse.Draining: 4000, sse.Slow: 4001, sse.Aged: 4003, sse.Changed: 4004, sse.PeerSilent: 4005,
		sse.Revoked: 4500, sse.Expired: 4501, sse.Gone: 4502,
	} {
		t.Run(reason.String(), func(t *testing.T) {
			t.Parallel()
			b := setup(t, sse.Config{})
			s := b.dialSocket(t, "key=k")
			require.NoError(t, s.next())
			require.NoError(t, s.reach(b.change(0))) // only a stream that is fully open ends with a close frame
			b.hub.CloseKey("k", reason)
			require.Equal(t, code, s.closeCode())
			require.Equal(t, code < 4500, reason.Reconnect())
			eventually(t, func() bool { return open(b) == 0 })
		})
	}
}

func TestWebSocketPings(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{Heartbeat: 40 * time.Millisecond})
	pings := 0
	alive := b.dialSocket(t, "")
	answer := alive.ws.PingHandler()
	alive.ws.SetPingHandler(func(data string) error {
		pings++
		return answer(data)
	})
	silent := b.dialSocket(t, "")
	silent.ws.SetPingHandler(func(string) error { return nil })
	pong := ""
	alive.ws.SetPongHandler(func(data string) error { pong = data; return nil })

	ended := make(chan int, 1)
	go func() { ended <- silent.closeCode() }()
	require.NoError(t, alive.next())
	require.NoError(t, alive.ws.WriteControl(websocket.PingMessage, []byte("hello"), time.Now().Add(patience)))
	read := make(chan error, 1)
	go func() { read <- alive.reach(1) }()
	require.Equal(t, 4005, <-ended, "who does not answer is closed")
	b.change(1)
	require.NoError(t, <-read)
	require.Equal(t, "hello", pong, "pings are answered with what they carry")
	require.Positive(t, pings)
}

func TestWebSocketClientThatMisbehavesIsClosed(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{})
	s := b.dialSocket(t, "")
	_ = s.ws.WriteMessage(websocket.TextMessage, make([]byte, 64<<10)) // the server may close before it is written
	eventually(t, func() bool { return b.hub.Stats().Closes[sse.Misbehaved] == 1 && open(b) == 0 })
}

func TestWebSocketClientMayClose(t *testing.T) {
	t.Parallel()
	b := setup(t, sse.Config{})
	s := b.dialSocket(t, "")
	require.NoError(t, s.next())
	require.NoError(t, s.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(patience)))
	require.Equal(t, 1000, s.closeCode())
	eventually(t, func() bool { return b.hub.Stats().Closes[sse.PeerClosed] == 1 && open(b) == 0 })
}

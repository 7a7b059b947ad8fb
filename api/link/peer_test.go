package link_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/sse"
)

func TestFramesThatAreNoneEndTheLink(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	hello := `{"type":"hello","scopes":[{"id":1,"token":"all"}]}`
	many := strings.Repeat(`{"id":1,"token":"all"},`, link.MaxScopes) + `{"id":1,"token":"all"}`
	for name, frames := range map[string][]string{
		"no JSON":            {hello, `{"type":`},
		"no object":          {hello, `[]`},
		"wrong type":         {hello, `{"type":"leave","ids":"all"}`},
		"no hello":           {`{"type":"join","scopes":[{"id":1,"token":"all"}]}`},
		"nothing known":      {`{}`},
		"two hellos":         {hello, hello},
		"an ID twice":        {hello, `{"type":"join","scopes":[{"id":1,"token":"all"}]}`},
		"an ID twice at one": {`{"type":"hello","scopes":[{"id":1,"token":"all"},{"id":1,"token":"all"}]}`},
		"too many scopes":    {`{"type":"hello","scopes":[` + many + `]}`},
		"no cursor":          {hello, `{"type":"ack","cursor":"soon"}`},
		"no hash":            {hello, `{"type":"watch","tokens":["all"]}`},
		"no hash to forget":  {hello, `{"type":"unwatch","tokens":["` + strings.Repeat("g", 64) + `"]}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := n.dial(t, "all")
			for _, frame := range frames {
				require.NoError(t, e.ws.WriteMessage(websocket.TextMessage, []byte(frame)))
			}
			require.Equal(t, sse.Misbehaved.Code(), e.closed())
		})
	}
	t.Run("binary", func(t *testing.T) {
		t.Parallel()
		e := n.dial(t, "all")
		require.NoError(t, e.ws.WriteMessage(websocket.BinaryMessage, []byte(hello)))
		require.Equal(t, sse.Misbehaved.Code(), e.closed())
	})
	t.Run("too large", func(t *testing.T) {
		t.Parallel()
		e := n.dial(t, "all")
		require.NoError(t, e.ws.WriteMessage(websocket.TextMessage, make([]byte, link.MaxFrame+1)))
		require.Equal(t, websocket.CloseMessageTooBig, e.closed())
	})
}

func TestWhatIsNotKnownIsIgnored(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	e := n.dial(t, "all")
	for _, frame := range []string{
		`{"type":"hello","new":{"a":1},"cursor":"of another kind","scopes":[{"id":1,"token":"all","new":true,"held":true}]}`,
		`{"type":"new","amount":1.5e3}`,
	} {
		require.NoError(t, e.ws.WriteMessage(websocket.TextMessage, []byte(frame)))
	}
	require.Len(t, e.next(link.TypeChanges).Scopes, 1)
}

// stuffed makes flags of half a megabyte each.
func (n *node) stuffed(count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for i := range count {
		n.projects[fmt.Sprint("large", i)] = "p1"
		n.padding = strings.Repeat("x", 512<<10)
	}
	n.row("setting", "x", "")
	n.store.Reset(n.snapshot())
	n.remember()
}

func TestAPeerThatTakesNothingIsCutOff(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(c *link.Config) { c.WriteTimeout = 300 * time.Millisecond })
	n.stuffed(40)
	e := n.open(t, link.Subscription{ID: 1, Token: "all"})
	require.Eventually(t, func() bool { return n.links.Links() == 1 }, patience, time.Millisecond)
	require.Eventually(t, func() bool { return n.links.Links() == 0 }, patience, time.Millisecond)
	_, err := io.Copy(io.Discard, e.ws.NetConn())
	if err != nil {
		var broken net.Error
		require.ErrorAs(t, err, &broken)
		require.False(t, broken.Timeout())
	}
}

func TestAPeerThatIsSlowIsSentEverythingAtOnceLater(t *testing.T) {
	t.Parallel()
	const heartbeat = 200 * time.Millisecond
	n := newNode(t, func(c *link.Config) { c.WriteTimeout, c.Heartbeat = 5*time.Second, heartbeat })
	n.stuffed(40)
	e := n.dial(t, "all")
	e.hello("", link.Subscription{ID: 1, Token: "all"})

	// It reads a part of the frame, with pauses in which it could be thought silent, while flags change.
	_, reader, err := e.ws.NextReader()
	require.NoError(t, err)
	pause := time.NewTicker(heartbeat)
	defer pause.Stop()
	for i := range 8 {
		_, err = io.CopyN(io.Discard, reader, 1<<20)
		require.NoError(t, err)
		n.put("flag1", "p1")
		n.put(fmt.Sprint("flag", i), "p1")
		<-pause.C
	}
	_, err = io.Copy(io.Discard, reader)
	require.NoError(t, err)
	e.frames = 1
	frame := e.next(link.TypeChanges)
	require.Len(t, frame.Log, 16, "one frame for all it has missed")
	require.Equal(t, n.store.Cursor().String(), frame.Cursor)
	require.Contains(t, e.scopes[1].flags["flag1"], "version 9")
}

func TestAPeerThatIsSilentIsLeft(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(c *link.Config) { c.Heartbeat, c.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond })
	e := n.dial(t, "all")
	pings := 0
	e.ws.SetPingHandler(func(string) error { pings++; return nil }) // and no pong
	e.hello("", link.Subscription{ID: 1, Token: "all"})
	require.Equal(t, sse.PeerSilent.Code(), e.closed())
	require.GreaterOrEqual(t, pings, 2)
}

func TestAPeerThatAnswersPingsStays(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(c *link.Config) { c.Heartbeat, c.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond })
	e := n.dial(t, "all")
	answer, pings, enough := e.ws.PingHandler(), 0, make(chan struct{})
	e.ws.SetPingHandler(func(payload string) error {
		if pings++; pings == 6 {
			close(enough)
		}
		return answer(payload)
	})
	e.hello("", link.Subscription{ID: 1, Token: "all"})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			if _, _, err := e.ws.ReadMessage(); err != nil {
				return
			}
		}
	}()
	select {
	case <-enough:
	case <-ended:
		require.Fail(t, "it was cut off")
	}
	_ = e.ws.Close()
	<-ended
}

func TestDrainTellsEdgesWhenToComeBack(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	var edges []*edge
	for range 5 {
		e := n.open(t, link.Subscription{ID: 1, Token: "all"})
		e.next(link.TypeChanges)
		edges = append(edges, e)
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		n.links.Drain(context.Background(), 10*time.Second)
	}()
	for _, e := range edges {
		retry := e.next(link.TypeRetry)
		require.GreaterOrEqual(t, retry.Data, sse.DefaultRetryMin.Milliseconds())
		require.LessOrEqual(t, retry.Data, sse.DefaultRetryMax.Milliseconds())
		require.Equal(t, sse.Draining.Code(), e.closed())
	}
	<-drained
	require.Zero(t, n.links.Links())
	_, response, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(n.url, "http")+link.Path, map[string][]string{"Authorization": {"all"}})
	require.Error(t, err)
	require.Equal(t, 503, response.StatusCode)
}

func TestLinksEndAtAnAge(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(c *link.Config) { c.MaxAge = 200 * time.Millisecond })
	e := n.open(t, link.Subscription{ID: 1, Token: "all"})
	require.Positive(t, e.next(link.TypeRetry).Data)
	require.Equal(t, sse.Aged.Code(), e.closed())
}

func TestDrainCutsOffWhoDoesNotGo(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.stuffed(40)
	n.open(t, link.Subscription{ID: 1, Token: "all"}) // and reads nothing
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	n.links.Drain(ctx, time.Second)
	require.Zero(t, n.links.Links())
}

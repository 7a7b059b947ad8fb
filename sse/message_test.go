package sse

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMessageFrames(t *testing.T) {
	t.Parallel()
	plain := func(m *Message) string { return string(bytes.Join(m.frame(EventsFlushed), nil)) }
	socket := func(m *Message) string { return string(bytes.Join(m.frame(WebSocket), nil)[2:]) }

	t.Run("NoteSetsTheIDAndTheDelayAndIsNoEvent", func(t *testing.T) {
		t.Parallel()
		note := NewNote("7-a", 1500*time.Millisecond)
		require.Equal(t, "retry: 1500\nid: 7-a\n\n", plain(note))
		require.Equal(t, "15\r\nretry: 1500\nid: 7-a\n\n\r\n", string(bytes.Join(note.frame(EventsHijacked), nil)))
		require.JSONEq(t, `{"event":"note","id":"7-a","data":{}}`, socket(note))
	})

	t.Run("MessageMayCarryTheDelay", func(t *testing.T) {
		t.Parallel()
		message := NewMessage("update", "8-b", []byte(`{}`))
		require.Equal(t, "event: update\nid: 8-b\ndata: {}\n\n", plain(message))
		require.Equal(t, "retry: 10\nevent: update\nid: 8-b\ndata: {}\n\n", plain(message.WithRetry(10*time.Millisecond)))
		require.JSONEq(t, `{"event":"update","id":"8-b","data":{}}`, socket(message))
	})
}

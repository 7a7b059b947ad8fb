package sse_test

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/sse"
)

func TestDeliveredIsToldHowLongNewsTook(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var told int
	b := setup(t, sse.Config{Delivered: func(d sse.Delivery) {
		mu.Lock()
		defer mu.Unlock()
		require.GreaterOrEqual(t, d.After, time.Hour)
		require.Less(t, d.After, 2*time.Hour)
		require.NotNil(t, d.Topic)
		require.Positive(t, d.Cursor.Revision)
		told += d.Messages
	}})
	const streams = 3
	for range streams {
		b.dial(t, "")
	}
	heard := func() int {
		mu.Lock()
		defer mu.Unlock()
		return told
	}
	eventually(t, func() bool { // the first news may be what a stream opens with
		b.topic.change(1)
		b.hub.WakeSince(time.Now().Add(-time.Hour), b.topic)
		return heard() >= streams
	})
	messages := b.hub.Stats().Messages
	b.change(2)
	eventually(t, func() bool { return b.hub.Stats().Messages >= messages+streams })
	require.LessOrEqual(t, heard(), int(b.hub.Stats().Messages)-streams, "nothing is known of when the last ones were")
}

package link

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/pennonhq/pennon/sse"
)

// drainPace is as long as Drain takes a link at most: a handful of edges is no storm, and need not hold up a restart.
const drainPace = 20 * time.Millisecond

// Drain takes no more links and closes those there are, in random order and evenly spread over the given time, less when
// they are few. Each edge is told when to come back; its clients notice nothing. It returns when every link has ended. When
// ctx ends, the rest is cut off.
func (h *Handler) Drain(ctx context.Context, over time.Duration) {
	h.mu.Lock()
	h.draining = true
	h.mu.Unlock()
	links := h.all()
	rand.Shuffle(len(links), func(i, j int) { links[i], links[j] = links[j], links[i] })

	pace := min(over/time.Duration(max(len(links), 1)), drainPace)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for _, l := range links {
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		l.close(sse.Draining)
		timer.Reset(pace)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		h.running.Wait()
	}()
	select {
	case <-ended:
	case <-ctx.Done():
		for _, l := range h.all() {
			_ = l.ws.Close()
		}
		<-ended
	}
}

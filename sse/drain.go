package sse

import (
	"context"
	"math/rand/v2"
	"time"
)

// drainPace is as long as Drain takes a stream: a handful of clients is no storm, and need not hold up a restart.
const drainPace = 20 * time.Millisecond

// Drain takes no more streams and closes those there are, in random order and evenly spread over the given time (less
// when they are few), each with a random reconnection delay. It returns when the last one was told, or at once after closing the rest when ctx
// ends. A client sees one end, of the five in a minute that make an SDK leave streaming.
func (h *Hub) Drain(ctx context.Context, over time.Duration) {
	h.mu.Lock()
	h.draining = true
	streams := make([]*Stream, 0, h.total)
	for s := range h.each {
		streams = append(streams, s)
	}
	h.mu.Unlock()
	rand.Shuffle(len(streams), func(i, j int) { streams[i], streams[j] = streams[j], streams[i] })

	over = min(over, time.Duration(len(streams))*drainPace)
	start := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i, s := range streams {
		if s.reason() != open {
			continue
		}
		place := (float64(i) + rand.Float64()) / float64(len(streams))
		wait := time.Until(start.Add(time.Duration(place * float64(over))))
		if wait > 0 && ctx.Err() == nil {
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
		}
		h.mu.Lock()
		s.closeLocked(Draining)
		h.mu.Unlock()
	}
}

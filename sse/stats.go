package sse

import "sync/atomic"

// counters are what Stats reports.
type counters struct {
	streams    [transports]atomic.Int64
	opened     atomic.Uint64
	closes     [reasons]atomic.Uint64
	messages   atomic.Uint64
	bytes      atomic.Uint64
	heartbeats atomic.Uint64
	slowed     atomic.Uint64
	refused    atomic.Uint64
}

// Stats is what a hub has done and holds. The totals count from its making.
type Stats struct {
	Streams    map[Transport]int // open now
	Opened     uint64            // streams that were opened
	Slow       int               // of these, how many wait for their peer to take a message
	Messages   uint64            // sent, heartbeats not counted
	Bytes      uint64            // sent, all of them but TLS and HTTP framing
	Heartbeats uint64
	Slowed     uint64            // how often a peer did not take a message at once
	Refused    uint64            // streams refused with ErrOverloaded
	Closes     map[Reason]uint64 // streams ended
}

// Stats returns the hub's figures. It does not stop anything: they may be off by what happens meanwhile.
func (h *Hub) Stats() Stats {
	stats := Stats{
		Streams:    make(map[Transport]int, transports),
		Opened:     h.opened.Load(),
		Messages:   h.messages.Load(),
		Bytes:      h.bytes.Load(),
		Heartbeats: h.heartbeats.Load(),
		Slowed:     h.slowed.Load(),
		Refused:    h.refused.Load(),
		Closes:     make(map[Reason]uint64),
	}
	for transport := range transports {
		stats.Streams[transport] = int(h.streams[transport].Load())
	}
	for reason := range reasons {
		if n := h.closes[reason].Load(); n > 0 {
			stats.Closes[reason] = n
		}
	}
	for _, sh := range h.shards {
		stats.Slow += int(sh.slow.Load())
	}
	return stats
}

package sse

import (
	"context"
	"time"
)

// Delivery is what Config.Delivered is told: messages of one topic were handed to the system.
type Delivery struct {
	Topic    Topic
	Cursor   Cursor        // where they lead
	After    time.Duration // since the time WakeSince was given
	Messages int
}

// Holding is how many streams of one topic and client are at one place.
type Holding struct {
	Topic    Topic
	Client   string // of Subscription
	Revision int64  // of the cursor
	Streams  int
	Slow     int // of these, how many have not taken the message that leads there yet
}

// Survey tells where all streams are. It costs the shards a look at each of their streams, between two deliveries, and
// nothing while nobody asks. A shard that has not answered when ctx ends, or that has ended, is left out.
func (h *Hub) Survey(ctx context.Context) []Holding {
	answers := make(chan []Holding, len(h.shards))
	for _, sh := range h.shards {
		sh.tell(func(in *inbox) { in.surveys = append(in.surveys, answers) })
	}
	var all []Holding
	for range h.shards {
		select {
		case some := <-answers:
			all = append(all, some...)
		case <-h.quit:
			return all
		case <-ctx.Done():
			return all
		}
	}
	return all
}

// place is what the streams that Holding counts have in common.
type place struct {
	client   string
	revision int64
}

// survey counts the shard's streams.
func (sh *shard) survey() []Holding {
	var all []Holding
	for _, g := range sh.groups {
		at := map[place]int{} // where in all
		var last place
		index := -1
		for _, s := range g.streams {
			if s.mode == ended || s.reason() != open {
				continue
			}
			p := place{client: s.client.Value()}
			if s.mode == pumped { // the cursor is its goroutine's
				p.revision = s.pump.held.Load()
			} else {
				p.revision = s.cursor.Revision
			}
			if index < 0 || p != last { // neighbours are often alike
				found, known := at[p]
				if !known {
					found = len(all)
					at[p] = found
					all = append(all, Holding{Topic: g.topic, Client: p.client, Revision: p.revision})
				}
				index, last = found, p
			}
			all[index].Streams++
			if s.mode == slow {
				all[index].Slow++
			}
		}
	}
	return all
}

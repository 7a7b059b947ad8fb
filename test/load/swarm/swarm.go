// Package swarm subscribes to one event stream many thousand times from one process and checks what arrives: when a
// change reached the last subscriber, that nothing is missing, and that each flag's updates come in order. One loop over
// epoll reads every connection, so that watching costs little beside the server that is measured. Linux only.
package swarm

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Options say where to subscribe and what to look at.
type Options struct {
	Addr        netip.AddrPort // an IPv4 address
	Path        string
	Query       func(subscriber int) string // put after Path, with its question mark; nil: nothing
	Header      []string                    // whole header lines, for example "Authorization: secret"
	Subscribers int
	Flags       []string // the flags whose updates are followed; others are left out

	// Parse reads the updates in a message; nil: ParseUpdates.
	Parse func(event, data []byte) ([]Update, error)
}

// Swarm is a set of connected subscribers. Its methods may be called from several goroutines.
type Swarm struct {
	flags map[string]int
	loop  loop
	done  chan struct{} // closed when the reading loop has ended

	mu          sync.Mutex // held while the loop works through a batch of reads
	subscribers []subscriber
	decoder     decoder
	tally       Tally
	ready       int
	allReady    chan struct{}
	watch       *watch
	stopped     bool
}

// watch counts the arrivals of one change.
type watch struct {
	flag    int
	want    int // subscribers
	arrival Arrival
	all     chan struct{} // closed when as many have it
}

// Connect opens every subscription and returns when each has received its first message. On error nothing stays open.
func Connect(ctx context.Context, o Options) (*Swarm, error) {
	s := &Swarm{
		flags:       make(map[string]int, len(o.Flags)),
		done:        make(chan struct{}),
		subscribers: make([]subscriber, o.Subscribers),
		allReady:    make(chan struct{}),
	}
	s.decoder.parse = o.Parse
	if o.Parse == nil {
		s.decoder.parse = func(_, data []byte) ([]Update, error) { return ParseUpdates(data) }
	}
	for i, flag := range o.Flags {
		s.flags[flag] = i
	}
	states := make([]seen, o.Subscribers*len(o.Flags))
	for i := range s.subscribers {
		s.subscribers[i].flags, states = states[:len(o.Flags):len(o.Flags)], states[len(o.Flags):]
	}
	if err := s.loop.open(o.Subscribers); err != nil {
		return nil, fmt.Errorf("open swarm: %w", err)
	}
	go s.read()
	if err := s.subscribe(ctx, o); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Swarm) subscribe(ctx context.Context, o Options) error {
	head := " HTTP/1.1\r\nHost: " + o.Addr.String() + "\r\nAccept: text/event-stream\r\n"
	for _, line := range o.Header {
		head += line + "\r\n"
	}
	head += "\r\n"
	for i := range o.Subscribers {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("connect subscriber %d: %w", i, err)
		}
		path := o.Path
		if o.Query != nil {
			path += o.Query(i)
		}
		if err := s.loop.dial(i, o.Addr, "GET "+path+head); err != nil {
			return fmt.Errorf("connect subscriber %d: %w", i, err)
		}
	}
	select {
	case <-s.allReady:
		return nil
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		return fmt.Errorf("%d of %d subscribers have their first message, %d closed (%w): %w",
			s.ready, o.Subscribers, s.tally.Closed, s.tally.FirstError, ctx.Err())
	}
}

// received takes the bytes subscriber i got. The loop calls it with mu held.
func (s *Swarm) received(i int, p []byte, at time.Time) error {
	sub := &s.subscribers[i]
	s.tally.Bytes += int64(len(p))
	var broken error
	err := sub.stream.Feed(p, func(m Message) {
		updates, err := s.decoder.decode(m.Event, m.Data)
		if err != nil {
			broken = err
			return
		}
		for _, update := range updates {
			s.updated(sub, update, at)
		}
		if !sub.ready {
			sub.ready = true
			if s.ready++; s.ready == len(s.subscribers) {
				close(s.allReady)
			}
		}
	})
	switch {
	case err != nil:
		return err
	case broken != nil:
		return broken
	case sub.stream.Status != 0 && sub.stream.Status != 200:
		return fmt.Errorf("the server answered %d", sub.stream.Status)
	}
	return nil
}

func (s *Swarm) updated(sub *subscriber, update Update, at time.Time) {
	flag, followed := s.flags[update.Flag]
	if !followed || update.Change == 0 || !sub.note(flag, update, at, &s.tally) {
		return
	}
	if w := s.watch; w != nil && w.flag == flag && w.arrival.Change == update.Change {
		if w.arrival.Reached++; w.arrival.Reached == 1 {
			w.arrival.First = at
		}
		w.arrival.Last = at
		w.arrival.Times = append(w.arrival.Times, at)
		if w.arrival.Reached == w.want {
			close(w.all)
		}
	}
}

// lost takes note that subscriber i's stream is over. The loop calls it with mu held.
func (s *Swarm) lost(i int, err error) {
	s.subscribers[i].closed = true
	s.tally.Closed++
	if s.tally.FirstError == nil {
		s.tally.FirstError = fmt.Errorf("subscriber %d: %w", i, err)
	}
}

// Watch begins to count the arrivals of a change; call it before the change is made. The function it returns waits until
// every subscriber has it or ctx ends, and then tells how many have. Only one change is watched at a time.
func (s *Swarm) Watch(flag string, change int) func(context.Context) Arrival {
	return s.WatchSome(flag, change, len(s.subscribers))
}

// WatchSome is Watch for a change that reaches only so many subscribers.
func (s *Swarm) WatchSome(flag string, change, subscribers int) func(context.Context) Arrival {
	w := &watch{flag: s.flags[flag], want: subscribers, arrival: Arrival{Change: change}, all: make(chan struct{})}
	s.mu.Lock()
	s.watch = w
	s.mu.Unlock()
	return func(ctx context.Context) Arrival {
		select {
		case <-w.all:
		case <-ctx.Done():
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.watch = nil
		return w.arrival
	}
}

// Settle waits until every subscriber's newest change of each flag is the given one, or ctx ends.
func (s *Swarm) Settle(ctx context.Context, want map[string]int) Settled {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		settled := s.settled(want)
		if settled.Missing == 0 {
			return settled
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return settled
		}
	}
}

func (s *Swarm) settled(want map[string]int) Settled {
	s.mu.Lock()
	defer s.mu.Unlock()
	var settled Settled
	for i := range s.subscribers {
		sub := &s.subscribers[i]
		for flag, change := range want {
			if int(sub.flags[s.flags[flag]].change) != change {
				settled.Missing++
				break
			}
		}
		if sub.last.After(settled.Last) {
			settled.Last = sub.last
		}
	}
	return settled
}

// Tally returns what has been seen so far.
func (s *Swarm) Tally() Tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tally
}

// Said returns how many bytes each subscriber has been sent so far, beside response heads and heartbeats (which are
// comments): those of all lines that are neither empty nor comments.
func (s *Swarm) Said() []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := make([]int64, len(s.subscribers))
	for i := range s.subscribers {
		said[i] = s.subscribers[i].stream.lines.said
	}
	return said
}

// Close ends every subscription with a reset, so that no port is left in TIME_WAIT, and waits for the loop.
func (s *Swarm) Close() {
	s.mu.Lock()
	s.stopped = true
	s.mu.Unlock()
	<-s.done
	s.loop.close()
}

// read runs the loop until Close.
func (s *Swarm) read() {
	defer close(s.done)
	for {
		n, err := s.loop.wait(100 * time.Millisecond)
		s.mu.Lock()
		if s.stopped || err != nil {
			if err != nil && s.tally.FirstError == nil {
				s.tally.FirstError = err
			}
			s.mu.Unlock()
			return
		}
		for _, event := range s.loop.events[:n] {
			s.readOne(event)
		}
		s.mu.Unlock()
	}
}

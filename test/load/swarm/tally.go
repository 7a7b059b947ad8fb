package swarm

import (
	"fmt"
	"time"
)

// Tally is what a swarm has seen since it was connected.
type Tally struct {
	Deliveries int // feature updates of marked flags, over all subscribers
	Bytes      int64
	OutOfOrder int // updates older, by event id or by mark, than one the subscriber already had of the same flag
	Duplicates int // updates that repeat the newest one the subscriber had of the same flag
	Closed     int // streams the server ended, or that could not be read
	FirstError error
}

// seen is one subscriber's newest update of one flag.
type seen struct {
	change  int32
	eventID int64
}

// subscriber is the state of one stream.
type subscriber struct {
	stream Stream
	flags  []seen // by index of the flag in Swarm.flags
	last   time.Time
	ready  bool // its first message has arrived
	closed bool
}

// note records an update of flag and reports whether it is news.
func (s *subscriber) note(flag int, update Update, at time.Time, tally *Tally) bool {
	had := s.flags[flag]
	change := int32(update.Change)
	switch {
	case change < had.change, update.EventID < had.eventID:
		tally.OutOfOrder++
		return false
	case change == had.change:
		tally.Duplicates++
		return false
	}
	s.flags[flag] = seen{change: change, eventID: update.EventID}
	s.last = at
	tally.Deliveries++
	return true
}

// Arrival tells when one change reached the subscribers.
type Arrival struct {
	Change  int
	Reached int // subscribers that got it
	First   time.Time
	Last    time.Time
	Times   []time.Time // of each arrival
}

// Settled tells when the newest state of every flag had reached the subscribers.
type Settled struct {
	Missing int // subscribers whose final state is not the writer's
	Last    time.Time
}

func (t Tally) String() string {
	return fmt.Sprintf("%d deliveries, %d out of order, %d duplicates, %d closed", t.Deliveries, t.OutOfOrder, t.Duplicates, t.Closed)
}

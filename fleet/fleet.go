// Package fleet knows who takes flags from this node and how far each of them is: edges on a link, which confirm what they
// have applied; streams, which are written to; and SDKs that poll. From that it answers who has a revision and how many
// milliseconds that took.
//
// The three kinds are kept apart because they are worth different things. An edge's acknowledgement says that it serves the
// revision. A delivery says that the message was handed to the system for that peer. A poll says that an answer was given.
//
// One Registry knows one node's clients. Its Report is small, goes to the other nodes of an instance by way of the control
// plane, and a Propagation is made of the reports of all. Times are measured on the node's own monotonic clock from when it
// learned of the change; only when it learned of it, counted from the commit, compares two clocks (see Registry.SetClock).
//
// The package is of the data plane: it imports the standard library, replica and token.
package fleet

import (
	"time"

	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// Kind is how a client gets flags, and with it what is known of it.
type Kind string

// The kinds. Streams of browsers and apps, which get evaluated flags, are counted apart from those of SDKs.
const (
	Acked     Kind = "acked"     // edges on a link have confirmed it
	Delivered Kind = "delivered" // streams of SDKs were written to
	Browsers  Kind = "browsers"  // streams of browsers and apps were
	Polled    Kind = "polled"    // polls of SDKs were answered with it
)

// Kinds are all kinds, in the order they are shown in.
var Kinds = [...]Kind{Acked, Delivered, Browsers, Polled}

// index is the place of a kind in Kinds.
func (k Kind) index() int {
	for i, known := range Kinds {
		if k == known {
			return i
		}
	}
	return len(Kinds) - 1
}

// Edge is an edge on a link.
type Edge struct {
	InstanceID   string // what it calls itself; the same after a reconnection
	AppName      string
	Version      string
	ConnectionID string
	TokenName    string // of the connection's first token, for people
	Scopes       []token.Scope

	// Held is the cursor the edge came with; zero: it came with nothing. An edge that comes back with an old one and then
	// confirms a newer one has taken the time since that was there.
	Held replica.Cursor

	Since time.Time // when it connected; zero: now
}

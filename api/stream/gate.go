package stream

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/token"
)

const (
	// DefaultHydrations is how many clients may be sent their whole state at the same time.
	DefaultHydrations = 128

	// MaxQuery is how long the query of a stream may be, in bytes: what it says is held as long as the stream lives.
	MaxQuery = 32 << 10

	// maxClient is how much is kept of the name of a stream's application, in bytes.
	maxClient = 128

	// hydrationHold is how long a client may keep others from being sent theirs: a slow one goes on beyond it, but not
	// counted, so that slow clients cannot shut out the rest.
	hydrationHold = 2 * time.Second

	// hydrationPatience is how long a client waits for its turn; SDKs wait 60 s.
	hydrationPatience = 20 * time.Second
)

// Gate lets requests in to be streams of a Hub, whatever they stream. It is safe for concurrent use.
type Gate struct {
	hub    *sse.Hub
	tokens api.Tokens
	slots  chan struct{} // one for each hydration being sent
}

// NewGate makes a Gate. Tokens is asked again once a stream is on the Hub's books, so that a revocation in between is not
// missed: whoever revokes must make Tokens refuse first and then call Hub.CloseKey with the token's ID. Hydrations is how
// many clients may be sent their whole state at the same time; 0: DefaultHydrations.
func NewGate(hub *sse.Hub, tokens api.Tokens, hydrations int) *Gate {
	if hydrations <= 0 {
		hydrations = DefaultHydrations
	}
	return &Gate{hub: hub, tokens: tokens, slots: make(chan struct{}, hydrations)}
}

// Door is what a Gate leads to. Only Serve must be set.
type Door struct {
	// Serve answers the request with the stream. It reports false, with the request answered, when it could not.
	Serve func(http.ResponseWriter, *http.Request, *sse.Stream) bool

	Refused  func(*http.Request) // called before the request is answered with 429
	Admitted func(*http.Request)
}

// Admit answers the request with a stream if there is room for one, and the token, of that kind, is still valid then. The
// request must have passed api.RequireToken.
func (g *Gate) Admit(w http.ResponseWriter, r *http.Request, kind token.Kind, door Door) {
	known := api.TokenFrom(r.Context())
	if known == nil {
		api.WriteProblem(w, r, errors.New("stream without a token check"))
		return
	}
	if len(r.URL.RawQuery) > MaxQuery {
		api.WriteProblem(w, r, fault.New(fault.Invalid, "The query is longer than %d bytes.", MaxQuery))
		return
	}
	if r.Method == http.MethodHead {
		sse.SetEventHeaders(w.Header())
		return
	}
	stream, err := g.hub.Admit(known.ID, known.ExpiresAt)
	switch {
	case errors.Is(err, sse.ErrOverloaded):
		if door.Refused != nil {
			door.Refused(r)
		}
		// Others may try again when a part of the streams has gone.
		w.Header().Set("Retry-After", strconv.Itoa(30+rand.IntN(60)))
		api.WriteError(w, r, http.StatusTooManyRequests, "TooManyStreamsError", "Too many streams are open. Poll instead.")
		return
	case err != nil:
		w.Header().Set("Connection", "close")
		api.WriteProblem(w, r, fault.Wrap(fault.Unavailable, err, "The server is shutting down. Connect again."))
		return
	}
	if door.Admitted != nil {
		door.Admitted(r)
	}
	taken := false
	api.RequireToken(g.tokens, kind)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		taken = door.Serve(w, r, stream)
	})).ServeHTTP(w, r)
	if !taken {
		stream.Discard()
	}
}

// Open answers the request with a WebSocket if it asks for an upgrade to one, else with SSE. After an error the request is
// answered and the subscription not used.
func Open(w http.ResponseWriter, r *http.Request, stream *sse.Stream, subscription sse.Subscription) error {
	if subscription.Client == "" {
		subscription.Client = r.Header.Get("Unleash-Appname")
	}
	subscription.Client = subscription.Client[:min(len(subscription.Client), maxClient)]
	if !wantsWebSocket(r) {
		err := stream.ServeEvents(w, r, subscription)
		if err != nil {
			api.WriteProblem(w, r, err)
		}
		return err
	}
	err := stream.ServeWebSocket(w, r, subscription)
	if errors.Is(err, sse.ErrHandshake) {
		api.WriteProblem(w, r, fault.New(fault.Invalid, "This request is no WebSocket handshake."))
	}
	return err
}

func wantsWebSocket(r *http.Request) bool {
	return strings.HasSuffix(r.URL.Path, "/ws") || strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// Slot waits for the right to send a whole state; release gives it back once it is sent. It fails when that takes too long.
func (g *Gate) Slot(ctx context.Context) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, hydrationPatience)
	defer cancel()
	select {
	case g.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "Too many clients are connecting. Try again.")
	}
	held := time.AfterFunc(hydrationHold, func() { <-g.slots })
	return func() {
		if held.Stop() {
			<-g.slots
		}
	}, nil
}

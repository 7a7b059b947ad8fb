// Package link is the server side of the link between an edge and its upstream: one WebSocket that carries the changes of
// all scopes of the edge behind one cursor, and what becomes of the tokens it has accepted. docs/protocol.md describes it
// from the outside; wire.go holds its frames, which the edge's side uses too.
//
// A link holds no queue. It knows the cursor of the last frame, and when there is something new and its peer can take it,
// one frame brings all its scopes from there to the newest replica.View. Events of equal scopes and cursors are encoded
// once, by replica. Each link has two goroutines: one reads, one writes. The package may import api, fleet, fault, replica,
// sse (why connections end) and token.
package link

import (
	"crypto/sha256"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/token"
)

// DefaultMaxLinks is how many links a Handler carries. Each stands for an edge, so for any number of clients.
const DefaultMaxLinks = 5_000

// Tokens knows the valid tokens by their secrets and by the hashes of these.
type Tokens interface {
	api.Tokens

	// ByHash returns the valid token whose secret has that SHA-256 sum, if it is known here, so that TokenChanged will tell
	// what becomes of it. It asks nobody and must not block.
	ByHash(sum [sha256.Size]byte) (*token.Token, bool)
}

// Config is what a Handler works with. Store and Tokens must be set; zero values of the others mean their defaults.
type Config struct {
	Store   *replica.Store
	Tokens  Tokens
	Fleet   *fleet.Registry // told of the edges; nil: nobody is
	Version string          // of the program, as edges are told
	Logger  *slog.Logger

	MaxLinks         int // carried at once; further ones get 429; DefaultMaxLinks
	MaxLinksPerToken int // of these, opened with one token; 0: no limit of its own

	// MaxAge ends links at that age, within a fifth, so that they spread over a growing number of servers. 0: never.
	MaxAge time.Duration

	Heartbeat    time.Duration // how long a link may be quiet, within ± 20 %; sse.DefaultHeartbeat
	WriteTimeout time.Duration // how long a peer may take for the next 64 KiB; sse.DefaultWriteTimeout
}

// Handler serves the links of one Store. It is safe for concurrent use.
type Handler struct {
	config  Config
	watches watches
	running sync.WaitGroup // requests that were admitted, and the goroutines of links

	mu       sync.Mutex
	links    map[*link]struct{} // mu
	admitted int                // mu; links, and requests that are about to be
	perToken map[string]int     // mu; of these, by the ID of the token they came with
	draining bool               // mu
}

// New makes a Handler that follows the Store. It must be called before the Store's Source runs. Whoever revokes a token must
// make Tokens refuse it first and then call TokenChanged.
func New(config Config) *Handler {
	if config.MaxLinks <= 0 {
		config.MaxLinks = DefaultMaxLinks
	}
	if config.Heartbeat <= 0 {
		config.Heartbeat = sse.DefaultHeartbeat
	}
	if config.WriteTimeout <= 0 {
		config.WriteTimeout = sse.DefaultWriteTimeout
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	config.Logger = config.Logger.With("component", "link")
	h := &Handler{config: config, links: map[*link]struct{}{}, perToken: map[string]int{}}
	h.watches.init()
	config.Store.OnChange(func([]string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		for l := range h.links {
			l.ring()
		}
	})
	return h
}

// Register puts the link on router, which must let only requests with a valid client token pass (api.RequireToken).
func (h *Handler) Register(router chi.Router) {
	router.Get(Path, h.ServeHTTP)
}

// Links is how many links are open.
func (h *Handler) Links() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.links)
}

// TokenChanged says that the token of that ID is no longer what it was; Tokens must know already. Its scopes leave their
// links: none of them is sent anything of it once TokenChanged has returned, but for a frame that is being written at that
// instant. Edges that watch the token are told.
func (h *Handler) TokenChanged(id string, state TokenState) {
	for _, l := range h.all() {
		l.tokenChanged(id, state)
	}
	h.watches.end(id, state)
}

func (h *Handler) all() []*link {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.links))
}

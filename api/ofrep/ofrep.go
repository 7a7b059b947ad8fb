// Package ofrep serves flags to OpenFeature: the OpenFeature Remote Evaluation Protocol (OFREP 0.3), one flag at a time for
// servers and all flags of a context at once for browsers, with push by Server-Sent Events; and the manifest of the flags
// and their types, of which OpenFeature's tools generate typed accessors. docs/openfeature.md describes it from the outside.
//
// OpenFeature asks for values, Unleash has switches and variants: package openfeature decides on one type for each flag. Answers are
// made of fragments, one for each outcome a flag can have, that are encoded once for each version of the flag. A stream
// says only that its context's answer has changed; the client then asks again.
//
// The package knows no SQL and holds no connection: streams are the sse.Hub's. It may import api, evaluation, eval,
// openfeature, replica, sse, ticket, token, usage and fault.
package ofrep

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/openfeature"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/ticket"
	"github.com/pennonhq/pennon/usage"
)

// Paths of the protocol.
const (
	Prefix     = "/ofrep"
	PathBulk   = Prefix + "/v1/evaluate/flags"
	PathSingle = PathBulk + "/{key}"
	PathStream = Prefix + "/v1/stream"
)

// Usage takes what was evaluated. *usage.Buffer is one. Implementations buffer: they neither block nor fail.
type Usage interface {
	Count(key usage.Key, count usage.Count)
}

// Config is what a Handler needs.
type Config struct {
	Store   *replica.Store
	Flags   *evaluation.Evaluator // of Store
	Hub     *sse.Hub              // nil: no streams are offered
	Tokens  api.Tokens
	Tickets *ticket.Keys // nil: no streams are offered
	Usage   Usage
	Logger  *slog.Logger

	// BasePath is the prefix of every route as clients see it, which event streams are announced with.
	BasePath string

	// BodyLimit is the largest request body in bytes; 0: api.DefaultBodyLimit.
	BodyLimit int64
}

// Handler serves OFREP and the manifest from one Store. It is safe for concurrent use.
type Handler struct {
	config  Config
	now     func() time.Time
	shapes  *shapes
	watches *watches
}

// New makes a Handler that wakes the hub on every change of the store. It must be called before the store's Source runs.
func New(config Config) *Handler {
	if config.BodyLimit <= 0 {
		config.BodyLimit = api.DefaultBodyLimit
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Handler{config: config, now: time.Now, shapes: newShapes()}
	h.watches = newWatches(h)
	config.Store.OnChange(h.watches.wake)
	return h
}

// Register puts the routes on target. Guard them with Guard and, before a browser may use them, with api.CORS.
func (h *Handler) Register(router chi.Router) {
	router.Post(PathBulk, h.bulk)
	router.Post(PathSingle, h.single)
	router.Get(PathStream, h.stream)
	router.Get(openfeature.PathManifest, h.manifest)
}

// pushes reports whether streams are offered.
func (h *Handler) pushes() bool { return h.config.Hub != nil && h.config.Tickets != nil }

// Exposed are the response headers that browsers need to see of other origins' answers.
const exposed = "ETag, Retry-After"

func expose(header http.Header) { header.Set("Access-Control-Expose-Headers", exposed) }

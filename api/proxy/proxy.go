// Package proxy speaks the wire of the legacy Unleash Proxy (1.4), byte for byte: bodies, statuses, the order of its
// checks, and headers down to their letter case. It stands in for that program in front of the same clients.
//
// It is one http.Handler, made with New from a Config, and is used twice: mounted on the server, where keys are frontend
// tokens, and as the whole surface of `pennon proxy`, where keys are the list its operator gave. It knows no SQL; it may
// import api, api/client, evaluation, eval, replica, usage, token and fault.
package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/replica"
)

// Enricher completes a context before flags are evaluated for it, for example from another service. What it returns as an
// error is answered with 500. It is called for one request at a time per context, by many goroutines for many requests.
type Enricher func(ctx context.Context, c *eval.Context) error

// Config is what a proxy is told. Flags, Clients and Usage are needed; the zero value of everything else is what the
// legacy proxy does by default.
type Config struct {
	// BasePath is what comes before /proxy, for example /base. The handler expects paths with it.
	BasePath string

	// Clients knows the keys of those who may ask for evaluated flags, and gives each the scope it sees. The key is the
	// whole value of the header. See Keys.
	Clients api.Tokens

	// ServerTokens knows who may read the configuration itself, at /proxy/client/features. nil: nobody.
	ServerTokens api.Tokens

	// HeaderName is the header that carries the key. Empty: Authorization.
	HeaderName string

	// Environment replaces the environment that callers put into the context. Empty: theirs counts.
	Environment string

	// AppName is whom lookups by name are counted for. Empty: unleash-proxy.
	AppName string

	EnableAll bool // serve /proxy/all
	EnableOAS bool // serve /docs/openapi.json

	TrustProxy api.Trust // whose word counts about where requests come from
	CORS       CORS

	// Enrichers complete each context, one after the other.
	Enrichers []Enricher

	// Ready reports whether flags have been loaded at all. nil: they have.
	Ready func() bool

	// Document is the newest client features document as upstream sent it. It says in which order flags are and which of
	// them lack impressionData. nil, or nil for a document: flags are in order of name.
	Document func() *Document

	// Updated is when flags changed last, Fetched when upstream was asked last. nil: when the handler was made.
	Updated, Fetched func() time.Time

	// Store answers /proxy/client/features where there is no Document. nil: nobody does.
	Store *replica.Store

	// Metrics is written after the legacy proxy's own for Prometheus. nil: nothing is.
	Metrics func() []byte

	Flags  *evaluation.Evaluator
	Usage  client.Usage
	Logger *slog.Logger // nil: nothing is logged
}

// CORS are the options of the legacy proxy. Its zero value is the legacy proxy's default.
type CORS struct {
	Origins        *api.Origins  // nil: every origin
	Methods        string        // empty: GET, POST
	AllowedHeaders string        // empty: those the browser asks for
	ExposedHeaders string        // empty: ETag
	Credentials    bool          // let browsers send cookies
	MaxAge         time.Duration // zero: 48 hours
	SuccessStatus  int           // of a preflight; zero: 204
	Continue       bool          // hand preflights on, to the 404 there is
}

// New makes the handler. It may be used by any number of goroutines.
func New(config Config) http.Handler {
	made := time.Now()
	since := func() time.Time { return made }
	config.BasePath = strings.TrimRight(config.BasePath, "/")
	if config.BasePath != "" && config.BasePath[0] != '/' {
		config.BasePath = "/" + config.BasePath
	}
	if config.HeaderName == "" {
		config.HeaderName = "Authorization"
	}
	if config.AppName == "" {
		config.AppName = "unleash-proxy"
	}
	if config.Ready == nil {
		config.Ready = func() bool { return true }
	}
	if config.Document == nil {
		config.Document = func() *Document { return nil }
	}
	if config.Updated == nil {
		config.Updated = since
	}
	if config.Fetched == nil {
		config.Fetched = since
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	h := &handler{Config: config, cors: newCORS(config.CORS)}
	h.reports = client.NewReports(config.Usage, func(w http.ResponseWriter) { writeText(w, nil, http.StatusOK, textPlain, "OK") })
	if config.EnableOAS {
		h.openapi = openapi(config.BasePath, config.HeaderName)
	}
	return h
}

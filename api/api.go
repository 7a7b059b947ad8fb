// Package api holds what every HTTP group shares: the router and the OpenAPI document, credentials, body limits and the
// one place where faults become responses.
//
// It knows no resource, no SQL and no flag. The groups (api/client, api/frontend, api/stream, api/system, api/admin)
// build on it, in every role. It imports fault and token only.
package api

import (
	"cmp"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
)

// DefaultBodyLimit is the largest request body accepted where nothing else is said, as Unleash's.
const DefaultBodyLimit = 100 * 1024

// Config is what a role decides about its HTTP surface. The zero value is usable.
type Config struct {
	// BasePath prefixes every path, for example /pennon. Empty: served at the root.
	BasePath string

	// BodyLimit is the largest request body in bytes. Zero: DefaultBodyLimit.
	BodyLimit int64

	// Version is the product's version, shown in the OpenAPI document.
	Version string

	// Build is the version of the program that runs, as it tells its callers.
	Build string

	// TrustProxy says which proxies are believed about the caller's address.
	TrustProxy Trust

	// Observe, if not nil, is told of every request.
	Observe Observe

	// Describe, if not nil, makes the same API without Describe, for its OpenAPI document, when that is first asked for. So the
	// document need not be kept until then: see Forget.
	Describe func() *API
}

// API is the HTTP surface of one role. Groups first call Guard for their prefix, then register: on Huma what should be
// validated and documented, on Router what writes its own bytes. Registration happens at start-up, from one goroutine;
// after it the API is safe for concurrent use.
type API struct {
	Router *chi.Mux
	Huma   huma.API

	config  Config
	logger  *slog.Logger
	handler http.Handler // Router behind its guards

	walk  sync.Once
	plain map[string]bool // paths that are served and have no parameters; see template
}

// New returns an API that answers 404 to everything but its documentation.
func New(config Config, logger *slog.Logger) *API {
	config.BasePath = strings.TrimRight(config.BasePath, "/")
	if config.BodyLimit <= 0 {
		config.BodyLimit = DefaultBodyLimit
	}
	router := chi.NewRouter()
	router.NotFound(notFound)
	// Unleash knows no 405 on its routes: the path is not available with that method.
	router.MethodNotAllowed(notFound)
	router.Use(headAsGet)

	a := &API{Router: router, Huma: humachi.New(router, humaConfig(config)), config: config, logger: logger, handler: router}
	a.serveDocs()
	if config.Describe != nil {
		a.serveDescription()
	}
	return a
}

// Config is what New was given, with its defaults.
func (a *API) Config() Config { return a.config }

// Logger is what New was given.
func (a *API) Logger() *slog.Logger { return a.logger }

// BodyLimit is the largest request body in bytes that the role accepts.
func (a *API) BodyLimit() int64 { return a.config.BodyLimit }

// Guard puts middleware in front of every path under prefix, existing or not, so that a caller without a credential
// learns nothing of what is there. It must be called before the API serves.
func (a *API) Guard(prefix string, middleware func(http.Handler) http.Handler) {
	// Not Router.Use: chi takes no middleware any more, since huma has registered the documentation.
	next := a.handler
	guarded := middleware(next)
	a.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if rest, ok := strings.CutPrefix(r.URL.Path, prefix); ok && (rest == "" || rest[0] == '/') {
			guarded.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ServeHTTP takes off the base path, folds repeated slashes, inflates the body and hands the request to the router. A panic is logged and
// answered with 500.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = withRequest(r, a.logger, a.config.TrustProxy)
	if a.config.Observe != nil {
		a.observed(w, r)
		return
	}
	defer recovered(w, r)
	a.serve(w, r)
}

func (a *API) serve(w http.ResponseWriter, r *http.Request) {
	if a.config.BasePath != "" && !cutBasePath(r, a.config.BasePath) {
		notFound(w, r)
		return
	}
	r.URL.Path = foldSlashes(r.URL.Path)
	if r.URL.RawPath != "" {
		r.URL.RawPath = foldSlashes(r.URL.RawPath)
	}
	if len(r.Header["Content-Encoding"]) > 0 && !inflate(w, r) {
		return
	}
	a.handler.ServeHTTP(w, r)
}

// headAsGet answers HEAD by what GET would, where there is no handler for HEAD.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			route := chi.RouteContext(r.Context())
			path := cmp.Or(route.RoutePath, r.URL.RawPath, r.URL.Path)
			if !route.Routes.Match(chi.NewRouteContext(), http.MethodHead, path) {
				route.RouteMethod, route.RoutePath = http.MethodGet, path
			}
		}
		next.ServeHTTP(w, r)
	})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	message := "The path you were looking for (" + originalPath(r) + ") is not available."
	writeJSON(w, r, newProblem(http.StatusNotFound, "NotFoundError", message).withID())
}

// humaConfig sets huma up to speak like Unleash. Each line is a default that would show on the wire.
func humaConfig(config Config) huma.Config {
	c := huma.DefaultConfig("Pennon", config.Version)
	c.Info.Description = "Feature flags from PostgreSQL, over Unleash's protocol."
	c.Components.Schemas = huma.NewMapRegistry(schemaPrefix, schemaName)
	// Unknown properties are ignored: SDKs and tools of other versions send them.
	c.AllowAdditionalPropertiesByDefault = true
	// No $schema property in responses.
	c.CreateHooks = nil
	c.SchemasPath = ""
	c.OpenAPIPath = openAPIPath
	if config.Describe != nil {
		c.OpenAPIPath = ""
	}
	// huma's own documentation pages load scripts from elsewhere; docs.go serves one that does not.
	c.DocsPath = ""
	c.Formats = map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"apiKey": {
			Type: "apiKey", In: "header", Name: "Authorization",
			Description: "An API token, with or without the prefix Bearer.",
		},
	}
	// huma documents 422 for what is answered with 400 here.
	c.OnAddOperation = append(c.OnAddOperation, func(_ *huma.OpenAPI, o *huma.Operation) { delete(o.Responses, "422") })
	if config.BasePath != "" {
		c.Servers = []*huma.Server{{URL: config.BasePath}}
	}
	c.Security = []map[string][]string{{"apiKey": {}}}
	return c
}

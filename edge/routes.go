package edge

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/api/frontend"
	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/api/ofrep"
	"github.com/pennonhq/pennon/api/proxy"
	"github.com/pennonhq/pennon/api/stream"
	"github.com/pennonhq/pennon/api/system"
	"github.com/pennonhq/pennon/openfeature"
	"github.com/pennonhq/pennon/token"
)

// documentVersion is the API's, not the build's, as the server's.
const documentVersion = "0.1.0"

// handler builds the HTTP surface: what the server serves of the data plane, from the same packages.
func (s *surface) handler() http.Handler {
	config := api.Config{
		BasePath: s.config.BasePath, Version: documentVersion, Build: s.config.Version, TrustProxy: s.config.TrustProxy,
	}
	if s.measured != nil {
		config.Observe = s.measured.observe
	}
	describing := config
	config.Describe = func() *api.API {
		a := api.New(describing, s.config.Logger)
		s.register(a)
		s.describe(a)
		return a
	}
	a := api.New(config, s.config.Logger)
	s.register(a)
	return s.outer(a)
}

// describe adds what is served to the OpenAPI document.
func (s *surface) describe(a *api.API) {
	client.Document(a.Huma)
	client.DocumentEdge(a.Huma)
	stream.Document(a.Huma)
	if s.links != nil {
		link.Document(a.Huma)
	}
	frontend.Document(a.Huma)
	frontend.DocumentStreams(a.Huma)
	ofrep.Document(a.Huma)
}

// register registers all that is served.
func (s *surface) register(a *api.API) {
	a.Guard("/api/client", api.RequireToken(s.tokens, token.Client))
	system.Register(a, system.Check{Name: "flags", Ready: func(context.Context) error { return s.ready() }})
	client.Register(a.Router, client.Dependencies{
		Store: s.store, Usage: s.usage, Tokens: s.tokens, Invite: s.streams.Invite, Once: s.once, TokensSeen: s.usedElsewhere,
		Fleet: s.fleet,
	})
	client.RegisterEdge(a.Router, client.Dependencies{Tokens: s.validated})
	s.streams.Register(a.Router)
	s.registerLinks(a)
	s.registerFrontend(a)
	s.registerProxy(a)
	s.registerOFREP(a)
	s.registerBackstage(a)
}

func (s *surface) registerFrontend(a *api.API) {
	for _, prefix := range frontend.Prefixes {
		a.Guard(prefix, api.RequireToken(s.tokens, token.Frontend))
	}
	a.Guard(frontend.PathStream, frontend.Tickets(s.tickets))
	for _, prefix := range frontend.Prefixes {
		a.Guard(prefix, s.config.CORS.Middleware) // the last one is the outermost: preflights carry no token
	}
	frontend.Register(a.Router, frontend.Dependencies{Flags: s.flags, Usage: s.usage, All: !s.config.HideAll})
	frontend.RegisterStreams(a.Router, frontend.StreamDependencies{Push: s.push, Tickets: s.tickets})
}

func (s *surface) registerProxy(a *api.API) {
	cors := s.config.CORS
	a.Router.Mount("/proxy", proxy.New(proxy.Config{
		Clients:      proxy.OfKind(s.tokens, token.Frontend),
		ServerTokens: proxy.OfKind(s.tokens, token.Client),
		EnableAll:    !s.config.HideAll,
		TrustProxy:   s.config.TrustProxy,
		CORS: proxy.CORS{
			Origins: cors.Origins, Methods: cors.Methods, AllowedHeaders: cors.AllowedHeaders, ExposedHeaders: cors.ExposedHeaders, MaxAge: cors.MaxAge,
		},
		Ready:   s.store.Ready,
		Updated: func() time.Time { return time.UnixMilli(s.changedAt.Load()) },
		Fetched: s.contact,
		Store:   s.store,
		Flags:   s.flags,
		Usage:   s.usage,
		Logger:  s.config.Logger,
	}))
}

func (s *surface) registerOFREP(a *api.API) {
	a.Guard(ofrep.Prefix, s.ofrep.Guard)
	a.Guard(ofrep.Prefix, s.config.CORS.Middleware)
	a.Guard(openfeature.PathManifest, s.ofrep.ManifestGuard)
	s.ofrep.Register(a.Router)
}

// outer is what comes before any route: who may call at all, where the token is, and whose answer it is.
func (s *surface) outer(next http.Handler) http.Handler {
	version := []string{s.config.Version}
	header := http.CanonicalHeaderKey(s.config.AuthHeader)
	moved := header != "" && header != "Authorization"
	guarded := len(s.config.Allow)+len(s.config.Deny) > 0
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if guarded && !s.mayCall(r) {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		if moved {
			if secret, ok := r.Header[header]; ok {
				r.Header["Authorization"] = secret
			} else {
				delete(r.Header, "Authorization")
			}
		}
		w.Header()["X-Edge-Version"] = version
		next.ServeHTTP(w, r)
	})
}

// mayCall looks at the peer of the connection, whatever headers say. Those allowed are asked about first.
func (s *surface) mayCall(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	peer, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	peer = peer.Unmap().WithZone("")
	within := func(network netip.Prefix) bool { return network.Contains(peer) }
	if len(s.config.Allow) > 0 && !slices.ContainsFunc(s.config.Allow, within) {
		return false
	}
	return !slices.ContainsFunc(s.config.Deny, within)
}

package server

import (
	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/admin"
	"github.com/pennonhq/pennon/api/ofrep"
	"github.com/pennonhq/pennon/openfeature"
)

// connectOFREP lets changes flow to OpenFeature's clients.
func (s *Server) connectOFREP() {
	s.ofrep = ofrep.New(ofrep.Config{
		Store: s.store, Flags: s.flags, Hub: s.hub, Tokens: s.tokens, Tickets: s.tickets, Usage: s.usage.Buffer,
		Logger: s.config.Logger, BasePath: s.config.BasePath,
	})
}

// registerOFREP adds OpenFeature's routes.
func registerOFREP(a *api.API, s *Server) {
	cors := api.CORS{Origins: s.origins, MaxAge: s.config.CORSMaxAge}
	a.Guard(ofrep.Prefix, s.ofrep.Guard)
	a.Guard(ofrep.Prefix, cors.Middleware) // the last one is the outermost: preflights carry no token
	admin.GuardManifest(a)
	a.Guard(openfeature.PathManifest, s.ofrep.ManifestGuard)
	s.ofrep.Register(a.Router)
	ofrep.Document(a.Huma)
}

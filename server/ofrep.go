package server

import (
	"crypto/rand"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/admin"
	"github.com/pennonhq/pennon/api/ofrep"
	"github.com/pennonhq/pennon/openfeature"
	"github.com/pennonhq/pennon/ticket"
)

// ticketSecretSize is how many random bytes tickets are sealed with where the instance has no secret.
const ticketSecretSize = 32

// connectOFREP lets changes flow to OpenFeature's clients.
func (s *Server) connectOFREP() {
	if s.tickets == nil {
		secret := make([]byte, ticketSecretSize)
		_, _ = rand.Read(secret) // never fails (crypto/rand, Go 1.24)
		s.tickets = ticket.New(secret)
	}
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

package server

import (
	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/control/apitoken"
)

// connectLinks has edges told of flags, and of what becomes of tokens.
func (s *Server) connectLinks() {
	s.links = link.New(link.Config{
		Store:            s.store,
		Tokens:           s.tokens,
		Fleet:            s.fleet,
		Version:          s.config.Version,
		Logger:           s.config.Logger,
		MaxLinksPerToken: s.config.MaxStreamsPerToken,
		MaxAge:           s.config.StreamMaxAge,
	})
	s.tokens.OnRevoked(func(id string, reason apitoken.Reason) { s.links.TokenChanged(id, tokenStates[reason]) })
}

// tokenStates are what edges are told of tokens.
var tokenStates = map[apitoken.Reason]link.TokenState{
	apitoken.Revoked: link.Revoked,
	apitoken.Expired: link.Expired,
	apitoken.Changed: link.Changed,
}

func registerLinks(a *api.API, s *Server) {
	s.links.Register(a.Router)
	link.Document(a.Huma)
}

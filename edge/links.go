package edge

import (
	"context"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/link"
)

// connectLinks serves edges below this one, where it is known what becomes of tokens.
func (s *surface) connectLinks() {
	tokens, ok := s.tokens.(link.Tokens)
	if !ok {
		return
	}
	s.links = link.New(link.Config{
		Store: s.store, Tokens: tokens, Fleet: s.fleet, Version: s.config.Version, MaxLinksPerToken: s.config.MaxStreamsPerToken, Logger: s.config.Logger,
	})
}

func (s *surface) registerLinks(a *api.API) {
	if s.links != nil {
		s.links.Register(a.Router)
	}
}

// tokenChanged tells edges below what has become of a token.
func (s *surface) tokenChanged(id string, revoked bool) {
	state := link.Changed
	if revoked {
		state = link.Revoked
	}
	if s.links != nil {
		s.links.TokenChanged(id, state)
	}
}

func (s *surface) drainLinks(ctx context.Context) {
	if s.links != nil {
		s.links.Drain(ctx, s.config.ShutdownGrace)
	}
}

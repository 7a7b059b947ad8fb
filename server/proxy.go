package server

import (
	"context"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/proxy"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
)

// registerProxy adds the wire of the legacy Unleash Proxy, so that its clients need another address only. Keys are
// frontend tokens, and the legacy proxy's own where the configuration has them.
func registerProxy(a *api.API, s *Server) {
	var clients firstOf
	for key, environment := range s.config.ProxyKeys {
		clients = append(clients, proxy.NewKeys([]string{key}, &token.Token{
			ID: "proxy", Name: "client key of " + environment, Kind: token.Frontend, Scope: token.NewScope(environment, token.All),
		}))
	}
	a.Router.Mount("/proxy", proxy.New(proxy.Config{
		Clients:      append(clients, proxy.OfKind(s.tokens, token.Frontend)),
		ServerTokens: proxy.OfKind(s.tokens, token.Client),
		HeaderName:   s.config.ProxyKeyHeader,
		EnableAll:    s.config.FrontendAll,
		TrustProxy:   s.config.TrustProxy,
		CORS:         proxy.CORS{Origins: s.origins, MaxAge: s.config.CORSMaxAge},
		Ready:        s.store.Ready,
		Updated:      func() time.Time { return time.UnixMilli(s.changedAt.Load()) },
		Fetched:      func() time.Time { return s.changeLog.Status().LastReadAt },
		Store:        s.store,
		Flags:        s.flags,
		Usage:        s.usage.Buffer,
		Logger:       s.config.Logger,
	}))
}

// firstOf asks one after the other.
type firstOf []api.Tokens

// Token implements api.Tokens.
func (f firstOf) Token(ctx context.Context, secret string) (known *token.Token, err error) {
	for _, tokens := range f {
		if known, err = tokens.Token(ctx, secret); !fault.Is(err, fault.Unauthenticated) {
			return known, err
		}
	}
	return nil, err
}

package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/admin"
	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/api/push"
	"github.com/pennonhq/pennon/api/stream"
	"github.com/pennonhq/pennon/api/system"
	"github.com/pennonhq/pennon/control/apitoken"
	controlusage "github.com/pennonhq/pennon/control/usage"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/ticket"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

// staleAfter is how long the change log may be out of reach before the server calls itself not ready. It keeps serving.
const staleAfter = 15 * time.Second

// connect lets changes flow: what the log says of tokens reaches the token cache before flags change, and a token that is
// revoked takes its streams with it.
func (s *Server) connect() {
	s.connectFleet()
	s.streams = stream.New(s.store, s.hub, s.tokens, 0)
	s.push = push.New(push.Config{Store: s.store, Flags: s.flags, Hub: s.hub, Tokens: s.tokens})
	s.connectLinks()
	first := sync.OnceFunc(func() { close(s.loaded) })
	s.store.OnChange(func([]string) {
		s.changedAt.Store(time.Now().UnixMilli())
		first()
	})
	s.connectFrontend()
	s.connectMetrics()
	s.connectOFREP()
	s.tokens.OnRevoked(func(id string, reason apitoken.Reason) { s.hub.CloseKey(id, closeReasons[reason]) })
	s.changeLog.Watch(replica.KindToken, func(rows []replica.Row) {
		var ids []string // nil: all of them
		for _, row := range rows {
			ids = append(ids, row.Entity)
		}
		if err := s.tokens.Refresh(context.Background(), ids); err != nil {
			s.config.Logger.Warn("tokens could not be read; trying again", "component", "server", "err", err)
		}
	})
}

// closeReasons are what a token's streams end with.
var closeReasons = map[apitoken.Reason]sse.Reason{
	apitoken.Revoked: sse.Revoked,
	apitoken.Expired: sse.Expired,
	apitoken.Changed: sse.Changed,
}

// routes builds the HTTP surface.
func (s *Server) routes() http.Handler {
	config := api.Config{
		BasePath: s.config.BasePath, Version: documentVersion, Build: s.config.Version, TrustProxy: s.config.TrustProxy,
	}
	if !s.config.MetricsOff {
		config.Observe = s.measured.requests.Observe
	}
	config.Describe = func() *api.API { return describe(s.config) }
	a := api.New(config, s.config.Logger)
	register(a, s)
	a.Forget()
	return a
}

// OpenAPI returns the document of the server's HTTP surface. It needs no database: the document is the router.
func OpenAPI() *huma.OpenAPI { return describe(Config{FrontendAll: true}).Huma.OpenAPI() }

// describe makes the HTTP surface for its document alone.
func describe(config Config) *api.API {
	logger := slog.New(slog.DiscardHandler)
	a := api.New(api.Config{BasePath: config.BasePath, Version: documentVersion}, logger)
	config.MetricsOff = config.MetricsOff || config.MetricsPort != nil
	s := &Server{
		store:  replica.NewStore(logger),
		hub:    sse.New(sse.Config{}),
		tokens: apitoken.NewCache(nil, logger),
		usage:  &controlusage.Flusher{Buffer: usage.NewBuffer(), Impact: usage.NewImpact()},

		origins: api.NewOrigins(),
		config:  config,
	}
	s.flags = evaluation.New(s.store)
	s.measured = newMeasured()
	s.streams = stream.New(s.store, s.hub, s.tokens, 0)
	s.push = push.New(push.Config{Store: s.store, Flags: s.flags, Hub: s.hub, Tokens: s.tokens})
	s.tickets = ticket.New(nil)
	s.connectLinks()
	s.connectOFREP()
	register(a, s)
	return a
}

// documentVersion is the API's, not the build's, so that the committed document changes only with the API.
const documentVersion = "0.1.0"

func register(a *api.API, s *Server) {
	admin.Guard(a, s.tokens)
	a.Guard("/api/client", api.RequireToken(s.tokens, token.Client))

	system.Register(a, s.checks()...)
	if !s.config.MetricsOff && s.metricsListener == nil {
		system.RegisterMetrics(a.Router, &s.measured.registry, s.usage.Impact)
		system.DocumentMetrics(a.Huma)
	}
	client.Register(a.Router, client.Dependencies{
		Store: s.store, Usage: s.usage.Buffer, Tokens: s.tokens, Invite: s.streams.Invite, Once: s.usage.Take,
		Fleet: s.fleet, Polls: s.fleet,
		TokensSeen: func(_ string, hashes [][32]byte) { s.tokens.Seen(hashes) },
	})
	client.RegisterEdge(a.Router, client.Dependencies{Tokens: s.tokens, Asked: apitoken.Asked{Cache: s.tokens}})
	client.Document(a.Huma)
	client.DocumentEdge(a.Huma)
	registerFrontend(a, s)
	registerProxy(a, s)
	registerOFREP(a, s)
	s.streams.Register(a.Router)
	stream.Document(a.Huma)
	registerLinks(a, s)
	admin.Register(a, s.pool, admin.Config{
		Limits: s.config.Limits, FrontendOrigins: s.config.FrontendOrigins, Strategies: s.config.Strategies,
		Fleet: s.reports,
	})
}

// checks are the conditions of readiness.
func (s *Server) checks() []system.Check {
	return []system.Check{
		{Name: "flags", Ready: func(context.Context) error {
			if !s.store.Ready() {
				return errors.New("flags are not loaded yet")
			}
			return nil
		}},
		{Name: "database", Ready: func(context.Context) error {
			if at := s.changeLog.Status().LastReadAt; time.Since(at) > staleAfter {
				return errors.New("the change log has not been read for " + time.Since(at).Round(time.Second).String())
			}
			return nil
		}},
	}
}

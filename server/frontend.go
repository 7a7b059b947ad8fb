package server

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/frontend"
	"github.com/pennonhq/pennon/control/setting"
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/ticket"
	"github.com/pennonhq/pennon/token"
)

// originsRetry is how soon origins that could not be read are read again.
const originsRetry = time.Second

// connectFrontend lets a change of the origins through the Admin API reach every server at once.
func (s *Server) connectFrontend() {
	s.changeLog.Watch(replica.KindSetting, func([]replica.Row) {
		select {
		case s.originsChanged <- struct{}{}:
		default: // it is known already
		}
	})
}

// readTickets makes the keys that all nodes of the instance seal tickets with.
func readTickets(ctx context.Context, pool *pgxpool.Pool) (*ticket.Keys, error) {
	secret, err := queries.New().InstanceSecret(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("read the instance's secret: %w", err)
	}
	return ticket.New(secret), nil
}

// readOrigins reads the origins that browsers may call from: those that were set through the Admin API, else the
// configuration's.
func (s *Server) readOrigins(ctx context.Context) error {
	origins, known, err := setting.FrontendOrigins(ctx, s.pool)
	if err != nil {
		return fmt.Errorf("read frontend origins: %w", err)
	}
	if !known {
		origins = s.config.FrontendOrigins
	}
	s.origins.Set(origins)
	return nil
}

// followOrigins reads the origins again whenever a setting has changed, until ctx is done.
func (s *Server) followOrigins(ctx context.Context) error {
	retry := time.NewTimer(originsRetry)
	retry.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.originsChanged:
		case <-retry.C:
		}
		if err := s.readOrigins(ctx); err != nil && ctx.Err() == nil {
			s.config.Logger.Warn("origins could not be read; trying again", "component", "server", "err", err)
			retry.Reset(originsRetry)
		}
	}
}

// registerFrontend adds the API of browsers and apps.
func registerFrontend(a *api.API, s *Server) {
	cors := api.CORS{Origins: s.origins, MaxAge: s.config.CORSMaxAge}
	for _, prefix := range frontend.Prefixes {
		a.Guard(prefix, api.RequireToken(s.tokens, token.Frontend))
	}
	a.Guard(frontend.PathStream, frontend.Tickets(s.tickets))
	for _, prefix := range frontend.Prefixes {
		a.Guard(prefix, cors.Middleware) // the last one is the outermost: preflights carry no token
	}
	frontend.Register(a.Router, frontend.Dependencies{Flags: s.flags, Usage: s.usage.Buffer, All: s.config.FrontendAll})
	frontend.Document(a.Huma)
	frontend.RegisterStreams(a.Router, frontend.StreamDependencies{Push: s.push, Tickets: s.tickets})
	frontend.DocumentStreams(a.Huma)
}

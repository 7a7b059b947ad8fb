// Package server assembles the server role: the control plane on PostgreSQL, the data plane fed by its change log, and the
// HTTP groups of both. It holds no rules of its own. cmd/pennon and tests start it.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/api/ofrep"
	"github.com/pennonhq/pennon/api/push"
	"github.com/pennonhq/pennon/api/stream"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/addon"
	"github.com/pennonhq/pennon/control/apitoken"
	"github.com/pennonhq/pennon/control/feature"
	controlfleet "github.com/pennonhq/pennon/control/fleet"
	"github.com/pennonhq/pennon/control/idempotency"
	"github.com/pennonhq/pennon/control/job"
	controlusage "github.com/pennonhq/pennon/control/usage"
	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/outbound"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/ticket"
	"github.com/pennonhq/pennon/usage"
)

// Limits of the HTTP server. There is no write timeout: streams have deadlines of their own.
const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 64 << 10

	// requestGrace is how long running requests may take after the last stream was closed.
	requestGrace = 10 * time.Second
)

// Server is the server role, ready to run. Make it with New, run it once.
type Server struct {
	config    Config
	pool      *pgxpool.Pool
	tokens    *apitoken.Cache
	store     *replica.Store
	flags     *evaluation.Evaluator
	changeLog *db.ChangeLog
	hub       *sse.Hub
	fleet     *fleet.Registry // who takes flags from this node
	reports   *controlfleet.Exchange
	usage     *controlusage.Flusher
	outbound  *outbound.Client
	jobs      *job.Runner
	listener  net.Listener
	http      *http.Server
	streams   *stream.Handler
	links     *link.Handler
	ofrep     *ofrep.Handler
	push      *push.Handler
	measured  *measured     // what Prometheus scrapes
	tickets   *ticket.Keys  // what browsers bring back is sealed with
	origins   *api.Origins  // that browsers may call from
	loaded    chan struct{} // closed when the flags have been read for the first time
	routed    chan struct{} // closed when the routes are built

	metricsListener net.Listener // nil: metrics are on the server's port, or off

	originsChanged chan struct{}
	changedAt      atomic.Int64 // when flags changed last, in milliseconds since 1970
}

// New migrates the database, makes the configured tokens, and listens. Nothing is served before Run. When it fails,
// nothing is left open.
func New(ctx context.Context, config Config) (_ *Server, err error) {
	config = config.withDefaults()
	if config.Migrate {
		if err := db.Migrate(ctx, config.DatabaseDirectURL, config.Logger); err != nil {
			return nil, err
		}
	}
	pool, err := db.Open(ctx, db.Config{URL: config.DatabaseURL, MaxConns: config.DatabasePoolMax, Logger: config.Logger})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			pool.Close()
		}
	}()
	if err := ensureTokens(ctx, pool, config); err != nil {
		return nil, err
	}
	s := &Server{
		config: config,
		pool:   pool,
		tokens: apitoken.NewCache(pool, config.Logger),
		store:  replica.NewStore(config.Logger),
		changeLog: db.NewChangeLog(pool, db.ChangeLogConfig{
			URL:            config.DatabaseDirectURL,
			SafetyInterval: config.PollInterval,
			Retention:      config.ChangeRetention,
			Logger:         config.Logger,
		}),
		usage: &controlusage.Flusher{
			Buffer: usage.NewBuffer(), Impact: usage.NewImpact(), Pool: pool, Logger: config.Logger, Interval: config.FlushInterval,
		},
	}
	s.store.UseStrategies(config.Strategies)
	s.flags = evaluation.New(s.store)
	s.measured = newMeasured()
	s.origins = api.NewOrigins()
	s.originsChanged = make(chan struct{}, 1)
	s.loaded, s.routed = make(chan struct{}), make(chan struct{})
	s.hub = sse.New(sse.Config{
		MaxStreams:       config.MaxStreams,
		MaxStreamsPerKey: config.MaxStreamsPerToken,
		MaxAge:           config.StreamMaxAge,
		Delivered:        s.delivered,
		Logger:           config.Logger,
	})
	s.outbound = outbound.New(outbound.Config{AllowPrivate: config.AllowPrivateIntegrationURLs, UserAgent: "Pennon/" + config.Version})
	s.jobs = &job.Runner{Pool: pool, Logger: config.Logger, Ready: s.store.Ready, Areas: []job.Area{
		&addon.Deliveries{Pool: pool, Client: s.outbound, Logger: config.Logger},
	}}
	if s.tickets, err = readTickets(ctx, pool); err != nil {
		return nil, err
	}
	s.connect()
	if err := s.tokens.Load(ctx); err != nil {
		return nil, fmt.Errorf("load tokens: %w", err)
	}
	if err := s.readOrigins(ctx); err != nil {
		return nil, err
	}
	var listen net.ListenConfig
	s.listener, err = listen.Listen(ctx, "tcp", net.JoinHostPort(config.Host, strconv.Itoa(config.Port)))
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if err = s.listenMetrics(ctx); err != nil {
		_ = s.listener.Close()
		return nil, err
	}
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // for service meshes and proxies that speak h2 to us
	s.http = &http.Server{
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		Protocols:         &protocols,
		ErrorLog:          slog.NewLogLogger(config.Logger.With("component", "http").Handler(), slog.LevelWarn),
	}
	return s, nil
}

func ensureTokens(ctx context.Context, pool *pgxpool.Pool, config Config) error {
	initial, err := apitoken.ParseInitial(strings.Join(config.AdminTokens, ","), strings.Join(config.ClientTokens, ","), strings.Join(config.FrontendTokens, ","))
	if err != nil {
		return err
	}
	ctx = access.WithActor(ctx, access.System())
	return db.InTx(ctx, pool, func(tx pgx.Tx) error { return apitoken.Ensure(ctx, tx, initial, config.Logger) })
}

// URL is where the server can be reached from this machine, with its base path.
func (s *Server) URL() string {
	return urlOf(s.listener) + strings.TrimRight(s.config.BasePath, "/")
}

func urlOf(listener net.Listener) string {
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return "http://" + listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// Loaded is closed when the flags have been read for the first time.
func (s *Server) Loaded() <-chan struct{} { return s.loaded }

// Routed is closed when requests can be answered.
func (s *Server) Routed() <-chan struct{} { return s.routed }

// Run serves until ctx is done, then stops in order: accept nothing new, close the streams spread over the grace period so
// that their clients come back one by one, finish requests, write usage and let jobs end, leave the database. It returns
// when everything has ended, with the first error that was not asked for.
func (s *Server) Run(ctx context.Context) error {
	defer s.pool.Close()
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, running := errgroup.WithContext(lasting)
	group.Go(func() error { return s.changeLog.Run(running, s.store) })
	group.Go(func() error { return s.hub.Run(running) })
	group.Go(func() error { return s.tokens.Run(running) })
	group.Go(func() error { return s.usage.Run(running) })
	group.Go(func() error { return s.reports.Run(running) })
	group.Go(func() error { return s.followOrigins(running) })
	group.Go(func() error { return s.serveMetrics(running) })
	group.Go(func() error { return (&feature.Aging{Pool: s.pool, Logger: s.config.Logger}).Run(running) })
	group.Go(func() error { return (&idempotency.Expiry{Pool: s.pool, Logger: s.config.Logger}).Run(running) })
	group.Go(func() error {
		defer s.outbound.Close()
		return s.jobs.Run(running)
	})
	group.Go(func() error {
		// While the change log reads the flags: building the routes takes some of the time until the server is ready.
		s.http.Handler = s.routes()
		close(s.routed)
		if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	s.config.Logger.Info("serving", "component", "server", "url", s.URL(), "version", s.config.Version)

	select {
	case <-ctx.Done():
		s.config.Logger.Info("stopping", "component", "server")
	case <-running.Done():
	}
	s.close(context.WithoutCancel(ctx))
	stop()
	return group.Wait()
}

// close ends what clients see.
func (s *Server) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.config.ShutdownGrace+requestGrace)
	defer cancel()
	var closing errgroup.Group
	closing.Go(func() error { return s.http.Shutdown(ctx) }) // closes the listener at once, then waits for requests
	closing.Go(func() error {
		s.links.Drain(ctx, s.config.ShutdownGrace)
		return nil
	})
	s.hub.Drain(ctx, s.config.ShutdownGrace)
	if err := closing.Wait(); err != nil {
		s.config.Logger.Warn("requests were cut off", "component", "server", "err", err)
		_ = s.http.Close()
	}
}

package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/api/ofrep"
	"github.com/pennonhq/pennon/api/push"
	"github.com/pennonhq/pennon/api/stream"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/ticket"
	"github.com/pennonhq/pennon/usage"
)

// surface is the data plane over HTTP, wherever flags come from.
type surface struct {
	config    Surface
	store     *replica.Store
	flags     *evaluation.Evaluator
	hub       *sse.Hub
	streams   *stream.Handler
	fleet     *fleet.Registry // edges below this one
	links     *link.Handler   // nil: none are served
	push      *push.Handler
	ofrep     *ofrep.Handler
	tickets   *ticket.Keys
	tokens    api.Tokens // that are served
	validated api.Tokens // that are valid, served or not
	usage     client.Usage
	once      client.Once // nil: a report's name means nothing

	usedElsewhere func(environment string, hashes [][32]byte) // nil: nobody wants to know

	measured *measured          // nil: nothing is
	pending  func() usage.Batch // what waits to be sent upstream; nil: nothing ever

	ready       func() error
	contact     func() time.Time      // when flags were confirmed last
	tokenReport func() any            // for /internal-backstage/tokens
	instances   http.HandlerFunc      // for /internal-backstage/instancedata; nil: there is none
	problems    func() []tokenProblem // nil: there are none

	started   time.Time
	loaded    chan struct{} // closed when there are flags
	changedAt atomic.Int64  // when flags changed last, in milliseconds since 1970

	plain, secure      net.Listener // secure is nil without TLS
	plainHTTP, tlsHTTP *http.Server
}

func newSurface(config Surface, tokens, validated api.Tokens, reported client.Usage, secret []byte) *surface {
	s := &surface{
		config: config, tokens: tokens, validated: validated, usage: reported,
		store: replica.NewStore(config.Logger), tickets: ticket.New(secret),
		started: time.Now(), loaded: make(chan struct{}),
	}
	s.store.UseStrategies(config.Strategies)
	s.flags = evaluation.New(s.store)
	hub := sse.Config{MaxStreams: config.MaxStreams, MaxStreamsPerKey: config.MaxStreamsPerToken, Logger: config.Logger}
	if !config.Hide.Metrics {
		s.measured = newMeasured()
		hub.Delivered = s.measured.delivered
	}
	s.hub = sse.New(hub)
	s.streams = stream.New(s.store, s.hub, tokens, 0)
	s.fleet = fleet.New(fleet.Config{Version: config.Version})
	s.connectLinks()
	s.push = push.New(push.Config{Store: s.store, Flags: s.flags, Hub: s.hub, Tokens: tokens})
	s.ofrep = ofrep.New(ofrep.Config{
		Store: s.store, Flags: s.flags, Hub: s.hub, Tokens: tokens, Tickets: s.tickets, Usage: reported, Logger: config.Logger,
		BasePath: config.BasePath,
	})
	first := sync.OnceFunc(func() { close(s.loaded) })
	s.store.OnChange(func([]string) {
		s.changedAt.Store(time.Now().UnixMilli())
		first()
	})
	return s
}

// listen takes the ports. When it fails, none is taken.
func (s *surface) listen(ctx context.Context) (err error) {
	var listen net.ListenConfig
	s.plain, err = listen.Listen(ctx, "tcp", net.JoinHostPort(s.config.Host, strconv.Itoa(s.config.Port)))
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if s.config.TLS == nil {
		return nil
	}
	secure, err := listen.Listen(ctx, "tcp", net.JoinHostPort(s.config.Host, strconv.Itoa(s.config.TLSPort)))
	if err != nil {
		_ = s.plain.Close()
		return fmt.Errorf("listen: %w", err)
	}
	config := s.config.TLS.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	s.secure = tls.NewListener(secure, config)
	return nil
}

// serve starts serving.
func (s *surface) serve(group *errgroup.Group) {
	handler := s.handler()
	plain := handler
	if s.secure != nil && s.config.RedirectToTLS {
		plain = s.redirect()
	}
	s.plainHTTP = s.server(plain)
	group.Go(func() error { return ended(s.plainHTTP.Serve(s.plain)) })
	if s.secure != nil {
		s.tlsHTTP = s.server(handler)
		s.tlsHTTP.Protocols.SetHTTP2(true)
		group.Go(func() error { return ended(s.tlsHTTP.Serve(s.secure)) })
	}
}

func ended(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

// server has no write timeout: streams have deadlines of their own.
func (s *surface) server(handler http.Handler) *http.Server {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true) // for service meshes and proxies that speak h2 to us
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeoutHTTP,
		MaxHeaderBytes:    maxHeaderBytes,
		Protocols:         &protocols,
		ErrorLog:          slog.NewLogLogger(logged(s.config.Logger).Handler(), slog.LevelWarn),
	}
}

// redirect sends plain requests to the TLS port.
func (s *surface) redirect() http.Handler {
	port := s.secure.Addr().(*net.TCPAddr).Port
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		target := url.URL{Scheme: "https", Host: net.JoinHostPort(host, strconv.Itoa(port)), Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
		http.Redirect(w, r, target.String(), http.StatusPermanentRedirect)
	})
}

// close ends what clients see.
func (s *surface) close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, s.config.ShutdownGrace+requestGrace)
	defer cancel()
	var closing errgroup.Group
	for _, server := range []*http.Server{s.plainHTTP, s.tlsHTTP} {
		if server != nil {
			closing.Go(func() error { return server.Shutdown(ctx) }) // closes the listener at once, then waits for requests
		}
	}
	closing.Go(func() error {
		s.drainLinks(ctx)
		return nil
	})
	s.hub.Drain(ctx, s.config.ShutdownGrace)
	if err := closing.Wait(); err != nil {
		s.config.Logger.Warn("requests were cut off", "component", "edge", "err", err)
		_ = s.plainHTTP.Close()
		if s.tlsHTTP != nil {
			_ = s.tlsHTTP.Close()
		}
	}
}

// URL is where plain HTTP is served, for this machine.
func (s *surface) URL() string { return "http://" + address(s.plain) + s.config.BasePath }

// TLSURL is the same over TLS; empty without.
func (s *surface) TLSURL() string {
	if s.secure == nil {
		return ""
	}
	return "https://" + address(s.secure) + s.config.BasePath
}

func address(listener net.Listener) string {
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}

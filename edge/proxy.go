package edge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/proxy"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/metrics"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

// The defaults of the legacy proxy.
const (
	DefaultProxyAppName         = "unleash-proxy"
	DefaultProxyRefreshInterval = 5 * time.Second
	DefaultProxyMetricsInterval = 30 * time.Second
)

// Limits of the proxy's HTTP server.
const (
	readHeaderTimeout = 10 * time.Second
	readTimeout       = 30 * time.Second
	writeTimeout      = time.Minute
	idleTimeoutHTTP   = 2 * time.Minute
	maxHeaderBytes    = 64 << 10

	// requestGrace is how long running requests may take once the proxy stops.
	requestGrace = 10 * time.Second
)

// ProxyConfig is what the proxy role needs to know. cmd/pennon fills it from flags and environment variables; tests fill it
// directly. URL, Token and ClientKeys are required; other zero values mean the legacy proxy's defaults.
type ProxyConfig struct {
	Version string
	Logger  *slog.Logger

	Host     string // address to listen on; empty: all
	Port     int    // 0: any free port (Proxy.URL tells)
	BasePath string // what comes before /proxy

	URL             string // of the upstream's API, with its /api
	Token           string // backend token for the upstream
	AppName         string
	InstanceID      string
	RefreshInterval time.Duration // between two polls, where the upstream cannot stream
	Filter          Filter
	Bootstrap       Bootstrap
	Insecure        bool              // accept any certificate of the upstream
	Transport       http.RoundTripper // nil: NewTransport(Insecure)

	ClientKeys   []string // of those who may ask for evaluated flags
	ServerTokens []string // of those who may ask for the flags themselves
	KeyHeader    string   // that carries them; empty: Authorization
	Environment  string   // put into every context; empty: what callers say
	EnableAll    bool
	EnableOAS    bool
	TrustProxy   api.Trust
	CORS         proxy.CORS

	Strategies eval.Strategies // beyond the built-in ones
	Enrichers  []EnricherConfig

	MetricsInterval time.Duration
	MetricsJitter   time.Duration
}

func (c ProxyConfig) withDefaults() ProxyConfig {
	c.AppName = cmp.Or(c.AppName, DefaultProxyAppName)
	c.RefreshInterval = cmp.Or(c.RefreshInterval, DefaultProxyRefreshInterval)
	c.MetricsInterval = cmp.Or(c.MetricsInterval, DefaultProxyMetricsInterval)
	if c.InstanceID == "" {
		c.InstanceID = userAndHost()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Transport == nil {
		c.Transport = NewTransport(c.Insecure)
	}
	c.BasePath = strings.TrimRight(c.BasePath, "/")
	if c.BasePath != "" && c.BasePath[0] != '/' {
		c.BasePath = "/" + c.BasePath
	}
	return c
}

// userAndHost is how SDKs name an instance that has no name.
func userAndHost() string {
	name := "unknown"
	if current, err := user.Current(); err == nil {
		name = current.Username
	}
	host, _ := os.Hostname()
	return name + "-" + host
}

// Proxy is the role that stands in for @unleash/proxy: evaluated flags for browsers, from any upstream. Make it with
// NewProxy, run it once.
type Proxy struct {
	config    ProxyConfig
	store     *replica.Store
	upstream  *Upstream
	forwarder *Forwarder
	enrichers []*Enricher
	listener  net.Listener
	http      *http.Server

	requests *metrics.Requests
	loaded   chan struct{} // closed when there are flags
	changed  atomic.Int64  // when flags changed last, in nanoseconds
	document atomic.Pointer[proxy.Document]
}

// NewProxy checks the configuration and listens. Nothing is served before Run.
func NewProxy(ctx context.Context, config ProxyConfig) (*Proxy, error) {
	config = config.withDefaults()
	if len(config.ClientKeys) == 0 {
		return nil, errors.New("the proxy needs at least one client key")
	}
	p := &Proxy{config: config, store: replica.NewStore(config.Logger), loaded: make(chan struct{})}
	var err error
	p.upstream, err = NewUpstream(UpstreamConfig{
		URL: config.URL, Tokens: []UpstreamToken{{Secret: config.Token}}, Filter: config.Filter,
		Prefer:  Streaming, // one token, whose cursors nobody sees: the link would bring nothing more
		AppName: config.AppName, InstanceID: config.InstanceID, Version: config.Version,
		RefreshInterval: config.RefreshInterval, Bootstrap: config.Bootstrap,
		Received: p.received, Transport: config.Transport, Logger: config.Logger,
	})
	if err != nil {
		return nil, err
	}
	p.forwarder = &Forwarder{
		Buffer: usage.NewBuffer(), Upstream: p.upstream, Form: Application,
		Interval: config.MetricsInterval, Jitter: config.MetricsJitter, Logger: config.Logger,
	}
	p.store.UseStrategies(config.Strategies)
	first := sync.OnceFunc(func() { close(p.loaded) })
	p.store.OnChange(func([]string) {
		p.changed.Store(time.Now().UnixNano())
		first()
	})
	handler := p.handler()
	var listen net.ListenConfig
	if p.listener, err = listen.Listen(ctx, "tcp", net.JoinHostPort(config.Host, strconv.Itoa(config.Port))); err != nil {
		p.close()
		return nil, fmt.Errorf("listen: %w", err)
	}
	p.http = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: readHeaderTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeoutHTTP,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(config.Logger.With("component", "http").Handler(), slog.LevelWarn),
	}
	return p, nil
}

// handler builds the HTTP surface.
func (p *Proxy) handler() http.Handler {
	c := &p.config
	scope := token.NewScope(UpstreamToken{Secret: c.Token}.environment(), token.All)
	config := proxy.Config{
		BasePath:    c.BasePath,
		Clients:     proxy.NewKeys(c.ClientKeys, &token.Token{ID: "client-key", Name: "client key", Kind: token.Frontend, Scope: scope}),
		HeaderName:  c.KeyHeader,
		Environment: c.Environment,
		AppName:     c.AppName,
		EnableAll:   c.EnableAll,
		EnableOAS:   c.EnableOAS,
		TrustProxy:  c.TrustProxy,
		CORS:        c.CORS,
		Ready:       p.store.Ready,
		Document:    p.document.Load,
		Updated:     func() time.Time { return time.Unix(0, p.changed.Load()) },
		Fetched:     func() time.Time { return p.upstream.Status()[0].ContactAt },
		Store:       p.store,
		Flags:       evaluation.New(p.store),
		Usage:       p.forwarder.Buffer,
		Logger:      c.Logger,
		Metrics:     p.connectMetrics(),
	}
	if len(c.ServerTokens) > 0 {
		config.ServerTokens = proxy.NewKeys(c.ServerTokens, &token.Token{ID: "server-token", Name: "server token", Kind: token.Client, Scope: scope})
	}
	for _, enricher := range c.Enrichers {
		e := NewEnricher(enricher)
		p.enrichers = append(p.enrichers, e)
		config.Enrichers = append(config.Enrichers, e.Enrich)
	}
	return p.observed(api.Inflate(proxy.New(config)))
}

// received keeps what only the upstream's own words tell: in which order it lists flags, and what it leaves out.
func (p *Proxy) received(body []byte) {
	if body == nil {
		p.document.Store(nil)
		return
	}
	document, err := proxy.ParseDocument(body)
	if err != nil {
		p.config.Logger.Debug("the order of the flags cannot be told", "component", "proxy", "err", err)
		return
	}
	p.document.Store(document)
}

// URL is where the proxy can be reached from this machine, with its base path but without /proxy.
func (p *Proxy) URL() string {
	host, port, err := net.SplitHostPort(p.listener.Addr().String())
	if err != nil {
		return "http://" + p.listener.Addr().String()
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port) + p.config.BasePath
}

// Loaded is closed when flags have been read for the first time.
func (p *Proxy) Loaded() <-chan struct{} { return p.loaded }

// Upstream tells how it stands with where flags come from.
func (p *Proxy) Upstream() *Upstream { return p.upstream }

// Run serves until ctx is done, then stops in order: accept nothing new, finish requests, send usage, leave the upstream.
// It returns when everything has ended, with the first error that was not asked for.
func (p *Proxy) Run(ctx context.Context) error {
	defer p.close()
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, running := errgroup.WithContext(lasting)
	group.Go(func() error { return p.upstream.Run(running, p.store) })
	group.Go(func() error { return p.forwarder.Run(running) })
	group.Go(func() error { return p.register(running) })
	group.Go(func() error {
		if err := p.http.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	p.config.Logger.Info("serving", "component", "proxy", "url", p.URL()+"/proxy", "version", p.config.Version)
	select {
	case <-ctx.Done():
		p.config.Logger.Info("stopping", "component", "proxy")
	case <-running.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestGrace)
	defer cancel()
	if err := p.http.Shutdown(closing); err != nil {
		p.config.Logger.Warn("requests were cut off", "component", "proxy", "err", err)
		_ = p.http.Close()
	}
	stop()
	err := group.Wait()
	p.forwarder.remaining(maxSaved)
	p.forwarder.abandon()
	return err
}

// register tells the upstream of the proxy, once there are flags.
func (p *Proxy) register(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-p.loaded:
	}
	return p.upstream.register(ctx, slices.Sorted(maps.Keys(p.config.Strategies)), p.config.MetricsInterval)
}

func (p *Proxy) close() {
	for _, e := range p.enrichers {
		e.Close()
	}
	if transport, ok := p.config.Transport.(*http.Transport); ok {
		transport.CloseIdleConnections()
	}
}

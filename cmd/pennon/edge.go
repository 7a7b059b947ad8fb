package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/edge"
)

// edgeCommand is the edge role. Its variables are those of Unleash Edge.
type edgeCommand struct {
	UpstreamURL  string   `name:"upstream-url" short:"u" env:"UPSTREAM_URL" help:"Address of the server whose flags are served, without /api. Required."`
	Tokens       []string `name:"tokens" short:"t" env:"TOKENS" placeholder:"TOKEN" help:"Backend (client) tokens that decide what is fetched. Required in strict mode."`
	Pretrusted   []string `name:"pretrusted-tokens" env:"PRETRUSTED_TOKENS" placeholder:"TOKEN" help:"Frontend tokens that count without asking the server: project:environment.secret, or any secret@environment."`
	Strict       bool     `name:"strict" env:"STRICT" help:"Serve only tokens that see no more than those in --tokens; so it is by default when there are any."`
	Dynamic      bool     `name:"dynamic" env:"DYNAMIC" help:"Let every valid backend token fetch what it sees when it is first used; so it is by default without --tokens."`
	Refresh      int      `name:"features-refresh-interval-seconds" short:"f" env:"FEATURES_REFRESH_INTERVAL_SECONDS" default:"15" help:"Seconds between two polls of a server that cannot stream."`
	Metrics      int      `name:"metrics-interval-seconds" short:"m" env:"METRICS_INTERVAL_SECONDS" default:"60" help:"Seconds between two reports of usage to the server."`
	Revalidation int      `name:"token-revalidation-interval-seconds" env:"TOKEN_REVALIDATION_INTERVAL_SECONDS" default:"3600" help:"Seconds between two questions whether all tokens in use are still valid."`
	Streaming    bool     `name:"streaming" env:"STREAMING" help:"Does nothing: the server is streamed from where it can be, without a licence."`
	Delta        bool     `name:"delta" env:"DELTA" help:"Poll for changes even where the server streams."`
	Polling      bool     `name:"polling" env:"POLLING" help:"Poll for all flags even where the server streams or tells changes."`
	AuthHeaderUp string   `name:"upstream-auth-header" env:"UPSTREAM_AUTH_HEADER" help:"Header that carries the token to the server; Authorization by default."`

	Backup   backupOptions   `embed:""`
	Upstream upstreamOptions `embed:""`
	Surface  surfaceOptions  `embed:""`
	Foreign  edgeForeign     `embed:""`
}

// Run serves until ctx is done.
func (c *edgeCommand) Run(ctx context.Context, std streams) error {
	logger := c.Surface.logger(std)
	config, err := c.config(logger)
	if err != nil {
		return err
	}
	e, err := edge.New(ctx, config)
	if err != nil {
		return err
	}
	collectMore()
	go settle(ctx, e.Loaded())
	_, _ = fmt.Fprintf(std.out, "The edge is listening on %s\n", cmp.Or(e.TLSURL(), e.URL()))
	return e.Run(ctx)
}

func (c *edgeCommand) config(logger *slog.Logger) (edge.Config, error) {
	tokens := trimmed(c.Tokens)
	if err := errors.Join(c.required(tokens), c.Foreign.check(logger)); err != nil {
		return edge.Config{}, err
	}
	surface, err := c.Surface.config(logger)
	if err != nil {
		return edge.Config{}, err
	}
	transport, err := c.Upstream.transport()
	if err != nil {
		return edge.Config{}, err
	}
	headers, err := c.Upstream.headers()
	if err != nil {
		return edge.Config{}, err
	}
	storage, err := c.Backup.storage(os.Getenv)
	if err != nil {
		return edge.Config{}, err
	}
	config := edge.Config{
		Surface: surface, URL: c.UpstreamURL, Tokens: tokens, Pretrusted: trimmed(c.Pretrusted),
		Dynamic: c.Dynamic || len(tokens) == 0,
		AppName: c.Surface.AppName, InstanceID: c.Surface.InstanceID, RefreshInterval: seconds(c.Refresh),
		RequestTimeout: seconds(c.Upstream.Socket), MetricsInterval: seconds(c.Metrics), Revalidation: seconds(c.Revalidation), Headers: headers,
		UpstreamAuthHeader: cmp.Or(c.Surface.TokenHeader, c.AuthHeaderUp), Transport: transport, Storage: storage,
	}
	switch {
	case c.Polling:
		config.Prefer = edge.Full
	case c.Delta:
		config.Prefer = edge.Delta
	}
	return config, nil
}

// required tells all that is missing or contradicts itself at once.
func (c *edgeCommand) required(tokens []string) error {
	var wrong []error
	if c.UpstreamURL == "" {
		wrong = append(wrong, errors.New("the address of the server is missing: set UPSTREAM_URL or --upstream-url"))
	}
	if c.Strict && c.Dynamic {
		wrong = append(wrong, errors.New("--strict and --dynamic exclude each other"))
	}
	if c.Strict && len(tokens) == 0 {
		wrong = append(wrong, errors.New("--strict needs tokens that say what to fetch: set TOKENS or --tokens to backend (client) tokens"))
	}
	if c.Refresh < 1 || c.Metrics < 1 || c.Revalidation < 1 {
		wrong = append(wrong, errors.New("intervals are at least one second"))
	}
	return errors.Join(wrong...)
}

// surfaceOptions are about what is served, and to whom.
type surfaceOptions struct {
	Port       int    `name:"port" short:"p" env:"PORT" default:"3063" help:"Port to listen on."`
	Interface  string `name:"interface" short:"i" env:"INTERFACE" default:"::" help:"Address to listen on; all by default."`
	BasePath   string `name:"base-path" env:"BASE_PATH" help:"Prefix of every route."`
	AppName    string `name:"app-name" short:"a" env:"APP_NAME" default:"pennon-edge" help:"Application name to register with."`
	InstanceID string `name:"instance-id" env:"INSTANCE_ID" help:"Instance to register as; drawn by default."`
	Format     string `name:"log-format" short:"l" env:"LOG_FORMAT" default:"plain" enum:"plain,text,json,pretty" help:"plain (text, pretty) or json."`
	Level      string `name:"log-level" env:"LOG_LEVEL,RUST_LOG" default:"info" help:"debug, info, warn or error; of RUST_LOG's filters the least severe one."`

	TLS           bool   `name:"tls-enable" env:"TLS_ENABLE" help:"Serve TLS, too."`
	TLSKey        string `name:"tls-server-key" env:"TLS_SERVER_KEY" help:"File with the private key, PEM."`
	TLSCert       string `name:"tls-server-cert" env:"TLS_SERVER_CERT" help:"File with the certificates, PEM."`
	TLSPort       int    `name:"tls-server-port" env:"TLS_SERVER_PORT" default:"3043" help:"Port for TLS."`
	RedirectToTLS bool   `name:"redirect-http-to-https" env:"REDIRECT_HTTP_TO_HTTPS" help:"Answer plain requests with 308 to the TLS port."`

	CORSOrigin  []string `name:"cors-origin" env:"CORS_ORIGIN" placeholder:"ORIGIN" help:"Web origins that may call: * (the default), https://example.com, https://*.example.com."`
	CORSHeaders []string `name:"cors-allowed-headers" env:"CORS_ALLOWED_HEADERS" help:"Headers that pages may send; by default those that they ask for."`
	CORSExposed []string `name:"cors-exposed-headers" env:"CORS_EXPOSED_HEADERS" help:"Headers that pages may read; ETag by default."`
	CORSMethods []string `name:"cors-methods" env:"CORS_METHODS" help:"Methods that pages may use; GET and POST by default."`
	CORSMaxAge  int      `name:"cors-max-age" env:"CORS_MAX_AGE" default:"172800" help:"Seconds for which browsers may remember that an origin is allowed."`

	Allow          []string `name:"allow-list" env:"ALLOW_LIST" placeholder:"CIDR" help:"Networks whose peers may call; all by default."`
	Deny           []string `name:"deny-list" env:"DENY_LIST" placeholder:"CIDR" help:"Networks whose peers may not."`
	TrustProxy     bool     `name:"trust-proxy" env:"TRUST_PROXY" help:"Believe X-Forwarded-For, or Forwarded where that is missing, about where requests come from."`
	TrustedServers []string `name:"proxy-trusted-servers" env:"PROXY_TRUSTED_SERVERS" placeholder:"CIDR" help:"With --trust-proxy: of these proxies only."`
	AuthHeader     string   `name:"edge-auth-header" env:"EDGE_AUTH_HEADER" help:"Header that carries callers' tokens; Authorization by default."`
	TokenHeader    string   `name:"token-header" env:"TOKEN_HEADER" help:"Sets --edge-auth-header and --upstream-auth-header."`

	HideAll      bool `name:"disable-all-endpoint" env:"DISABLE_ALL_ENDPOINT" help:"Do not serve /api/frontend/all and /proxy/all, which tell browsers the names of flags that are off."`
	HideMetrics  bool `name:"disable-metrics-endpoint" env:"DISABLE_METRICS_ENDPOINT" help:"Do not serve /internal-backstage/metrics."`
	HideBatch    bool `name:"disable-metrics-batch-endpoint" env:"DISABLE_METRICS_BATCH_ENDPOINT" help:"Do not serve /internal-backstage/metricsbatch."`
	HideInstance bool `name:"disable-instance-data-endpoint" env:"DISABLE_INSTANCE_DATA_ENDPOINT" help:"Do not serve /internal-backstage/instancedata."`
	HideFeatures bool `name:"disable-features-endpoint" env:"DISABLE_FEATURES_ENDPOINT" help:"Do not serve /internal-backstage/features."`
	HideTokens   bool `name:"disable-tokens-endpoint" env:"DISABLE_TOKENS_ENDPOINT" help:"Do not serve /internal-backstage/tokens."`

	MaxStreams         int           `name:"max-streams" env:"MAX_STREAMS" default:"100000" help:"Streams one edge carries; further ones are told to poll (429)."`
	MaxStreamsPerToken int           `name:"max-streams-per-token" env:"MAX_STREAMS_PER_TOKEN" default:"0" help:"Of these, streams one token may have; 0 for no limit of its own."`
	ShutdownGrace      time.Duration `name:"shutdown-grace" env:"SHUTDOWN_GRACE" default:"10s" help:"How long streams are spread over when the edge stops, so that their clients come back one by one."`
	CustomStrategies   string        `name:"custom-strategies-file" env:"UNLEASH_CUSTOM_STRATEGIES_FILE" help:"Custom activation strategies as expressions, for browsers, in YAML or JSON (docs/proxy.md)."`
}

func (o surfaceOptions) logger(std streams) *slog.Logger {
	format := "text"
	if o.Format == "json" {
		format = "json"
	}
	return logOptions{Level: levelOf(o.Level), Format: format}.logger(std)
}

// levelOf reads a level, or those of Rust's filters: warn,unleash_edge=debug.
func levelOf(text string) string {
	text = strings.ToLower(text)
	for _, level := range []string{"trace", "debug", "info", "warn"} {
		if strings.Contains(text, level) {
			return strings.Replace(level, "trace", "debug", 1)
		}
	}
	return "error"
}

func (o surfaceOptions) config(logger *slog.Logger) (edge.Surface, error) {
	if o.TokenHeader != "" && o.AuthHeader != "" {
		return edge.Surface{}, errors.New("--token-header sets what --edge-auth-header sets: give one of them")
	}
	surface := edge.Surface{
		Version: version, Logger: logger, Host: o.Interface, Port: o.Port, BasePath: o.BasePath,
		TLSPort: o.TLSPort, RedirectToTLS: o.RedirectToTLS, AuthHeader: cmp.Or(o.TokenHeader, o.AuthHeader),
		CORS: api.CORS{
			Methods: strings.Join(trimmed(o.CORSMethods), ", "), AllowedHeaders: strings.Join(trimmed(o.CORSHeaders), ", "),
			ExposedHeaders: strings.Join(trimmed(o.CORSExposed), ", "), MaxAge: seconds(o.CORSMaxAge), Anonymous: true,
		},
		HideAll:    o.HideAll,
		Hide:       edge.BackstageHidden{Metrics: o.HideMetrics, Batch: o.HideBatch, Instances: o.HideInstance, Features: o.HideFeatures, Tokens: o.HideTokens},
		MaxStreams: o.MaxStreams, MaxStreamsPerToken: o.MaxStreamsPerToken, ShutdownGrace: o.ShutdownGrace,
	}
	if surface.Host == "::" { // also where there is no IPv6
		surface.Host = ""
	}
	if origins := trimmed(o.CORSOrigin); len(origins) > 0 {
		surface.CORS.Origins = api.NewOrigins(origins...)
	}
	var err error
	if surface.TrustProxy, err = o.trust(); err != nil {
		return edge.Surface{}, err
	}
	var errs [3]error
	surface.Allow, errs[0] = networks("--allow-list", o.Allow)
	surface.Deny, errs[1] = networks("--deny-list", o.Deny)
	surface.TLS, errs[2] = serverTLS(o)
	if err := errors.Join(errs[:]...); err != nil {
		return edge.Surface{}, err
	}
	surface.Strategies, err = loadStrategies(o.CustomStrategies, logger)
	return surface, err
}

func (o surfaceOptions) trust() (api.Trust, error) {
	servers := trimmed(o.TrustedServers)
	switch {
	case !o.TrustProxy && len(servers) > 0:
		return api.Trust{}, errors.New("--proxy-trusted-servers needs --trust-proxy")
	case !o.TrustProxy:
		return api.Trust{}, nil
	case len(servers) == 0:
		return api.TrustEverybody().WithForwarded(), nil
	}
	trust, err := api.ParseTrust(strings.Join(servers, ","))
	if err != nil {
		return api.Trust{}, fmt.Errorf("--proxy-trusted-servers: %w", err)
	}
	return trust.WithForwarded(), nil
}

func networks(flag string, texts []string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	for _, text := range trimmed(texts) {
		network, err := netip.ParsePrefix(text)
		if address, single := netip.ParseAddr(text); err != nil && single == nil {
			network, err = netip.PrefixFrom(address.Unmap(), address.Unmap().BitLen()), nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %q is neither a CIDR range nor an address", flag, text)
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

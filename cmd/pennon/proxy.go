package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/proxy"
	"github.com/pennonhq/pennon/edge"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/expression"
)

// proxyCommand is the proxy role. Its variables are those of @unleash/proxy, its flags their names in words.
type proxyCommand struct {
	URL          string   `name:"unleash-url" env:"UNLEASH_URL" help:"Address of the upstream's API: https://unleash.example.com/api. Required."`
	Token        string   `name:"unleash-api-token" env:"UNLEASH_API_TOKEN" help:"Backend (client) token for the upstream. Required."`
	ClientKeys   []string `name:"client-keys" env:"UNLEASH_PROXY_CLIENT_KEYS" placeholder:"KEY" help:"Keys that callers may use. Required."`
	Secrets      []string `name:"proxy-secrets" env:"UNLEASH_PROXY_SECRETS" placeholder:"KEY" help:"Older name of --client-keys."`
	Host         string   `name:"host" env:"HTTP_HOST" help:"Address to listen on; all by default."`
	Port         int      `name:"port" env:"PORT,PROXY_PORT" default:"3000" help:"Port to listen on."`
	BasePath     string   `name:"base-path" env:"PROXY_BASE_PATH" help:"What comes before /proxy."`
	AppName      string   `name:"app-name" env:"UNLEASH_APP_NAME" default:"unleash-proxy" help:"Application name to register with."`
	InstanceID   string   `name:"instance-id" env:"UNLEASH_INSTANCE_ID" help:"Instance to register as; by default made of the user and the host."`
	Refresh      int      `name:"refresh-interval" env:"UNLEASH_FETCH_INTERVAL" default:"5000" help:"Milliseconds between two polls of an upstream that cannot stream."`
	Metrics      int      `name:"metrics-interval" env:"UNLEASH_METRICS_INTERVAL" default:"30000" help:"Milliseconds between two reports of usage to the upstream."`
	Jitter       int      `name:"metrics-jitter" env:"UNLEASH_METRICS_JITTER" default:"0" help:"Milliseconds by which that is drawn out at most, at random."`
	Environment  string   `name:"environment" env:"UNLEASH_ENVIRONMENT" help:"Environment put into every context; callers cannot change it."`
	Project      string   `name:"project-name" env:"UNLEASH_PROJECT_NAME" help:"Only flags of this project."`
	NamePrefix   string   `name:"name-prefix" env:"UNLEASH_NAME_PREFIX" help:"Only flags whose name begins so."`
	Tags         []string `name:"tags" env:"UNLEASH_TAGS" placeholder:"NAME:VALUE" help:"Only flags with one of these tags. The upstream is then polled, as streams know no tags."`
	KeyHeader    string   `name:"client-keys-header-name" env:"CLIENT_KEY_HEADER_NAME" default:"authorization" help:"Header that carries the key."`
	TrustProxy   string   `name:"trust-proxy" env:"TRUST_PROXY" default:"false" help:"Whose X-Forwarded-For is believed: false (nobody's), true (everybody's), or a list of addresses, CIDR ranges, loopback, linklocal and uniquelocal."`
	OAS          loose    `name:"enable-oas" env:"ENABLE_OAS" default:"false" help:"Serve the OpenAPI document at /docs/openapi.json."`
	All          loose    `name:"enable-all-endpoint" env:"ENABLE_ALL_ENDPOINT" default:"false" help:"Serve /proxy/all, which tells callers the names of flags that are off."`
	VerifyTLS    loose    `name:"reject-unauthorized" env:"HTTP_OPTIONS_REJECT_UNAUTHORIZED" default:"true" help:"Refuse an upstream whose certificate is not valid."`
	Strategies   string   `name:"custom-strategies-file" env:"UNLEASH_CUSTOM_STRATEGIES_FILE" help:"Custom activation strategies as expressions, in YAML or JSON (docs/proxy.md)."`
	Enrichers    string   `name:"custom-enrichers-file" env:"EXP_CUSTOM_ENRICHERS_FILE" help:"Context enrichers as HTTP services, in YAML or JSON (docs/proxy.md)."`
	ServerTokens []string `name:"server-side-sdk-tokens" env:"EXP_SERVER_SIDE_SDK_CONFIG_TOKENS" placeholder:"TOKEN" help:"Tokens with which server SDKs may read the flags themselves, at /proxy/client/features."`
	Level        string   `name:"log-level" env:"LOG_LEVEL" default:"warn" enum:"debug,info,warn,error,fatal" help:"debug, info, warn, error or fatal."`
	JSON         string   `name:"json-logger" env:"JSON_LOGGER" help:"Anything: log in JSON."`

	Bootstrap proxyBootstrapOptions `embed:""`
	CORS      proxyCORSOptions      `embed:""`
}

// proxyBootstrapOptions say where flags come from until the upstream answers.
type proxyBootstrapOptions struct {
	URL           string `name:"bootstrap-url" env:"EXP_BOOTSTRAP_URL" help:"Where flags come from until the upstream answers: a document like GET /api/client/features."`
	Authorization string `name:"bootstrap-authorization" env:"EXP_BOOTSTRAP_AUTHORIZATION" help:"Authorization header for that."`
}

// proxyCORSOptions say which web pages may call.
type proxyCORSOptions struct {
	Origin         []string `name:"cors-origin" env:"CORS_ORIGIN" default:"*" placeholder:"ORIGIN" help:"Origins whose pages may call."`
	Methods        string   `name:"cors-methods" env:"CORS_METHODS" default:"GET, POST" help:"Methods allowed."`
	AllowedHeaders string   `name:"cors-allowed-headers" env:"CORS_ALLOWED_HEADERS" help:"Headers allowed; by default those that the browser asks for."`
	ExposedHeaders string   `name:"cors-exposed-headers" env:"CORS_EXPOSED_HEADERS" default:"ETag" help:"Headers that pages may read."`
	Credentials    loose    `name:"cors-credentials" env:"CORS_CREDENTIALS" default:"false" help:"Let pages send cookies."`
	MaxAge         int      `name:"cors-max-age" env:"CORS_MAX_AGE" default:"172800" help:"Seconds for which browsers may remember the answer."`
	Continue       loose    `name:"cors-preflight-continue" env:"CORS_PREFLIGHT_CONTINUE" default:"false" help:"Do not answer preflights."`
	SuccessStatus  int      `name:"cors-options-success-status" env:"CORS_OPTIONS_SUCCESS_STATUS" default:"204" help:"Status of the answer to a preflight."`
}

// loose is a boolean as @unleash/proxy reads them: true, t and 1 are true, whatever the case, and all else is false.
type loose bool

// Decode reads the flag with or without a value.
func (l *loose) Decode(ctx *kong.DecodeContext) error {
	*l = true
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		text := strings.ToLower(strings.TrimSpace(ctx.Scan.Pop().String()))
		*l = loose(slices.Contains([]string{"true", "t", "1"}, text))
	}
	return nil
}

// IsBool lets the flag stand alone.
func (loose) IsBool() bool { return true }

// Run serves until ctx is done.
func (c *proxyCommand) Run(ctx context.Context, std streams) error {
	logger := c.logger(std)
	config, err := c.config(logger)
	if err != nil {
		return err
	}
	p, err := edge.NewProxy(ctx, config)
	if err != nil {
		return err
	}
	go settle(ctx, p.Loaded())
	_, _ = fmt.Fprintf(std.out, "The proxy is listening on %s/proxy\n", p.URL())
	return p.Run(ctx)
}

func (c *proxyCommand) logger(std streams) *slog.Logger {
	options := logOptions{Level: c.Level, Format: "text"}
	if c.Level == "fatal" { // there is nothing that only fatal would show: such errors end the program
		options.Level = "error"
	}
	if c.JSON != "" {
		options.Format = "json"
	}
	return options.logger(std)
}

func (c *proxyCommand) config(logger *slog.Logger) (edge.ProxyConfig, error) {
	keys := trimmed(c.ClientKeys)
	if len(keys) == 0 {
		keys = trimmed(c.Secrets)
	}
	if err := c.required(keys); err != nil {
		return edge.ProxyConfig{}, err
	}
	trust, err := api.ParseTrust(c.TrustProxy)
	if err != nil { // as in @unleash/proxy, that is no reason not to start
		logger.Error("TRUST_PROXY is not understood; nobody's X-Forwarded-For is believed", "component", "proxy", "err", err)
	}
	config := edge.ProxyConfig{
		Version: version, Logger: logger, Host: c.Host, Port: c.Port, BasePath: c.BasePath,
		URL: c.URL, Token: c.Token, AppName: c.AppName, InstanceID: c.InstanceID, RefreshInterval: millis(c.Refresh),
		Filter:    edge.Filter{Project: c.Project, NamePrefix: c.NamePrefix, Tags: trimmed(c.Tags)},
		Bootstrap: edge.Bootstrap(c.Bootstrap), Insecure: !bool(c.VerifyTLS),
		ClientKeys: keys, ServerTokens: trimmed(c.ServerTokens), KeyHeader: c.KeyHeader, Environment: c.Environment,
		EnableAll: bool(c.All), EnableOAS: bool(c.OAS), TrustProxy: trust,
		CORS:            c.CORS.config(),
		MetricsInterval: millis(c.Metrics), MetricsJitter: millis(c.Jitter),
	}
	if config.Strategies, err = loadStrategies(c.Strategies, logger); err != nil {
		return edge.ProxyConfig{}, err
	}
	if c.Enrichers != "" {
		if isJavaScript(c.Enrichers) {
			return edge.ProxyConfig{}, fmt.Errorf("EXP_CUSTOM_ENRICHERS_FILE names %s: JavaScript cannot be loaded. "+
				"Give the URL of an HTTP service that does the same, in a YAML file: see docs/proxy.md", c.Enrichers)
		}
		if config.Enrichers, err = edge.LoadEnrichers(c.Enrichers); err != nil {
			return edge.ProxyConfig{}, err
		}
	}
	return config, nil
}

// required tells all that is missing at once.
func (c *proxyCommand) required(keys []string) error {
	var missing []error
	if c.URL == "" {
		missing = append(missing, errors.New("the address of the upstream is missing: set UNLEASH_URL or --unleash-url"))
	}
	if c.Token == "" {
		missing = append(missing, errors.New("the token for the upstream is missing: set UNLEASH_API_TOKEN or --unleash-api-token"))
	}
	if len(keys) == 0 {
		missing = append(missing, errors.New("the keys of callers are missing: set UNLEASH_PROXY_CLIENT_KEYS or --client-keys"))
	}
	return errors.Join(missing...)
}

func (o proxyCORSOptions) config() proxy.CORS {
	return proxy.CORS{
		Origins: api.NewOrigins(trimmed(o.Origin)...), Methods: o.Methods, AllowedHeaders: o.AllowedHeaders, ExposedHeaders: o.ExposedHeaders,
		Credentials: bool(o.Credentials), MaxAge: time.Duration(o.MaxAge) * time.Second,
		SuccessStatus: o.SuccessStatus, Continue: bool(o.Continue),
	}
}

// loadStrategies reads custom strategies, if there is a file of them.
func loadStrategies(path string, logger *slog.Logger) (eval.Strategies, error) {
	switch {
	case path == "":
		return nil, nil
	case isJavaScript(path):
		return nil, fmt.Errorf("UNLEASH_CUSTOM_STRATEGIES_FILE names %s: JavaScript cannot be loaded. "+
			"Write the strategies as expressions, in a YAML file: see docs/proxy.md", path)
	}
	return expression.Load(path, logger)
}

func isJavaScript(path string) bool {
	return slices.Contains([]string{".js", ".cjs", ".mjs", ".ts"}, strings.ToLower(filepath.Ext(path)))
}

// trimmed are the items of a list, which may have spaces after the commas, without those that are empty.
func trimmed(list []string) []string {
	var items []string
	for _, item := range list {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func millis(n int) time.Duration { return time.Duration(n) * time.Millisecond }

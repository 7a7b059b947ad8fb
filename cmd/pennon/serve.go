package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/pennonhq/pennon/server"
)

// serveCommand is the server role. Names are Unleash's where Unleash has the option.
type serveCommand struct {
	Host               string        `name:"host" env:"HTTP_HOST" default:"" help:"Address to listen on; all by default."`
	Port               int           `name:"port" env:"HTTP_PORT,PORT" default:"4242" help:"Port to listen on."`
	BasePath           string        `name:"base-path" env:"BASE_URI_PATH" help:"Prefix of every route, for servers behind a path-routing proxy."`
	Log                logOptions    `embed:""`
	Migrate            bool          `name:"migrate" env:"DATABASE_MIGRATE" default:"true" negatable:"" help:"Bring the database schema to this version at start."`
	NoMigration        bool          `name:"disable-migration" env:"DATABASE_DISABLE_MIGRATION" help:"Unleash's name for --no-migrate."`
	Tokens             tokenOptions  `embed:""`
	ShutdownGrace      time.Duration `name:"shutdown-grace" env:"SHUTDOWN_GRACE" default:"10s" help:"How long streams are spread over when the server stops, so that their clients come back one by one."`
	MaxStreams         int           `name:"max-streams" env:"MAX_STREAMS" default:"100000" help:"Streams one server carries; further ones are told to poll (429)."`
	MaxStreamsPerToken int           `name:"max-streams-per-token" env:"MAX_STREAMS_PER_TOKEN" default:"0" help:"Of these, streams one token may have; 0 for no limit of its own."`
	StreamMaxAge       time.Duration `name:"stream-max-age" env:"STREAM_MAX_AGE" default:"0" help:"Streams end at about that age (at least a minute) and their clients come back, so that they spread over a growing fleet; 0 for never."`
	ChangeRetention    time.Duration `name:"change-retention" env:"CHANGE_RETENTION" default:"168h" help:"How far back the change log reaches: how long a client may be away and still resume with a delta."`
	Metrics            bool          `name:"metrics" env:"METRICS" default:"true" negatable:"" help:"Measure, and serve it to Prometheus at /internal-backstage/prometheus."`
	MetricsPort        int           `name:"metrics-port" env:"METRICS_PORT" default:"0" help:"Port of its own for Prometheus, which whoever reaches the API cannot see; 0 for the API's."`
	Limits             limitOptions  `embed:""`
	CustomStrategies   string        `name:"custom-strategies-file" env:"UNLEASH_CUSTOM_STRATEGIES_FILE" help:"Custom activation strategies as expressions, for browsers, in YAML or JSON (docs/proxy.md)."`
	PrivateURLs        bool          `name:"allow-private-url-in-integration" env:"UNLEASH_ALLOW_PRIVATE_URL_IN_INTEGRATION" help:"Let integrations send to private addresses (loopback, 10.x, …), and through the proxy that HTTPS_PROXY names."`
	Dev                bool          `name:"dev" env:"PENNON_DEV" help:"Without a configured database start a private PostgreSQL; make tokens; print what to try."`
	Dir                string        `name:"dir" env:"PENNON_DIR" default:".pennon" help:"Where --dev keeps its data and tokens."`

	Frontend frontendOptions `embed:""`
	Database databaseOptions `embed:""`
}

// tokenOptions are API tokens that exist from the first start on. They are made when they are missing, at every start.
type tokenOptions struct {
	Admin    []string `name:"init-admin-api-tokens" env:"INIT_ADMIN_API_TOKENS" placeholder:"TOKEN" help:"Admin tokens (*:*.secret)."`
	Client   []string `name:"init-backend-api-tokens" env:"INIT_BACKEND_API_TOKENS,INIT_CLIENT_API_TOKENS" placeholder:"TOKEN" help:"Tokens of back-end SDKs (project:environment.secret)."`
	Frontend []string `name:"init-frontend-api-tokens" env:"INIT_FRONTEND_API_TOKENS" placeholder:"TOKEN" help:"Tokens of browsers and apps (project:environment.secret)."`
}

// logOptions say what is logged, to standard error.
type logOptions struct {
	Level  string `name:"log-level" env:"LOG_LEVEL" default:"info" enum:"debug,info,warn,error" help:"debug, info, warn or error."`
	Format string `name:"log-format" env:"LOG_FORMAT" default:"text" enum:"text,json" help:"text or json."`
}

func (o logOptions) logger(std streams) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(o.Level)) // the enum has checked it
	options := &slog.HandlerOptions{Level: level}
	if o.Format == "json" {
		return slog.New(slog.NewJSONHandler(std.err, options))
	}
	return slog.New(slog.NewTextHandler(std.err, options))
}

// Run serves until ctx is done.
func (c *serveCommand) Run(ctx context.Context, std streams) error {
	logger := c.Log.logger(std)
	config, err := c.config(logger)
	if err != nil {
		return err
	}
	if c.Dev {
		return c.serveDev(ctx, std, config)
	}
	if config.DatabaseURL == "" {
		return errNoDatabase
	}
	restore := collectLess()
	s, err := server.New(ctx, config)
	if err != nil {
		return err
	}
	go func() {
		settle(ctx, s.Loaded(), s.Routed())
		restore()
	}()
	return s.Run(ctx)
}

func (c *serveCommand) config(logger *slog.Logger) (server.Config, error) {
	pool, direct, err := c.Database.urls()
	if err != nil {
		return server.Config{}, err
	}
	limits, err := c.Limits.limits()
	if err != nil {
		return server.Config{}, err
	}
	strategies, err := loadStrategies(c.CustomStrategies, logger)
	if err != nil {
		return server.Config{}, err
	}
	config := server.Config{
		Strategies:         strategies,
		Version:            version,
		Logger:             logger,
		Host:               c.Host,
		Port:               c.Port,
		BasePath:           c.BasePath,
		DatabaseURL:        pool,
		DatabaseDirectURL:  direct,
		DatabasePoolMax:    c.Database.PoolMax,
		PollInterval:       c.Database.PollInterval,
		ChangeRetention:    c.ChangeRetention,
		Migrate:            c.Migrate && !c.NoMigration,
		AdminTokens:        c.Tokens.Admin,
		ClientTokens:       c.Tokens.Client,
		FrontendTokens:     c.Tokens.Frontend,
		ShutdownGrace:      c.ShutdownGrace,
		MaxStreams:         c.MaxStreams,
		MaxStreamsPerToken: c.MaxStreamsPerToken,
		StreamMaxAge:       c.StreamMaxAge,

		Limits: limits,

		MetricsOff: !c.Metrics,

		AllowPrivateIntegrationURLs: c.PrivateURLs,
	}
	if c.MetricsPort != 0 {
		config.MetricsPort = &c.MetricsPort
	}
	if err := c.Frontend.apply(&config); err != nil {
		return server.Config{}, err
	}
	return config, nil
}

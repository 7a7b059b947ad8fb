package server

import (
	"log/slog"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/eval"
)

// Config is what the server role needs to know. cmd/pennon fills it from flags and environment variables; tests fill it
// directly. Zero values mean the defaults.
type Config struct {
	Version string
	Logger  *slog.Logger

	Host     string // address to listen on; empty: all
	Port     int    // 0: any free port (Server.URL tells)
	BasePath string // prefix of every route

	DatabaseURL       string        // for the pool; may lead through PgBouncer
	DatabaseDirectURL string        // for LISTEN and migrations; empty: DatabaseURL
	DatabasePoolMax   int32         // connections in the pool
	PollInterval      time.Duration // safety poll of the change log
	ChangeRetention   time.Duration // how far back the change log reaches
	Migrate           bool          // bring the schema up to date at start

	AdminTokens    []string // tokens that must exist, made when missing
	ClientTokens   []string
	FrontendTokens []string

	MaxStreams         int           // streams carried at once; further ones get 429
	MaxStreamsPerToken int           // of these, with one token; 0: no limit of its own
	StreamMaxAge       time.Duration // streams end at that age, within a fifth, and come back; 0: never
	ShutdownGrace      time.Duration // how long closing streams is spread over
	FlushInterval      time.Duration // how often usage is written

	MetricsOff  bool // nothing is measured and served for Prometheus
	MetricsPort *int // port of its own for Prometheus, 0: any free one (Server.MetricsURL tells); nil: the server's

	Limits limit.Limits // how much of everything there may be; zero: limit.Default()

	TrustProxy      api.Trust     // whose X-Forwarded-For is believed
	FrontendOrigins []string      // web origins of the frontend API until others are set; nil: all
	CORSMaxAge      time.Duration // how long browsers may remember a preflight
	FrontendAll     bool          // tell browsers the names of flags that are off, where they ask for all

	ProxyKeys      map[string]string // client keys of the legacy proxy that /proxy accepts, with the environment of each
	ProxyKeyHeader string            // header that carries the key to /proxy; empty: Authorization

	Strategies eval.Strategies // custom ones, which browsers and the playground are answered by

	AllowPrivateIntegrationURLs bool // integrations may send to private addresses, and through a proxy
}

// DefaultShutdownGrace is long enough for a few hundred streams to be closed one by one. The other defaults are those of
// the packages the values go to (db, sse).
const DefaultShutdownGrace = 10 * time.Second

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.DatabaseDirectURL == "" {
		c.DatabaseDirectURL = c.DatabaseURL
	}
	if c.ShutdownGrace == 0 {
		c.ShutdownGrace = DefaultShutdownGrace
	}
	if c.FrontendOrigins == nil {
		c.FrontendOrigins = []string{"*"}
	}
	return c
}

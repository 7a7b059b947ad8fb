package edge

import (
	"cmp"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/edge/storage"
	"github.com/pennonhq/pennon/eval"
)

// DefaultShutdownGrace is long enough for a few hundred streams to be closed one by one.
const DefaultShutdownGrace = 10 * time.Second

// Config is what the edge role needs to know. cmd/pennon fills it from flags and environment variables; tests fill it
// directly. URL is required, and Tokens unless Dynamic is set. Other zero values mean Unleash Edge's defaults.
type Config struct {
	Surface

	URL        string   // of the upstream, with or without its /api
	Tokens     []string // which decide what is fetched at the start
	Pretrusted []string // frontend tokens that the upstream is not asked about: as usual, or <secret>@<environment>
	Dynamic    bool     // other backend tokens fetch what they see on first use

	Prefer             Mode // modes before it are not used
	AppName            string
	InstanceID         string
	RefreshInterval    time.Duration     // between two polls, where the upstream cannot stream
	RequestTimeout     time.Duration     // of requests to the upstream, except for streams; 0: 30 s
	MetricsInterval    time.Duration     // between two reports of usage
	InstanceInterval   time.Duration     // between two reports on the edge itself; 0: a minute
	Revalidation       time.Duration     // between two questions about all tokens
	Headers            map[string]string // sent along with every request to the upstream
	UpstreamAuthHeader string            // where the upstream wants the token; empty: Authorization
	Transport          http.RoundTripper // nil: NewTransport(false)

	Storage storage.Open // where flags are kept for the next start; nil: nowhere
}

// Surface is what edges decide about the HTTP they serve, wherever flags come from.
type Surface struct {
	Version string
	Logger  *slog.Logger

	Host     string // address to listen on; empty: all
	Port     int    // 0: any free port
	BasePath string // prefix of every route

	TLS           *tls.Config // nil: plain HTTP only
	TLSPort       int         // 0: any free port
	RedirectToTLS bool        // answer plain requests with 308

	AuthHeader string          // where callers put their token; empty: Authorization
	TrustProxy api.Trust       // whose X-Forwarded-For is believed
	CORS       api.CORS        // nil Origins: all
	Allow      []netip.Prefix  // peers that may call; none: all
	Deny       []netip.Prefix  // peers that may not, unless Allow is given
	HideAll    bool            // do not tell browsers the names of flags that are off
	Hide       BackstageHidden // of /internal-backstage

	MaxStreams         int
	MaxStreamsPerToken int
	ShutdownGrace      time.Duration

	Strategies eval.Strategies // custom ones, which browsers are answered by
}

// BackstageHidden are the parts of /internal-backstage that are not served.
type BackstageHidden struct {
	Metrics, Batch, Instances, Features, Tokens bool
}

func (s Surface) withDefaults() Surface {
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.CORS.Origins == nil {
		s.CORS.Origins = api.NewOrigins("*")
	}
	s.ShutdownGrace = cmp.Or(s.ShutdownGrace, DefaultShutdownGrace)
	s.BasePath = strings.TrimRight(s.BasePath, "/")
	if s.BasePath != "" && s.BasePath[0] != '/' {
		s.BasePath = "/" + s.BasePath
	}
	return s
}

func (c Config) withDefaults() (Config, error) {
	c.Surface = c.Surface.withDefaults()
	c.Revalidation = cmp.Or(c.Revalidation, DefaultRevalidation)
	c.AppName = cmp.Or(c.AppName, DefaultAppName)
	if c.InstanceID == "" {
		c.InstanceID = newID()
	}
	c.URL = strings.TrimSuffix(strings.TrimRight(c.URL, "/"), "/api") + "/api"
	if len(c.Tokens) == 0 && !c.Dynamic {
		return c, errors.New("a strict edge needs at least one token to know what to fetch")
	}
	if c.Transport == nil {
		c.Transport = NewTransport(false)
	}
	return c, nil
}

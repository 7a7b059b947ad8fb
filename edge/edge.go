// Package edge runs the data plane away from PostgreSQL: what it serves comes from an upstream server that speaks
// Unleash's client API, ours or another.
//
// Upstream is the replica.Source that brings the flags of every upstream token: by stream where the upstream has one, by
// polling deltas or everything where it has not or while streaming fails. Forwarder sends what SDKs report on to the
// upstream. Proxy assembles both with api/proxy into the role that replaces @unleash/proxy.
//
// The package belongs to the data plane: neither it nor anything it imports knows SQL or the control plane. cmd/pennon and
// tests start it.
package edge

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pennonhq/pennon/token"
)

// Mode is a way to get flags from the upstream, from best to plainest.
type Mode int

// The modes, in the order in which an Upstream prefers them.
const (
	Link      Mode = iota // GET /client/edge/link: one connection for all tokens, between edges and servers of our kind
	Streaming             // GET /client/streaming: changes are pushed
	Delta                 // GET /client/delta: changes are polled
	Full                  // GET /client/features: everything is polled; every upstream has it
)

// String is the word for the mode in logs.
func (m Mode) String() string {
	switch m {
	case Link:
		return "link"
	case Streaming:
		return "streaming"
	case Delta:
		return "delta"
	default:
		return "polling"
	}
}

// DefaultRefreshInterval is how often an upstream is polled that cannot stream, as Unleash Edge does.
const DefaultRefreshInterval = 15 * time.Second

// DefaultAppName is the application name that an edge gives itself.
const DefaultAppName = "pennon-edge"

// UpstreamToken is a credential for the upstream, and the environment whose flags it brings.
type UpstreamToken struct {
	Secret      string
	Environment string   // empty: what the secret says, or "default"
	Projects    []string // that it sees; nil: what the secret says, or all
}

// defaultEnvironment is where the flags of tokens go that name no environment.
const defaultEnvironment = "default"

func (t UpstreamToken) environment() string {
	if t.Environment != "" {
		return t.Environment
	}
	if parts, ok := token.Parse(t.Secret); ok && parts.Environment != "*" {
		return parts.Environment
	}
	return defaultEnvironment
}

// scope is what the token brings.
func (t UpstreamToken) scope() token.Scope {
	if t.Projects != nil {
		return token.NewScope(t.environment(), t.Projects...)
	}
	if parts, ok := token.Parse(t.Secret); ok && parts.Project != "[]" {
		return token.NewScope(t.environment(), parts.Project)
	}
	return token.NewScope(t.environment(), token.All)
}

// Filter narrows what an Upstream asks for. The zero Filter narrows nothing.
type Filter struct {
	Project    string
	NamePrefix string
	Tags       []string // type:value; any of them. Only full polling knows tags, so that is then the only mode
}

// none reports whether the filter narrows nothing. Only then the link can be used.
func (f Filter) none() bool { return f.Project == "" && f.NamePrefix == "" && len(f.Tags) == 0 }

// UpstreamConfig says where flags come from. URL is required, and Tokens unless Open is set.
type UpstreamConfig struct {
	URL    string // of the API, with its /api: https://unleash.example.com/api
	Tokens []UpstreamToken
	Open   bool // tokens come and go while it runs (Add, Remove)
	Filter Filter
	Prefer Mode // modes before it are not used

	AppName         string
	InstanceID      string // empty: drawn
	Version         string
	RefreshInterval time.Duration     // between two polls
	RequestTimeout  time.Duration     // from dialling to the last byte, except for streams; 0: 30 s
	Headers         map[string]string // sent along with every request
	AuthHeader      string            // where the token goes; empty: Authorization

	// Bootstrap is where flags come from until the upstream has answered for the first time. Only the first token's
	// environment is filled. Empty URL: from nowhere.
	Bootstrap Bootstrap

	// Received is given every answer of full polling that was taken in, as it came, and nil once anything else was: then the
	// last answer is out of date. nil: nobody wants them. It is called from one goroutine for each token and must not keep
	// the slice.
	Received func(document []byte)

	Transport http.RoundTripper // nil: NewTransport(false)
	Logger    *slog.Logger
}

// Bootstrap is a document in the form of GET /client/features.
type Bootstrap struct {
	URL           string
	Authorization string // value of that header
}

func (c UpstreamConfig) withDefaults() (UpstreamConfig, error) {
	base, err := url.Parse(c.URL)
	switch {
	case err != nil || (base.Scheme != "http" && base.Scheme != "https") || base.Host == "":
		return c, fmt.Errorf("the upstream's address %q is no http or https URL", c.URL)
	case len(c.Tokens) == 0 && !c.Open:
		return c, errors.New("an upstream needs at least one token")
	}
	base.RawQuery, base.Fragment = "", ""
	c.URL = strings.TrimRight(base.String(), "/")
	c.AppName = cmp.Or(c.AppName, DefaultAppName)
	c.AuthHeader = cmp.Or(c.AuthHeader, "Authorization")
	if c.InstanceID == "" {
		c.InstanceID = newID()
	}
	if c.RequestTimeout <= 0 {
		c.RequestTimeout = requestTimeout
	}
	if c.RefreshInterval <= 0 {
		c.RefreshInterval = DefaultRefreshInterval
	}
	if len(c.Filter.Tags) > 0 {
		c.Prefer = Full
	}
	if c.Transport == nil {
		c.Transport = NewTransport(false)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Logger = c.Logger.With("component", "upstream")
	return c, nil
}

// NewTransport makes the connections to an upstream. Insecure accepts any certificate.
func NewTransport(insecure bool) *http.Transport {
	dialer := Dialer(5*time.Second, 15*time.Second)
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		ForceAttemptHTTP2:   true,
		TLSHandshakeTimeout: 5 * time.Second,
		IdleConnTimeout:     60 * time.Second,
		MaxIdleConnsPerHost: 4,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: insecure, //nolint:gosec // the operator's own choice, an option of the proxy and the edge
		},
	}
}

// Dialer makes the connections below those of NewTransport.
func Dialer(timeout, keepAlive time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, KeepAlive: keepAlive}
}

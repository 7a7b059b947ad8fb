package edge

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/token"
)

// Edge is the edge role: the whole data plane, fed by an upstream. Make it with New, run it once.
type Edge struct {
	config    Config
	tokens    *Tokens
	admission *admission
	upstream  *Upstream
	usage     *pipeline
	surface   *surface
	keeper    *keeper
}

// New checks the configuration, reads the backup and listens. Nothing is served before Run.
func New(ctx context.Context, config Config) (*Edge, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	e := &Edge{config: config}
	e.upstream, err = NewUpstream(UpstreamConfig{
		URL: config.URL, Open: true, Prefer: config.Prefer, AppName: config.AppName, InstanceID: config.InstanceID,
		Version: config.Version, RefreshInterval: config.RefreshInterval, RequestTimeout: config.RequestTimeout, Headers: config.Headers,
		AuthHeader: config.UpstreamAuthHeader, Transport: config.Transport, Logger: config.Logger,
	})
	if err != nil {
		return nil, err
	}
	e.tokens = newTokens(e.upstream.validate, config.Logger)
	e.tokens.follow(e.upstream.tokenNews)
	if err := e.trust(); err != nil {
		return nil, err
	}
	e.admission = newAdmission(e.tokens, e.upstream, config.Tokens, config.Dynamic, config.Logger)
	e.usage = newPipeline(config, e.upstream, e.tokens)
	e.surface = newSurface(config.Surface, e.admission, e.tokens, e.usage.forwarder.Buffer, ticketSecret(config.Tokens))
	e.surface.once, e.surface.usedElsewhere = e.usage.once, usedElsewhere(e.usage.forwarder.Buffer)
	e.surface.pending = e.usage.forwarder.pending
	e.surface.ready, e.surface.problems = e.Ready, e.admission.problems
	e.surface.tokenReport = e.tokenReport
	e.surface.instances = e.backstageInstances
	e.surface.contact = func() time.Time { return time.Now().Add(-e.upstream.Staleness(time.Now())) }
	if e.surface.measured != nil {
		e.surface.connectMetrics(e.upstream.identity(), e.upstream.collect, e.usage.forwarder.collect, e.tokens.collect)
	}
	e.tokens.changed = e.tokenChanged
	if e.keeper, err = newKeeper(config, e.surface.store, e.upstream, e.tokens, e.usage); err != nil {
		return nil, err
	}
	e.usage.forwarder.Delivered = e.keeper.soon
	e.admission.earlier = e.keeper.flags
	if err := e.keeper.load(ctx); err != nil {
		return nil, err
	}
	if err := e.surface.listen(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

// ticketSecret is what the edges of a fleet, which are started with the same tokens, open each other's tickets with. Without
// tokens each has its own.
func ticketSecret(tokens []string) []byte {
	if len(tokens) == 0 {
		random := make([]byte, sha256.Size)
		_, _ = rand.Read(random) // never fails (crypto/rand, Go 1.24)
		return random
	}
	sorted := slices.Clone(tokens)
	slices.Sort(sorted)
	sum := sha256.Sum256([]byte("pennon edge tickets\n" + strings.Join(slices.Compact(sorted), "\n")))
	return sum[:]
}

// trust makes the pretrusted tokens known.
func (e *Edge) trust() error {
	for _, secret := range e.config.Pretrusted {
		var scope token.Scope
		if parts, ok := token.Parse(secret); ok && parts.Project != "[]" {
			scope = token.NewScope(parts.Environment, parts.Project)
		} else if at := strings.LastIndexByte(secret, '@'); at > 0 && at < len(secret)-1 {
			scope, secret = token.NewScope(secret[at+1:], token.All), secret[:at]
		} else {
			return fmt.Errorf("the pretrusted token %s is neither <project>:<environment>.<secret> nor <secret>@<environment>", token.Redact(secret))
		}
		e.tokens.trust(secret, &token.Token{ID: tokenID(secret), Name: token.Redact(secret), Kind: token.Frontend, Scope: scope})
	}
	return nil
}

// tokenChanged follows the upstream's word on a token: its streams end.
func (e *Edge) tokenChanged(id string, revoked bool) {
	reason := sse.Changed
	if revoked {
		reason = sse.Revoked
		e.admission.revoked(id)
	} else {
		e.surface.store.TokenChanged(id)
		e.admission.changed(id)
	}
	e.surface.hub.CloseKey(id, reason)
	e.surface.tokenChanged(id, revoked)
	e.keeper.soon()
}

// URL is where the edge can be reached from this machine, with its base path.
func (e *Edge) URL() string { return e.surface.URL() }

// TLSURL is the same over TLS; empty without.
func (e *Edge) TLSURL() string { return e.surface.TLSURL() }

// Upstream tells how it stands with where flags come from.
func (e *Edge) Upstream() *Upstream { return e.upstream }

// Loaded is closed when flags have been read for the first time.
func (e *Edge) Loaded() <-chan struct{} { return e.surface.loaded }

// Ready returns nil when the flags of all tokens of the start are there and the upstream refuses none of them. Tokens that
// can bring no flags do not count while others do.
func (e *Edge) Ready() error {
	if err := e.admission.Ready(); err != nil {
		return err
	}
	return e.upstream.Ready()
}

// Run serves until ctx is done, then stops in order: accept nothing new, close the streams spread over the grace period so
// that their clients come back one by one, finish requests, send usage, keep the backup, leave the upstream. It returns when
// everything has ended, with the first error that was not asked for.
func (e *Edge) Run(ctx context.Context) error {
	defer e.closeIdle()
	lasting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, running := errgroup.WithContext(lasting)
	group.Go(func() error { return e.upstream.Run(running, e.surface.store) })
	group.Go(func() error { return e.surface.hub.Run(running) })
	group.Go(func() error { return e.admission.run(running) })
	group.Go(func() error { return e.tokens.run(running, e.config.Revalidation) })
	group.Go(func() error { return e.usage.run(running) })
	group.Go(func() error { return e.keeper.run(running) })
	group.Go(func() error { return e.register(running) })
	group.Go(func() error { return e.tellUpstream(running) })
	e.surface.serve(group)
	e.config.Logger.Info("serving", "component", "edge", "url", e.URL(), "upstream", e.config.URL, "version", e.config.Version)
	select {
	case <-ctx.Done():
		e.config.Logger.Info("stopping", "component", "edge")
	case <-running.Done():
	}
	e.surface.close(context.WithoutCancel(ctx))
	stop()
	err := group.Wait()
	e.usage.end()
	return err
}

// register tells the upstream of the edge, once it knows its tokens.
func (e *Edge) register(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-e.surface.loaded:
	}
	return e.upstream.register(ctx, nil, e.config.MetricsInterval)
}

func (e *Edge) closeIdle() {
	if transport, ok := e.config.Transport.(*http.Transport); ok {
		transport.CloseIdleConnections()
	}
}

// logged is a logger for what net/http has to say.
func logged(logger *slog.Logger) *slog.Logger { return logger.With("component", "http") }

package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
)

// admitPatience is how long a request waits for the flags of a token that was not seen before.
const admitPatience = 5 * time.Second

// admission decides which tokens an edge serves: those whose flags it holds. It implements api.Tokens. In strict mode the
// tokens of the start say what is held; in dynamic mode the first use of any other backend token fetches what it sees, too.
type admission struct {
	tokens   *Tokens
	upstream *Upstream
	dynamic  bool
	earlier  func(environment string) []byte // flags of an earlier run
	logger   *slog.Logger

	generation atomic.Uint64 // rises when a feed goes: who was admitted is looked at again

	mu      sync.Mutex
	startup []startupToken // mu
	settled bool           // mu; the upstream has said of each startup token what it is, or an earlier run has
}

// startupToken is one that the edge was started with.
type startupToken struct {
	secret  string
	known   bool  // what it is, is known
	problem error // why it brings no flags
	faulty  bool  // the problem is the token itself: the upstream has said so
}

func newAdmission(tokens *Tokens, upstream *Upstream, startup []string, dynamic bool, logger *slog.Logger) *admission {
	a := &admission{tokens: tokens, upstream: upstream, dynamic: dynamic, logger: logger.With("component", "tokens")}
	a.earlier = func(string) []byte { return nil }
	a.generation.Store(1)
	a.settled = len(startup) == 0
	for _, secret := range startup {
		if !slices.ContainsFunc(a.startup, func(s startupToken) bool { return s.secret == secret }) {
			a.startup = append(a.startup, startupToken{secret: secret})
		}
	}
	return a
}

// Token implements api.Tokens.
func (a *admission) Token(ctx context.Context, secret string) (*token.Token, error) {
	known, err := a.tokens.find(ctx, secret)
	if err != nil {
		return nil, err
	}
	if !known.used.Load() { // almost always it was: reading is cheaper than writing
		known.used.Store(true)
	}
	generation := a.generation.Load()
	if known.admitted.Load() == generation {
		return known.Token, nil
	}
	switch known.Kind {
	case token.Client:
		err = a.admitClient(ctx, known, secret)
	case token.Frontend:
		err = a.admitFrontend(known)
	case token.Admin: // opens nothing here, and whoever asks says so
	}
	if err != nil {
		return nil, err
	}
	known.admitted.Store(generation)
	return known.Token, nil
}

func (a *admission) admitClient(ctx context.Context, known *knownToken, secret string) error {
	covered, loaded := a.upstream.Covers(known.Scope)
	switch {
	case loaded:
		return nil
	case covered:
	case !a.isSettled():
		return errNotLoaded()
	case !a.dynamic:
		return fault.New(fault.Denied, "This edge holds no flags for the token: none of the tokens it was started with "+
			"sees all projects of this one in environment %q.", known.Scope.Environment)
	default:
		a.upstream.Add(a.upstreamToken(secret, known.Token), a.earlier(known.Scope.Environment))
	}
	ctx, cancel := context.WithTimeout(ctx, admitPatience)
	defer cancel()
	if !a.upstream.Await(ctx, known.Scope) {
		return errNotLoaded()
	}
	a.prune(secret, known.Scope)
	return nil
}

func (a *admission) admitFrontend(known *knownToken) error {
	brought, loaded := a.upstream.Brings(known.Scope.Environment)
	switch {
	case brought && !loaded, !brought && !a.isSettled():
		return errNotLoaded()
	case !brought:
		return fault.New(fault.Denied, "This edge holds no flags of environment %q: it needs a backend token of that environment.", known.Scope.Environment)
	}
	if covered, _ := a.upstream.Covers(known.Scope); !covered {
		a.logger.Warn("a frontend token sees more projects than this edge holds; flags of the others are missing for it",
			"token", known.Name, "environment", known.Scope.Environment, "projects", known.Scope.Projects())
	}
	return nil
}

func errNotLoaded() error {
	return fault.New(fault.Unavailable, "The flags for this token are not loaded yet. Try again.")
}

func (a *admission) upstreamToken(secret string, known *token.Token) UpstreamToken {
	return UpstreamToken{Secret: secret, Environment: known.Scope.Environment, Projects: known.Scope.Projects()}
}

// prune removes tokens that were added on first use and whose flags a wider one brings now.
func (a *admission) prune(secret string, scope token.Scope) {
	for _, t := range a.upstream.tokens() {
		if t.Secret != secret && includes(scope, t.scope()) && !includes(t.scope(), scope) && !a.isStartup(t.Secret) {
			a.upstream.Remove(t.Secret)
		}
	}
}

func (a *admission) isStartup(secret string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.ContainsFunc(a.startup, func(s startupToken) bool { return s.secret == secret })
}

func (a *admission) isSettled() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.settled
}

// revoked ends what a token has brought that was added on first use. What the tokens of the start have brought is served on.
func (a *admission) revoked(id string) {
	for _, t := range a.upstream.tokens() {
		if tokenID(t.Secret) == id && !a.isStartup(t.Secret) {
			a.upstream.Remove(t.Secret)
			a.generation.Add(1)
		}
	}
}

// changed fetches what a token sees now, if it is one of those that bring flags.
func (a *admission) changed(id string) {
	for _, t := range a.upstream.tokens() {
		known := a.tokens.peek(t.Secret)
		if tokenID(t.Secret) != id || known == nil || known.Scope.Key() == t.scope().Key() {
			continue
		}
		a.upstream.Remove(t.Secret)
		if known.Kind == token.Client {
			a.upstream.Add(a.upstreamToken(t.Secret, known.Token), nil)
		}
		a.generation.Add(1)
	}
}

// ByHash implements link.Tokens.
func (a *admission) ByHash(sum [32]byte) (*token.Token, bool) { return a.tokens.ByHash(sum) }

// run finds out what the startup tokens are, and fetches what they see, until all of them are known or ctx is done.
func (a *admission) run(ctx context.Context) error {
	failures := 0
	for pending := a.pending(); len(pending) > 0; pending = a.pending() {
		a.settle(pending, a.tokens.check(ctx, pending))
		if len(a.pending()) == 0 {
			break
		}
		timer := time.NewTimer(doubled(backoffFirst, backoffMax, failures))
		failures++
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
	return nil
}

func (a *admission) pending() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var secrets []string
	for _, s := range a.startup {
		if !s.known {
			secrets = append(secrets, s.secret)
		}
	}
	return secrets
}

// settle takes in what the upstream has said of the startup tokens, or why it could not be asked.
func (a *admission) settle(pending []string, failed error) {
	settled := true
	for _, secret := range pending {
		known := a.tokens.peek(secret)
		if known != nil && known.earlier {
			known = a.tokens.adopt(token.Hash(secret), secret, known)
		}
		if known == nil && errors.Is(failed, errNoValidation) {
			t := UpstreamToken{Secret: secret}
			a.tokens.trust(secret, &token.Token{ID: tokenID(secret), Name: token.Redact(secret), Kind: token.Client, Scope: t.scope()})
			known = a.tokens.peek(secret)
			a.logger.Warn("the upstream cannot say what tokens are; taking this one for a backend token", "token", token.Redact(secret))
		}
		problem := a.problemWith(secret, known, failed)
		settled = settled && (known != nil || failed == nil)
		if a.note(secret, known, problem, failed) && problem != nil {
			a.logger.Error("a token of the start brings no flags", "token", token.Redact(secret), "err", problem)
		}
	}
	a.fetch()
	if settled {
		a.mu.Lock()
		a.settled = true
		a.mu.Unlock()
	}
}

func (a *admission) problemWith(secret string, known *knownToken, failed error) error {
	switch {
	case known != nil && known.Kind != token.Client:
		return fmt.Errorf("%s is a token of type %s: an edge fetches flags with backend (client) tokens", token.Redact(secret), known.Kind)
	case known != nil:
		return nil
	case failed != nil:
		return fmt.Errorf("the upstream cannot be asked: %w", failed)
	default:
		return fmt.Errorf("the upstream does not know %s", token.Redact(secret))
	}
}

// note keeps what is known of a startup token, and reports whether that is news.
func (a *admission) note(secret string, known *knownToken, problem, failed error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range a.startup {
		if s := &a.startup[i]; s.secret == secret {
			if s.faulty && known == nil && failed != nil {
				return false // what the upstream has said still counts
			}
			news := fmt.Sprint(s.problem) != fmt.Sprint(problem)
			s.known, s.problem, s.faulty = known != nil, problem, problem != nil && (known != nil || failed == nil)
			return news
		}
	}
	return false
}

// fetch asks for what the startup tokens see, with as few of them as bring all of it.
func (a *admission) fetch() {
	a.mu.Lock()
	startup := slices.Clone(a.startup)
	a.mu.Unlock()
	var wanted []UpstreamToken
	for _, s := range startup {
		if known := a.tokens.peek(s.secret); known != nil && known.Kind == token.Client {
			wanted = append(wanted, a.upstreamToken(s.secret, known.Token))
		}
	}
	for _, t := range minimal(wanted) {
		if covered, _ := a.upstream.Covers(t.scope()); !covered {
			a.upstream.Add(t, a.earlier(t.Environment))
		}
	}
}

// minimal leaves out tokens that see no more than another one does.
func minimal(tokens []UpstreamToken) []UpstreamToken {
	var kept []UpstreamToken
	for i, t := range tokens {
		redundant := false
		for j, other := range tokens {
			equal := includes(t.scope(), other.scope())
			redundant = redundant || i != j && includes(other.scope(), t.scope()) && (!equal || j < i)
		}
		if !redundant {
			kept = append(kept, t)
		}
	}
	return kept
}

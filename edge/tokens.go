package edge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
)

const (
	// DefaultRevalidation is how often the upstream is asked again about the tokens in use, as Unleash Edge does.
	DefaultRevalidation = time.Hour

	// unknownFor is how long a secret that the upstream does not know is not asked about again. It is short because tokens
	// are made, and used, before the upstream answers for them.
	unknownFor = 10 * time.Second

	// unreachableFor is how long, after the upstream could not be asked, tokens of an earlier run count without asking, and
	// others are refused at once as not to be checked.
	unreachableFor = 2 * time.Second

	maxUnknown     = 10_000 // secrets remembered as unknown
	maxKnown       = 100_000
	maxQuestions   = 8   // to the upstream at the same time
	maxSecretBytes = 512 // longer ones are no tokens
	maxAsked       = 500 // secrets in one question
)

// hash is what secrets are kept by.
type hash = [sha256.Size]byte

// tokenID is what a token is called in logs and streams: it is stable and tells nothing of the secret.
func tokenID(secret string) string {
	return hashID(token.Hash(secret))
}

func hashID(sum hash) string { return hex.EncodeToString(sum[:8]) }

// Tokens knows what the upstream says of tokens. It implements api.Tokens. What the upstream cannot be asked about is never
// called unknown. All methods are safe for concurrent use.
type Tokens struct {
	ask      func(ctx context.Context, secrets []string) (map[string]*token.Token, error)
	now      func() time.Time
	logger   *slog.Logger
	changed  func(id string, revoked bool) // what a token is has changed, or it is valid no more; after it was noted
	lookups  singleflight.Group
	slots    chan struct{}
	news     *news         // of which tokens are known
	doubted  chan struct{} // holds one when there is a new doubt
	failedAt atomic.Int64  // when the upstream could not be asked, in nanoseconds; 0: it could

	mu      sync.RWMutex
	known   map[hash]*knownToken // mu
	unknown map[hash]time.Time   // mu; until when
	doubts  map[hash]time.Time   // mu; known ones that the upstream has to be asked about, and when
}

// knownToken is immutable but for what it is allowed to see.
type knownToken struct {
	*token.Token

	secret      string        // empty: of an earlier run, and not used yet
	trusted     bool          // by configuration: the upstream is not asked
	earlier     bool          // an earlier run says so, not yet the upstream
	confirmedAt time.Time     // when the upstream said so last
	admitted    atomic.Uint64 // the generation of feeds that brings all it sees; see admission
	used        atomic.Bool   // since Tokens.uses was asked last
}

// confirmed is the same, as of now.
func (k *knownToken) confirmed(now time.Time) *knownToken {
	same := &knownToken{Token: k.Token, secret: k.secret, confirmedAt: now}
	same.admitted.Store(k.admitted.Load())
	same.used.Store(k.used.Load())
	return same
}

// peek returns what is known of a secret, or nil.
func (t *Tokens) peek(secret string) *knownToken {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.known[token.Hash(secret)]
}

func newTokens(ask func(context.Context, []string) (map[string]*token.Token, error), logger *slog.Logger) *Tokens {
	return &Tokens{
		ask: ask, now: time.Now, logger: logger.With("component", "tokens"), changed: func(string, bool) {},
		slots: make(chan struct{}, maxQuestions), known: map[hash]*knownToken{}, unknown: map[hash]time.Time{},
		doubts: map[hash]time.Time{}, doubted: make(chan struct{}, 1), news: newNews(),
	}
}

// trust makes a token known for good.
func (t *Tokens) trust(secret string, as *token.Token) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.known[token.Hash(secret)] = &knownToken{Token: as, secret: secret, trusted: true}
}

// recall makes a token known from an earlier run, unless it is known from now.
func (t *Tokens) recall(sum hash, as *token.Token, confirmedAt time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known[sum] == nil {
		t.known[sum] = &knownToken{Token: as, earlier: true, confirmedAt: confirmedAt}
		t.news.note(sum, watchNew)
	}
}

// Token implements api.Tokens.
func (t *Tokens) Token(ctx context.Context, secret string) (*token.Token, error) {
	known, err := t.find(ctx, secret)
	if err != nil {
		return nil, err
	}
	return known.Token, nil
}

func (t *Tokens) find(ctx context.Context, secret string) (*knownToken, error) {
	sum := token.Hash(secret)
	t.mu.RLock()
	known, until := t.known[sum], t.unknown[sum]
	t.mu.RUnlock()
	switch {
	case known != nil && !known.earlier:
		return known, nil
	case len(secret) > maxSecretBytes || t.now().Before(until):
		return nil, errUnknownToken()
	case t.unreachable() && known != nil:
		return t.adopt(sum, secret, known), nil
	case t.unreachable():
		return nil, fault.New(fault.Unavailable, "The upstream cannot be asked about the token at the moment. Try again.")
	}
	result := t.lookups.DoChan(string(sum[:]), func() (any, error) { return t.lookup(sum, secret) })
	select {
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "The token cannot be checked at the moment. Try again.")
	case r := <-result:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*knownToken), nil
	}
}

func errUnknownToken() error { return fault.New(fault.Unauthenticated, "The token is not known.") }

func (t *Tokens) unreachable() bool {
	at := t.failedAt.Load()
	ago := t.now().Sub(time.Unix(0, at))
	return at != 0 && ago >= 0 && ago < unreachableFor // less than nothing: the clock was set back
}

// adopt notes the secret of a token of an earlier run, so that the upstream can be asked about it later.
func (t *Tokens) adopt(sum hash, secret string, known *knownToken) *knownToken {
	t.mu.Lock()
	defer t.mu.Unlock()
	if newer := t.known[sum]; newer != nil && newer.secret == "" {
		known = &knownToken{Token: known.Token, secret: secret, earlier: known.earlier, confirmedAt: known.confirmedAt}
		t.known[sum] = known
	} else if newer != nil {
		return newer
	}
	return known
}

// lookup asks the upstream about one secret. It runs apart from any request, so that a caller who leaves does not fail the
// others who wait for the same secret.
func (t *Tokens) lookup(sum hash, secret string) (*knownToken, error) {
	t.mu.RLock()
	known, until := t.known[sum], t.unknown[sum]
	t.mu.RUnlock()
	switch { // the question before this one may have been the same
	case known != nil && !known.earlier:
		return known, nil
	case t.now().Before(until):
		return nil, errUnknownToken()
	}
	ctx, cancel := context.WithTimeout(context.Background(), validateTimeout)
	defer cancel()
	select {
	case t.slots <- struct{}{}:
		defer func() { <-t.slots }()
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "Too many unknown tokens are being checked. Try again.")
	}
	err := t.check(ctx, []string{secret})
	t.mu.RLock()
	known = t.known[sum]
	t.mu.RUnlock()
	switch {
	case known != nil && err != nil: // of an earlier run
		return t.adopt(sum, secret, known), nil
	case known != nil:
		return known, nil
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, err, "The upstream cannot be asked about the token at the moment. Try again.")
	}
	return nil, errUnknownToken()
}

// check asks the upstream about secrets and notes what it says. After an error nothing is noted.
func (t *Tokens) check(ctx context.Context, secrets []string) error {
	valid, err := t.ask(ctx, secrets)
	if err != nil {
		t.failedAt.Store(t.now().UnixNano())
		return err
	}
	t.failedAt.Store(0)
	type change struct {
		id      string
		revoked bool
	}
	var changes []change
	t.mu.Lock()
	for _, secret := range secrets {
		sum := token.Hash(secret)
		before, now := t.known[sum], valid[secret]
		switch {
		case before != nil && before.trusted:
		case now != nil:
			if before != nil && !before.earlier && before.Kind == now.Kind && before.Scope.Key() == now.Scope.Key() {
				t.known[sum] = before.confirmed(t.now())
				continue
			}
			if before == nil && len(t.known) >= maxKnown {
				continue // checked anew each time
			}
			t.known[sum] = &knownToken{Token: now, secret: secret, confirmedAt: t.now()}
			delete(t.unknown, sum)
			t.news.note(sum, watchNew)
			if before != nil && (before.Kind != now.Kind || before.Scope.Key() != now.Scope.Key()) {
				changes = append(changes, change{now.ID, false})
			}
		default:
			if before != nil {
				t.news.note(sum, unwatch)
				changes = append(changes, change{before.ID, true})
			}
			t.forget(sum)
		}
	}
	t.mu.Unlock()
	for _, c := range changes {
		t.tell(c.id, c.revoked)
	}
	return nil
}

// revalidate asks about every token in use again.
func (t *Tokens) revalidate(ctx context.Context, only func(*knownToken) bool) error {
	var secrets []string
	t.mu.RLock()
	for _, known := range t.known {
		if !known.trusted && known.secret != "" && only(known) {
			secrets = append(secrets, known.secret)
		}
	}
	t.mu.RUnlock()
	for len(secrets) > 0 {
		n := min(len(secrets), maxAsked)
		if err := t.check(ctx, secrets[:n]); err != nil {
			return fmt.Errorf("revalidate tokens: %w", err)
		}
		secrets = secrets[n:]
	}
	return nil
}

// run asks about the tokens in use at every interval, and more often about those that only an earlier run knows, until ctx
// is done.
func (t *Tokens) run(ctx context.Context, interval time.Duration) error {
	all, soon := time.NewTicker(interval), time.NewTicker(unknownFor)
	defer all.Stop()
	defer soon.Stop()
	doubt := time.NewTimer(time.Hour)
	defer doubt.Stop()
	for {
		var err error
		doubt.Reset(t.untilDoubt())
		select {
		case <-ctx.Done():
			return nil
		case <-all.C:
			err = t.revalidate(ctx, func(*knownToken) bool { return true })
		case <-soon.C:
			err = t.revalidate(ctx, func(known *knownToken) bool { return known.earlier })
		case <-t.doubted:
		case <-doubt.C:
			err = t.resolve(ctx)
		}
		if err != nil && ctx.Err() == nil && !errors.Is(err, errNoValidation) {
			t.logger.Warn("tokens could not be checked; they count on", "err", err)
		}
	}
}

// each calls see for every token that is valid by the upstream's word.
func (t *Tokens) each(see func(sum hash, known *knownToken)) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for sum, known := range t.known {
		if !known.trusted {
			see(sum, known)
		}
	}
}

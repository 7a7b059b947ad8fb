package edge

import (
	"context"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/token"
)

const (
	// doubtDelay is after what time the upstream is asked about a token of which the link says that it is not known: it may
	// be too new for the node at the other end.
	doubtDelay = time.Second

	// doubtRetry is when it is asked again after it could not be asked.
	doubtRetry = 10 * time.Second
)

// news is what Tokens and a link have to tell each other: which tokens the link has to watch, and what becomes of them. All
// methods are safe for concurrent use.
type news struct {
	rang   chan struct{} // holds one when there is something to take
	tokens *Tokens       // nil: nobody wants to know

	mu      sync.Mutex
	pending map[hash]wish // mu
}

// wish is what a link is to do about a token.
type wish int

const (
	unwatch  wish = iota
	watchNew      // and say at once if it is not what it is known as
	watchOn       // the upstream has just said what it is, in other words perhaps than the link would
)

func newNews() *news { return &news{rang: make(chan struct{}, 1), pending: map[hash]wish{}} }

// follow has the news tell of the tokens. Call it before either is used.
func (t *Tokens) follow(n *news) { t.news, n.tokens = n, t }

// note says what is to be done about a token.
func (n *news) note(sum hash, w wish) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.pending) >= maxKnown { // there is no link; when one comes, it asks for all
		clear(n.pending)
	}
	n.pending[sum] = w
	select {
	case n.rang <- struct{}{}:
	default: // it will be taken
	}
}

// take returns which tokens are to be watched, and which no more, since the last time, as frames name them.
func (n *news) take() (watch, gone []string) {
	n.mu.Lock()
	pending := n.pending
	n.pending = map[hash]wish{}
	n.mu.Unlock()
	for sum, wanted := range pending {
		known, found := n.tokens.ByHash(sum)
		switch {
		case wanted == unwatch:
			gone = append(gone, link.Watched(sum, nil))
		case found && wanted == watchNew:
			watch = append(watch, link.Watched(sum, known))
		case found:
			watch = append(watch, link.Watched(sum, nil))
		}
	}
	return watch, gone
}

// all returns every token to be watched.
func (n *news) all() (watch []string) {
	if n.tokens == nil {
		return nil
	}
	n.take()
	n.tokens.each(func(sum hash, known *knownToken) { watch = append(watch, link.Watched(sum, known.Token)) })
	return watch
}

// told takes in what the link says of a token.
func (n *news) told(text string, state link.TokenState) {
	raw, err := hex.DecodeString(text)
	if n.tokens == nil || err != nil || len(raw) != len(hash{}) {
		return
	}
	switch sum := hash(raw); state {
	case link.Revoked, link.Expired:
		n.tokens.revoke(sum)
	case link.Changed:
		n.tokens.doubt(sum, 0)
	case link.Unknown:
		n.tokens.doubt(sum, doubtDelay)
	}
}

// doubt has the upstream asked about a secret.
func (n *news) doubt(secret string) {
	if n.tokens != nil {
		n.tokens.doubt(token.Hash(secret), 0)
	}
}

// ByHash returns what is known of the token whose secret has that SHA-256 sum, without asking.
func (t *Tokens) ByHash(sum [32]byte) (*token.Token, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	known := t.known[sum]
	if known == nil {
		return nil, false
	}
	return known.Token, true
}

// revoke ends a token by the upstream's word.
func (t *Tokens) revoke(sum hash) {
	t.mu.Lock()
	before := t.known[sum]
	if before == nil || before.trusted {
		t.mu.Unlock()
		return
	}
	t.forget(sum)
	t.mu.Unlock()
	t.tell(before.ID, true)
}

// forget makes a token unknown. The caller holds mu.
func (t *Tokens) forget(sum hash) {
	delete(t.known, sum)
	delete(t.doubts, sum)
	if len(t.unknown) >= maxUnknown {
		clear(t.unknown)
	}
	t.unknown[sum] = t.now().Add(unknownFor)
}

func (t *Tokens) tell(id string, revoked bool) {
	t.logger.Info("the upstream says otherwise of a token now", "token", id, "revoked", revoked)
	t.changed(id, revoked)
}

// doubt has the upstream asked about a token after some time. One whose secret has not been used yet is forgotten instead:
// it is asked about when it is.
func (t *Tokens) doubt(sum hash, after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.unknown, sum)
	known := t.known[sum]
	switch {
	case known == nil || known.trusted:
		return
	case known.secret == "":
		delete(t.known, sum)
		return
	}
	t.doubts[sum] = t.now().Add(after)
	select {
	case t.doubted <- struct{}{}:
	default: // it is looked at soon
	}
}

// untilDoubt is when the next doubt is due.
func (t *Tokens) untilDoubt() time.Duration {
	t.mu.RLock()
	defer t.mu.RUnlock()
	next := time.Hour
	for _, due := range t.doubts {
		next = min(next, due.Sub(t.now()))
	}
	return next
}

// resolve asks about the tokens in doubt. Those that are what they were are watched on.
func (t *Tokens) resolve(ctx context.Context) error {
	var secrets []string
	t.mu.Lock()
	for sum, due := range t.doubts {
		if t.now().Before(due) || len(secrets) == maxAsked {
			continue
		}
		delete(t.doubts, sum)
		if known := t.known[sum]; known != nil && known.secret != "" {
			secrets = append(secrets, known.secret)
		}
	}
	t.mu.Unlock()
	if len(secrets) == 0 {
		return nil
	}
	if err := t.check(ctx, secrets); err != nil {
		for _, secret := range secrets {
			t.doubt(token.Hash(secret), doubtRetry)
		}
		return fmt.Errorf("ask about tokens in doubt: %w", err)
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	for _, secret := range secrets {
		if sum := token.Hash(secret); t.known[sum] != nil {
			t.news.note(sum, watchOn)
		}
	}
	return nil
}

package apitoken

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/singleflight"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/token"
)

const (
	// unknownFor is how long a secret that was not found is not looked up again, unless a token changes meanwhile.
	unknownFor = 10 * time.Second

	// maxUnknown bounds how many such secrets are remembered.
	maxUnknown = 10_000

	// maxLookups bounds the database queries that unknown secrets may cause at the same time.
	maxLookups = 4

	// queryTimeout bounds each query of the cache.
	queryTimeout = 5 * time.Second

	// flushInterval is how often last-seen times are stored; expiryInterval, how often expired tokens are looked for;
	// reloadInterval, how often everything is read again in case a change was missed.
	flushInterval  = 30 * time.Second
	expiryInterval = time.Second
	reloadInterval = 5 * time.Minute
)

// Cache holds every token in memory, by the hash of its secret. It implements api.Tokens. All methods are safe for
// concurrent use; OnRevoked comes before everything else, Load before Token.
type Cache struct {
	db        queries.DBTX
	logger    *slog.Logger
	now       func() time.Time
	onRevoked []func(tokenID string, reason Reason)

	index   atomic.Pointer[index]
	lookups singleflight.Group
	slots   chan struct{}

	refreshing sync.Mutex // held by the one refresh that is under way; taken before mu

	mu         sync.Mutex
	generation uint64 // rises when a refresh begins and when it ends: a lookup across either is not stored
	unknown    map[hash]time.Time
	reload     bool // a refresh failed: read everything again
}

type hash = [sha256.Size]byte

// index is immutable; its entries' counters are not.
type index struct {
	bySecret map[hash]*entry
	byID     map[int64]*entry
}

type entry struct {
	id      int64
	token   *token.Token
	secrets []hash       // of the secret and of the alias
	seen    atomic.Int64 // seconds since 1970; 0: not since the server started
	stored  atomic.Int64 // what of seen is in the database
}

// NewCache makes a cache over db, usually a pool.
func NewCache(db queries.DBTX, logger *slog.Logger) *Cache {
	c := &Cache{db: db, logger: logger, now: time.Now, slots: make(chan struct{}, maxLookups), unknown: map[hash]time.Time{}}
	c.index.Store(newIndex(nil))
	return c
}

// Token implements api.Tokens. Known tokens cost no query. A secret that is not known may have been created on another
// server a moment ago, so the database is asked once.
func (c *Cache) Token(ctx context.Context, secret string) (*token.Token, error) {
	known, err := c.find(ctx, secret)
	if err != nil {
		return nil, err
	}
	return known.use(c.now())
}

// Asked is a Cache for those who ask what a token is: it does not count as used by that. It implements api.Tokens.
type Asked struct{ *Cache }

// Token is Cache.Token.
func (a Asked) Token(ctx context.Context, secret string) (*token.Token, error) {
	known, err := a.find(ctx, secret)
	if err != nil {
		return nil, err
	}
	if known.token.Expired(a.now()) {
		return nil, errUnknown()
	}
	return known.token, nil
}

func (c *Cache) find(ctx context.Context, secret string) (*entry, error) {
	key := token.Hash(secret)
	if known, ok := c.index.Load().bySecret[key]; ok {
		return known, nil
	}
	if !storable(secret) || c.isUnknown(key, c.now()) {
		return nil, errUnknown()
	}
	result := c.lookups.DoChan(string(key[:]), func() (any, error) { return c.lookup(secret, key) })
	select {
	case <-ctx.Done():
		return nil, fault.Wrap(fault.Unavailable, ctx.Err(), "The token cannot be checked at the moment. Try again.")
	case r := <-result:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*entry), nil
	}
}

// storable reports whether the database could hold secret at all. A question about any other would fail, which would look
// as if the database could not be reached.
func storable(secret string) bool {
	return utf8.ValidString(secret) && strings.IndexByte(secret, 0) < 0
}

func errUnknown() error { return fault.New(fault.Unauthenticated, "The token is not known.") }

func (e *entry) use(now time.Time) (*token.Token, error) {
	if e.token.Expired(now) {
		return nil, errUnknown()
	}
	if seconds := now.Unix(); e.seen.Load() != seconds {
		e.seen.Store(seconds)
	}
	return e.token, nil
}

// ByHash returns the valid token whose secret has that SHA-256 sum, if it is known here. To ask is no use of the token.
func (c *Cache) ByHash(sum hash) (*token.Token, bool) {
	known, ok := c.index.Load().bySecret[sum]
	if !ok || known.token.Expired(c.now()) {
		return nil, false
	}
	return known.token, true
}

// Seen notes that tokens, by the hashes of their secrets, were used elsewhere: at an edge. Unknown ones are left out; nothing
// is looked up.
func (c *Cache) Seen(hashes [][sha256.Size]byte) {
	now := c.now()
	bySecret := c.index.Load().bySecret
	for _, hash := range hashes {
		if known, ok := bySecret[hash]; ok {
			_, _ = known.use(now) // an expired one is not in use
		}
	}
}

func (c *Cache) isUnknown(key hash, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.unknown[key]
	return ok && now.Before(until)
}

// lookup asks the database for one secret. It runs apart from any request, so that a caller who leaves does not fail the
// others who wait for the same secret.
func (c *Cache) lookup(secret string, key hash) (*entry, error) {
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
	defer cancel()
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "Too many unknown tokens are being checked. Try again.")
	}
	c.mu.Lock()
	generation := c.generation
	c.mu.Unlock()

	row, err := q.APITokenGetBySecret(ctx, c.db, queries.APITokenGetBySecretParams{SecretHash: key[:], Secret: secret})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		c.rememberUnknown(key, generation)
		return nil, errUnknown()
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, err, "The token cannot be checked at the moment. Try again.")
	}
	found := newEntry(Row(row))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation == generation { // else it may have been revoked since: good for this request only
		c.index.Store(c.index.Load().with(nil, []*entry{found}))
	}
	return found, nil
}

func (c *Cache) rememberUnknown(key hash, generation uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation != generation {
		return
	}
	if len(c.unknown) >= maxUnknown {
		clear(c.unknown)
	}
	c.unknown[key] = c.now().Add(unknownFor)
}

// Load reads every token. It is called before the server accepts requests, and fails when it cannot.
func (c *Cache) Load(ctx context.Context) error { return c.Refresh(ctx, nil) }

// Refresh reads the tokens with those ids again, or all of them for nil. When it returns nil, tokens revoked before it
// was called are dead. When it fails for some ids, those are forgotten, so that the database is asked for them when they
// are next used, and Run tries again.
func (c *Cache) Refresh(ctx context.Context, ids []string) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	numbers, err := parseIDs(ids)
	if err != nil {
		return err
	}
	c.refreshing.Lock()
	defer c.refreshing.Unlock()
	c.mu.Lock()
	c.generation++
	clear(c.unknown)
	c.mu.Unlock()

	rows, err := q.APITokenList(ctx, c.db, queries.APITokenListParams{Ids: numbers})
	if err != nil {
		c.publish(func(before *index) *index { return before.with(numbers, nil) }, true, Changed)
		return fault.Wrap(fault.Unavailable, err, "The tokens cannot be read at the moment.")
	}
	entries := make([]*entry, len(rows))
	for i, row := range rows {
		entries[i] = newEntry(row)
	}
	if numbers == nil {
		c.publish(func(before *index) *index { return newIndex(entries).inherit(before) }, false, Revoked)
	} else {
		c.publish(func(before *index) *index { return before.with(numbers, entries) }, c.needsReload(), Revoked)
	}
	return nil
}

// publish makes what next returns the index and announces the difference; missing says what it means that a token is no
// more in the index.
func (c *Cache) publish(next func(before *index) *index, reload bool, missing Reason) {
	c.mu.Lock()
	before := c.index.Load()
	after := next(before)
	c.generation++
	c.reload = reload
	c.index.Store(after)
	c.mu.Unlock()
	c.announce(before, after, missing)
}

func parseIDs(ids []string) ([]int64, error) {
	if ids == nil {
		return nil, nil
	}
	numbers := make([]int64, len(ids))
	for i, id := range ids {
		number, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("token id %q: %w", id, err)
		}
		numbers[i] = number
	}
	return numbers, nil
}

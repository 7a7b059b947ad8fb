package apitoken_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/apitoken"
	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/token"
)

// meter counts the queries to a database and fails them on demand.
type meter struct {
	queries.DBTX
	count atomic.Int64
	down  atomic.Bool
}

func (m *meter) note() error {
	m.count.Add(1)
	if m.down.Load() {
		return &pgconn.ConnectError{}
	}
	return nil
}

func (m *meter) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := m.note(); err != nil {
		return pgconn.CommandTag{}, err
	}
	return m.DBTX.Exec(ctx, sql, args...)
}

func (m *meter) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := m.note(); err != nil {
		return nil, err
	}
	return m.DBTX.Query(ctx, sql, args...)
}

type failedRow struct{ err error }

func (r failedRow) Scan(...any) error { return r.err }

func (m *meter) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := m.note(); err != nil {
		return failedRow{err}
	}
	return m.DBTX.QueryRow(ctx, sql, args...)
}

// bench is a loaded cache over a database of its own.
type bench struct {
	*dbtest.Database
	meter   *meter
	cache   *apitoken.Cache
	revoked []string
	mu      sync.Mutex
}

func newBench(t *testing.T) *bench {
	t.Helper()
	d := dbtest.New(t)
	b := &bench{Database: d, meter: &meter{DBTX: d.Pool}}
	b.cache = apitoken.NewCache(b.meter, slog.New(slog.DiscardHandler))
	b.cache.OnRevoked(func(id string, reason apitoken.Reason) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.revoked = append(b.revoked, map[apitoken.Reason]string{
			apitoken.Revoked: "", apitoken.Expired: "expired ", apitoken.Changed: "changed ",
		}[reason]+id)
	})
	require.NoError(t, b.cache.Load(t.Context()))
	return b
}

// create stores a token as another server would: the cache is not told.
func (b *bench) create(t *testing.T, n apitoken.New) (id, secret string) {
	t.Helper()
	ctx := access.WithActor(t.Context(), access.System())
	require.NoError(t, db.InTx(ctx, b.Pool, func(tx pgx.Tx) error {
		row, err := apitoken.Create(ctx, tx, n)
		if err == nil {
			id, secret = fmt.Sprint(row.ID), *row.Secret
		}
		return err
	}))
	return id, secret
}

func (b *bench) sql(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := b.Pool.Exec(t.Context(), statement, args...)
	require.NoError(t, err)
}

func (b *bench) closed() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.revoked, ",")
}

var clientToken = apitoken.New{Name: "t", Kind: token.Client, Projects: []string{"default"}}

func TestCache(t *testing.T) {
	t.Parallel()

	t.Run("AnswersKnownTokensWithoutQueries", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		id, secret := b.create(t, clientToken)
		require.NoError(t, b.cache.Refresh(t.Context(), []string{id}))
		before := b.meter.count.Load()
		for range 100 {
			known, err := b.cache.Token(t.Context(), secret)
			require.NoError(t, err)
			require.Equal(t, id, known.ID)
			require.Equal(t, token.Client, known.Kind)
			require.Equal(t, token.NewScope("development", "default"), known.Scope)
		}
		require.Equal(t, before, b.meter.count.Load())
	})
	t.Run("FindsTokensOfOtherServersBeforeItIsTold", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		_, secret := b.create(t, clientToken)
		var group errgroup.Group
		before := b.meter.count.Load()
		for range 20 {
			group.Go(func() error { _, err := b.cache.Token(t.Context(), secret); return err })
		}
		require.NoError(t, group.Wait())
		require.LessOrEqual(t, b.meter.count.Load()-before, int64(2), "those who ask at once share a query")
	})
	t.Run("AsksOnceForUnknownSecretsUntilATokenChanges", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		before := b.meter.count.Load()
		for range 10 {
			_, err := b.cache.Token(t.Context(), "default:development.other")
			require.True(t, fault.Is(err, fault.Unauthenticated))
		}
		require.Equal(t, int64(1), b.meter.count.Load()-before)
		require.NoError(t, b.cache.Refresh(t.Context(), []string{"99"}))
		before = b.meter.count.Load()
		_, err := b.cache.Token(t.Context(), "default:development.other")
		require.True(t, fault.Is(err, fault.Unauthenticated))
		require.Equal(t, int64(1), b.meter.count.Load()-before)
	})
	t.Run("KnowsWithoutAskingThatNoTokenIsSpeltInBytesTheDatabaseCannotHold", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		before := b.meter.count.Load()
		for _, secret := range []string{"\xff\xfe", "default:development.\xc3(", "default:development.a\x00b"} {
			_, err := b.cache.Token(t.Context(), secret)
			require.True(t, fault.Is(err, fault.Unauthenticated), "%v", err)
		}
		require.Equal(t, before, b.meter.count.Load())
	})
	t.Run("KnowsByTheHashWhatItWillSayTheEndOf", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		id, secret := b.create(t, clientToken)
		_, known := b.cache.ByHash(token.Hash(secret))
		require.False(t, known, "nobody has used it yet")
		_, err := b.cache.Token(t.Context(), secret)
		require.NoError(t, err)
		before := b.meter.count.Load()
		found, known := b.cache.ByHash(token.Hash(secret))
		require.True(t, known)
		require.Equal(t, id, found.ID)

		b.sql(t, `UPDATE api_tokens SET expires_at = now() - interval '1 second' WHERE id = $1`, id)
		require.NoError(t, b.cache.Refresh(t.Context(), []string{id}))
		_, known = b.cache.ByHash(token.Hash(secret))
		require.False(t, known)
		require.Equal(t, "expired "+id, b.closed())
		require.Equal(t, int64(1), b.meter.count.Load()-before, "to ask costs no query")
	})
	t.Run("ForgetsRevokedTokensAndSaysSo", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		id, secret := b.create(t, clientToken)
		other, _ := b.create(t, clientToken)
		require.NoError(t, b.cache.Load(t.Context()))
		b.sql(t, `DELETE FROM api_tokens WHERE id = $1::bigint`, id)
		require.NoError(t, b.cache.Refresh(t.Context(), []string{id}))
		_, err := b.cache.Token(t.Context(), secret)
		require.True(t, fault.Is(err, fault.Unauthenticated))
		require.Equal(t, id, b.closed())
		b.sql(t, `DELETE FROM api_tokens`)
		require.NoError(t, b.cache.Refresh(t.Context(), nil))
		require.Equal(t, id+","+other, b.closed(), "also when everything is read again")
	})
	t.Run("SaysWhenATokenComesToSeeSomethingElse", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		id, secret := b.create(t, clientToken)
		require.NoError(t, b.cache.Load(t.Context()))
		b.sql(t, `UPDATE api_tokens SET name = 'renamed' WHERE id = $1::bigint`, id)
		require.NoError(t, b.cache.Refresh(t.Context(), []string{id}))
		require.Empty(t, b.closed(), "a name is nothing it sees")
		b.sql(t, `DELETE FROM api_token_projects WHERE token_id = $1::bigint`, id)
		require.NoError(t, b.cache.Refresh(t.Context(), []string{id}))
		require.Equal(t, "changed "+id, b.closed())
		known, err := b.cache.Token(t.Context(), secret)
		require.NoError(t, err)
		require.False(t, known.Scope.Sees("default"))
		b.sql(t, `UPDATE api_tokens SET expires_at = now() + interval '1 day' WHERE id = $1::bigint`, id)
		require.NoError(t, b.cache.Refresh(t.Context(), []string{id}))
		require.Equal(t, "changed "+id+",changed "+id, b.closed())
		b.sql(t, `UPDATE api_tokens SET expires_at = now() WHERE id = $1::bigint`, id)
		require.NoError(t, b.cache.Refresh(t.Context(), []string{id}))
		require.Equal(t, "changed "+id+",changed "+id+",expired "+id, b.closed())
	})
	t.Run("RefusesExpiredTokens", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		past := time.Now().Add(-time.Second)
		n := clientToken
		n.ExpiresAt = &past
		_, secret := b.create(t, n)
		for range 2 { // looked up, then known
			_, err := b.cache.Token(t.Context(), secret)
			require.True(t, fault.Is(err, fault.Unauthenticated))
		}
	})
	t.Run("AcceptsAnAlias", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		id, _ := b.create(t, clientToken)
		b.sql(t, `UPDATE api_tokens SET alias = 'legacy-proxy-key' WHERE id = $1::bigint`, id)
		for range 2 {
			known, err := b.cache.Token(t.Context(), "legacy-proxy-key")
			require.NoError(t, err)
			require.Equal(t, id, known.ID)
			require.NoError(t, b.cache.Load(t.Context()))
		}
	})
	t.Run("IsUnavailableRatherThanWrongWithoutADatabase", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		id, secret := b.create(t, clientToken)
		require.NoError(t, b.cache.Load(t.Context()))
		b.meter.down.Store(true)
		_, err := b.cache.Token(t.Context(), secret)
		require.NoError(t, err, "a known token needs no database")
		_, err = b.cache.Token(t.Context(), "default:development.other")
		require.True(t, fault.Is(err, fault.Unavailable))
		require.True(t, fault.Is(b.cache.Refresh(t.Context(), []string{id}), fault.Unavailable))
		_, err = b.cache.Token(t.Context(), secret)
		require.True(t, fault.Is(err, fault.Unavailable), "what changed is not trusted any more")
		require.Equal(t, "changed "+id, b.closed(), "it may be valid still: clients shall come back and see")
		b.meter.down.Store(false)
		_, err = b.cache.Token(t.Context(), secret)
		require.NoError(t, err)
	})
	t.Run("NeverRevivesARevokedToken", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		for range 20 {
			id, secret := b.create(t, clientToken)
			var group errgroup.Group
			group.Go(func() error { _, _ = b.cache.Token(t.Context(), secret); return nil })
			b.sql(t, `DELETE FROM api_tokens WHERE id = $1::bigint`, id)
			require.NoError(t, b.cache.Refresh(t.Context(), []string{id}))
			require.NoError(t, group.Wait())
			_, err := b.cache.Token(t.Context(), secret)
			require.True(t, fault.Is(err, fault.Unauthenticated))
		}
	})
	t.Run("StoresWhenTokensWereSeenWithoutTellingReplicas", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		id, secret := b.create(t, clientToken)
		var before, after, seen int64
		require.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT count(*) FROM change_log`).Scan(&before))
		_, err := b.cache.Token(t.Context(), secret)
		require.NoError(t, err)
		require.NoError(t, b.cache.Load(t.Context()), "a refresh does not lose what is not stored yet")
		require.NoError(t, b.cache.Flush(t.Context()))
		require.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT extract(epoch FROM last_seen_at)::bigint FROM api_token_last_seen WHERE token_id = $1::bigint`,
			id).Scan(&seen))
		require.InDelta(t, time.Now().Unix(), seen, 60)
		require.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT count(*) FROM change_log`).Scan(&after))
		require.Equal(t, before, after)
		queries := b.meter.count.Load()
		require.NoError(t, b.cache.Flush(t.Context()))
		require.Equal(t, queries, b.meter.count.Load(), "nothing new, nothing stored")
	})
	t.Run("StoresThatTokensWereSeenAtAnEdgeWithoutLookingThemUp", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		_, secret := b.create(t, clientToken)
		require.NoError(t, b.cache.Load(t.Context()))
		queries := b.meter.count.Load()
		_, err := apitoken.Asked{Cache: b.cache}.Token(t.Context(), secret)
		require.NoError(t, err)
		require.NoError(t, b.cache.Flush(t.Context()))
		require.Equal(t, queries, b.meter.count.Load(), "who asks what a token is does not use it")
		b.cache.Seen([][32]byte{token.Hash("nonsense"), token.Hash(secret)})
		require.Equal(t, queries, b.meter.count.Load())
		require.NoError(t, b.cache.Flush(t.Context()))
		var seen int
		require.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT count(*) FROM api_token_last_seen`).Scan(&seen))
		require.Equal(t, 1, seen)
	})
	t.Run("AnnouncesTokensThatExpireWhileRunning", func(t *testing.T) {
		t.Parallel()
		b := newBench(t)
		soon := time.Now().Add(1500 * time.Millisecond)
		n := clientToken
		n.ExpiresAt = &soon
		id, secret := b.create(t, n)
		require.NoError(t, b.cache.Load(t.Context()))
		_, err := b.cache.Token(t.Context(), secret)
		require.NoError(t, err)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- b.cache.Run(ctx) }()
		require.Eventually(t, func() bool { return b.closed() == "expired "+id }, 30*time.Second, 20*time.Millisecond)
		stop()
		require.NoError(t, <-done)
		var seen int
		require.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT count(*) FROM api_token_last_seen`).Scan(&seen))
		require.Equal(t, 1, seen, "stopping stores what is left")
	})
}

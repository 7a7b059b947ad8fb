package usage

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/usage"
)

// cut says what a connection does with the next COMMIT.
type cut int32

const (
	pass   cut = iota // nothing special
	before            // the connection is lost before it
	after             // the connection is lost after it was sent, before the answer
)

// line is a network connection to PostgreSQL that is lost at COMMIT.
type line struct {
	net.Conn

	next *atomic.Int32
	lost bool
}

var errLost = errors.New("connection lost")

func (l *line) Write(p []byte) (int, error) {
	if next := cut(l.next.Load()); next != pass && bytes.Contains(p, []byte("commit\x00")) {
		l.next.Store(int32(pass))
		l.lost = true
		if next == after {
			_, _ = l.Conn.Write(p)
			_, _ = l.Read(make([]byte, 1)) // it has committed
		}
		_ = l.Close()
	}
	if l.lost {
		return 0, errLost
	}
	return l.Conn.Write(p)
}

func newCutFlusher(t *testing.T) (*Flusher, *dbtest.Database, *atomic.Int32) {
	t.Helper()
	database := dbtest.New(t)
	next := new(atomic.Int32)
	config, err := pgxpool.ParseConfig(database.DSN)
	require.NoError(t, err)
	config.MaxConns = 1
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		var dialer net.Dialer
		conn, err := dialer.DialContext(ctx, network, address)
		return &line{Conn: conn, next: next}, err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return &Flusher{Buffer: usage.NewBuffer(), Pool: pool, Logger: slog.New(slog.DiscardHandler)}, database, next
}

func TestFlushCountsOnceThoughCommitIsNotAnswered(t *testing.T) {
	t.Parallel()
	key := usage.Key{Feature: "f", App: "shop", Environment: "development", Hour: usage.Hour(time.Now())}
	for name, where := range map[string]cut{"committed": after, "not committed": before} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flusher, database, next := newCutFlusher(t)
			flusher.Buffer.Count(key, usage.Count{Yes: 1})
			next.Store(int32(where))
			require.Error(t, flusher.Flush(t.Context()))
			require.NotEmpty(t, flusher.doubt.transaction)
			flusher.Buffer.Count(key, usage.Count{Yes: 2})
			require.Eventually(t, func() bool { return flusher.Flush(t.Context()) == nil }, 30*time.Second, 10*time.Millisecond)
			var yes int64
			require.NoError(t, database.Pool.QueryRow(t.Context(), `SELECT yes FROM client_metrics`).Scan(&yes))
			require.Equal(t, int64(3), yes)
			require.True(t, flusher.Buffer.Take().Empty())
		})
	}
}

func TestFlushGivesUpOnABatchThatADifferentDatabaseKnowsNothingOf(t *testing.T) {
	t.Parallel()
	flusher, _ := newFlusher(t)
	flusher.doubt = doubt{transaction: "4000000000000"}
	require.NoError(t, flusher.Flush(t.Context()))
	require.Empty(t, flusher.doubt.transaction)
}

func TestImpactMetricsDoNotWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	flusher, _ := newFlusher(t)
	flusher.Impact = usage.NewImpact()
	flusher.Buffer.Measure(usage.Series{Name: "n"}, usage.Measurement{Kind: usage.Counter, Value: 1})
	flusher.Buffer.Count(usage.Key{Feature: "f"}, usage.Count{Yes: 1})
	flusher.Pool.Close()
	for range 2 {
		require.Error(t, flusher.Flush(t.Context()))
	}
	require.InDelta(t, 1, flusher.Impact.Families()[0].Series[0].Measured.Value, 0, "added once")
}

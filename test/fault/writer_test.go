//go:build unix

package fault

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
)

const (
	flags      = 16 // that are always there, named flag-0 and so on
	writeEvery = 30 * time.Millisecond
	history    = 1_000_000 // what counters of a later history begin at
)

// counters are how often each flag was changed, by its name. The counter of a flag is the payload of its only variant.
type counters map[string]int

// writer changes flags with SQL all the time: counters, a segment, and flags that come and go.
type writer struct {
	t        *testing.T
	database *dbtest.Database
	pool     *pgxpool.Pool
	mu       sync.Mutex // held while it writes
	next     counters   // mu
	written  atomic.Int64
	lost     atomic.Int64 // transactions that failed
	random   *rand.Rand   // mu
	churn    int          // mu
}

func newWriter(t *testing.T, database *dbtest.Database) *writer {
	t.Helper()
	w := &writer{t: t, database: database, pool: database.Pool, next: counters{}, random: rand.New(rand.NewPCG(1, 2))}
	_, err := database.Pool.Exec(t.Context(), fmt.Sprintf(`
		INSERT INTO features (name, project) SELECT 'flag-' || n, 'default' FROM generate_series(0, %[1]d) n;
		INSERT INTO feature_environments (feature, environment, enabled)
			SELECT 'flag-' || n, 'development', true FROM generate_series(0, %[1]d) n;
		INSERT INTO feature_strategies (id, feature, environment, strategy_name, parameters, variants)
			SELECT 'strategy-' || n, 'flag-' || n, 'development', 'flexibleRollout',
				'{"rollout":"100","stickiness":"default","groupId":"g"}', '%[2]s'
			FROM generate_series(0, %[1]d) n;
		INSERT INTO segments (id, name, constraints) VALUES (7, 'beta', '[]');
		INSERT INTO feature_strategy_segments (strategy_id, segment_id) VALUES ('strategy-0', 7)`, flags-1, variants(0)),
		pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	for range 20 {
		require.NoError(t, w.write(t.Context()))
	}
	return w
}

func variants(counter int) string {
	return fmt.Sprintf(`[{"name":"v","weight":1000,"weightType":"variable","stickiness":"default","payload":{"type":"string","value":"%d"}}]`, counter)
}

// run writes until ctx is done. That the database is away is part of the test.
func (w *writer) run(ctx context.Context) {
	tick := time.NewTicker(writeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w.mu.Lock()
		err := w.write(ctx)
		w.mu.Unlock()
		if err != nil {
			w.lost.Add(1)
		} else {
			w.written.Add(1)
		}
	}
}

// write is one transaction.
func (w *writer) write(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var statement strings.Builder
	for range 1 + w.random.IntN(3) {
		name := "flag-" + strconv.Itoa(w.random.IntN(flags))
		w.next[name]++
		fmt.Fprintf(&statement, `UPDATE feature_strategies SET variants = '%s' WHERE feature = '%s' AND environment = 'development';`,
			variants(w.next[name]), name)
	}
	switch w.random.IntN(8) {
	case 0:
		fmt.Fprintf(&statement, `UPDATE segments SET constraints = '[{"contextName":"userId","operator":"NOT_IN","values":["%d"]}]' WHERE id = 7;`,
			w.random.IntN(1000))
	case 1:
		w.churn++
		fmt.Fprintf(&statement, `INSERT INTO features (name, project) VALUES ('churn-%[1]d', 'default');
			INSERT INTO feature_environments (feature, environment, enabled) VALUES ('churn-%[1]d', 'development', true);
			UPDATE features SET archived_at = now() WHERE name = 'churn-%[2]d';`, w.churn, w.churn-3)
	}
	_, err := w.pool.Exec(ctx, statement.String(), pgx.QueryExecModeSimpleProtocol) // one transaction
	return err
}

// restart begins a history: every flag is changed, and counters cannot be mistaken for those of before.
func (w *writer) restart() {
	w.t.Helper()
	for n := range flags {
		name := "flag-" + strconv.Itoa(n)
		w.next[name] = history + w.next[name]
	}
	w.churn += history
	for n := range flags {
		name := "flag-" + strconv.Itoa(n)
		_, err := w.pool.Exec(w.t.Context(), fmt.Sprintf(`UPDATE feature_strategies SET variants = '%s' WHERE feature = '%s'`,
			variants(w.next[name]), name), pgx.QueryExecModeSimpleProtocol)
		require.NoError(w.t, err)
	}
}

// truth is what SQL says.
func (w *writer) truth() counters {
	w.t.Helper()
	all := counters{}
	require.Eventually(w.t, func() bool {
		rows, err := w.pool.Query(w.t.Context(), `SELECT feature, (variants -> 0 -> 'payload' ->> 'value')::int
			FROM feature_strategies WHERE environment = 'development' AND feature LIKE 'flag-%'`)
		if err != nil {
			return false
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			var counter int
			if rows.Scan(&name, &counter) != nil {
				return false
			}
			all[name] = counter
		}
		return rows.Err() == nil && len(all) == flags
	}, patience, pollInterval)
	return all
}

// server runs a statement beside the database, as an administrator of the whole server.
func (w *writer) server(statements ...string) {
	w.t.Helper()
	config, err := pgx.ParseConfig(elsewhere(w.t, w.database.DSN, "postgres"))
	require.NoError(w.t, err)
	connection, err := pgx.ConnectConfig(w.t.Context(), config)
	require.NoError(w.t, err)
	defer func() { _ = connection.Close(context.Background()) }()
	for _, statement := range statements {
		_, err := connection.Exec(w.t.Context(), fmt.Sprintf(statement, w.database.Name), pgx.QueryExecModeSimpleProtocol)
		require.NoError(w.t, err, statement)
	}
}

// elsewhere is the URL of another database of the same server.
func elsewhere(t *testing.T, dsn, name string) string {
	t.Helper()
	parsed, err := url.Parse(dsn)
	require.NoError(t, err)
	parsed.Path = "/" + name
	return parsed.String()
}

const (
	lock      = `ALTER DATABASE "%s" ALLOW_CONNECTIONS false`
	unlock    = `ALTER DATABASE "%s" ALLOW_CONNECTIONS true`
	terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '%s'`
	backUp    = `CREATE DATABASE "%[1]s_copy" TEMPLATE "%[1]s"`
	moveAway  = `ALTER DATABASE "%[1]s" RENAME TO "%[1]s_lost"`
	bringBack = `ALTER DATABASE "%[1]s_copy" RENAME TO "%[1]s"`
	drop      = `DROP DATABASE IF EXISTS "%s_lost" WITH (FORCE)`
)

// copyDatabase keeps the database as it is now. Nobody may be connected meanwhile.
func (w *writer) copyDatabase() counters {
	w.t.Helper()
	restored := w.truth()
	w.server(lock, terminate, awaitAlone, backUp, unlock)
	return restored
}

// awaitAlone returns when nobody is connected to the database any more.
const awaitAlone = `DO $$ BEGIN
	FOR i IN 1..500 LOOP
		PERFORM pg_stat_clear_snapshot();
		EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = '%s');
		PERFORM pg_sleep(0.01);
	END LOOP;
END $$`

package dbtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pennonhq/pennon/db"
)

// Writers change flags from many connections at once, with transactions that overlap, touch several flags, dawdle and
// roll back. Each flag's description is a counter that every committed transaction on the flag raises by one: whoever
// follows the flags must never see it fall, and must see its final value in the end.
type Writers struct {
	URL      string  // the database; may lead through PgBouncer in transaction mode
	Count    int     // of connections
	Flags    int     // how many flags there are, named flag-0 and so on, in project default
	Rollback float64 // share of transactions that are rolled back
	Seed     uint64  // of all that is random
}

// Written says what Writers did.
type Written struct {
	Commits   int
	Rollbacks int
	Counters  map[string]int64 // by flag: transactions committed on it
}

// Create makes the flags, each with a strategy in development and production. The counters begin at 0.
func (w Writers) Create(ctx context.Context, d *Database) error {
	_, err := d.Pool.Exec(ctx, fmt.Sprintf(`
		INSERT INTO features (name, project, description) SELECT 'flag-' || n, 'default', '0' FROM generate_series(0, %[1]d) n;
		INSERT INTO feature_environments (feature, environment, enabled)
			SELECT 'flag-' || n, environment, true FROM generate_series(0, %[1]d) n, unnest('{development,production}'::text[]) environment;
		INSERT INTO feature_strategies (id, feature, environment, strategy_name, parameters)
			SELECT environment || n, 'flag-' || n, environment, 'flexibleRollout', '{"rollout": "0"}'
			FROM generate_series(0, %[1]d) n, unnest('{development,production}'::text[]) environment`, w.Flags-1),
		pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		return fmt.Errorf("create flags for writers: %w", err)
	}
	return nil
}

// Run writes until ctx ends and every transaction under way is finished.
func (w Writers) Run(ctx context.Context) (Written, error) {
	// Transactions under way when ctx ends are finished rather than cut off, so that it is known whether they committed.
	work := context.WithoutCancel(ctx)
	pool, err := db.Open(work, db.Config{URL: w.URL, MaxConns: int32(w.Count), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return Written{}, fmt.Errorf("start writers: %w", err)
	}
	defer pool.Close()

	total := Written{Counters: map[string]int64{}}
	var mu sync.Mutex
	var failures []error
	var group sync.WaitGroup
	for n := range w.Count {
		group.Go(func() {
			random := rand.New(rand.NewPCG(w.Seed, uint64(n)))
			for ctx.Err() == nil {
				names, committed, err := w.write(work, pool, random)
				mu.Lock()
				switch {
				case err != nil:
					failures = append(failures, fmt.Errorf("writer %d: %w", n, err))
				case committed:
					total.Commits++
					for _, name := range names {
						total.Counters[name]++
					}
				default:
					total.Rollbacks++
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	group.Wait()
	return total, errors.Join(failures...)
}

// write runs one transaction on one to three flags.
func (w Writers) write(ctx context.Context, pool *pgxpool.Pool, random *rand.Rand) (names []string, committed bool, err error) {
	for range 1 + random.IntN(3) {
		names = append(names, "flag-"+strconv.Itoa(random.IntN(w.Flags)))
	}
	slices.Sort(names) // one order for all, so that the writers do not deadlock each other
	names = slices.Compact(names)

	tx, err := pool.Begin(ctx)
	if err != nil {
		return nil, false, err
	}
	defer func() { _ = tx.Rollback(ctx) }() // nothing after a commit
	for _, name := range names {
		if err := w.change(ctx, tx, name, random); err != nil {
			return nil, false, err
		}
	}
	<-time.After(time.Duration(random.IntN(3000)) * time.Microsecond) // think time, locks held
	if random.Float64() < w.Rollback {
		return names, false, tx.Rollback(ctx)
	}
	return names, true, tx.Commit(ctx)
}

// change raises a flag's counter and, now and then, changes something else about it.
func (w Writers) change(ctx context.Context, tx pgx.Tx, name string, random *rand.Rand) error {
	if _, err := tx.Exec(ctx, `UPDATE features SET description = (description::bigint + 1)::text WHERE name = $1`, name); err != nil {
		return err
	}
	environment := []string{"development", "production"}[random.IntN(2)]
	var err error
	switch random.IntN(4) {
	case 0:
		_, err = tx.Exec(ctx, `UPDATE feature_environments SET enabled = NOT enabled WHERE feature = $1 AND environment = $2`, name, environment)
	case 1:
		_, err = tx.Exec(ctx, `UPDATE feature_strategies SET parameters = jsonb_build_object('rollout', $3::text) WHERE feature = $1 AND environment = $2`,
			name, environment, strconv.Itoa(random.IntN(101)))
	}
	return err
}

// KillListenersEvery kills the connections that follow d's change log, again and again until ctx ends, and returns how many
// it killed.
func KillListenersEvery(ctx context.Context, d *Database, interval time.Duration) (killed int, err error) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return killed, nil
		case <-tick.C:
		}
		n, err := killListeners(context.WithoutCancel(ctx), d)
		if err != nil {
			return killed, fmt.Errorf("kill listeners: %w", err)
		}
		killed += n
	}
}

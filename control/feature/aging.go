package feature

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/queries"
)

// AgingInterval is how often flags are looked at.
const AgingInterval = time.Minute

const (
	agingTimeout = 30 * time.Second // of one look
	maxAged      = 1000             // flags marked in one transaction; the rest is for the next look
)

// Aging moves flags on as time passes: it marks those that have outlived their type as potentially stale, and notes the
// stages that usage has brought them to. Any number of servers may run it; one at a time does the work. Run it once.
type Aging struct {
	Pool     *pgxpool.Pool
	Logger   *slog.Logger
	Interval time.Duration // 0 means AgingInterval
}

// Run looks at all flags at every interval until ctx is done. What fails is tried again at the next one.
func (a *Aging) Run(ctx context.Context) error {
	interval := a.Interval
	if interval == 0 {
		interval = AgingInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := a.Once(ctx); err != nil && ctx.Err() == nil {
			a.Logger.Warn("ages of flags could not be looked at; trying again", "component", "feature", "err", err)
		}
	}
}

// Once looks at all flags, unless another server is at it.
func (a *Aging) Once(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(event.Group(access.WithActor(ctx, access.System())), agingTimeout)
	defer cancel()
	return db.InTx(ctx, a.Pool, func(tx pgx.Tx) error {
		locked, err := q.FeatureAgingTryLock(ctx, tx)
		if err != nil || !locked {
			return err
		}
		if _, err := q.FeatureLifecycleAdvance(ctx, tx); err != nil {
			return fmt.Errorf("advance lifecycles: %w", err)
		}
		return markPotentiallyStale(ctx, tx)
	})
}

// markPotentiallyStale sets the marks that are not what the flags' ages say: lifetimes change, so marks go as well. A flag
// that is stale already gets its mark without an event: nobody needs to be told.
func markPotentiallyStale(ctx context.Context, tx pgx.Tx) error {
	rows, err := q.FeaturePotentiallyStaleLock(ctx, tx, maxAged)
	if err != nil {
		return fmt.Errorf("read ages: %w", err)
	}
	names := map[bool][]string{}
	for _, row := range rows {
		stale := !row.PotentiallyStale
		names[stale] = append(names[stale], row.Name)
		if !stale || row.Stale {
			continue
		}
		if err := appendEvent(ctx, tx, event.FeaturePotentiallyStaleOn, row, nil, nil); err != nil {
			return err
		}
	}
	for stale, marked := range names {
		err := q.FeatureSetPotentiallyStale(ctx, tx, queries.FeatureSetPotentiallyStaleParams{Names: marked, PotentiallyStale: stale})
		if err != nil {
			return fmt.Errorf("mark potentially stale: %w", err)
		}
	}
	return nil
}

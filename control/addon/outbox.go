package addon

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"

	"github.com/pennonhq/pennon/control/job"
	"github.com/pennonhq/pennon/outbound"
	"github.com/pennonhq/pennon/queries"
)

const (
	// outboxBatch is how many deliveries one transaction turns into jobs.
	outboxBatch = 500

	// The delivery log of an integration reaches so far back.
	logRetention  = 14 * 24 * time.Hour
	logRows       = 1000
	pruneInterval = time.Hour
)

// Deliveries delivers events to integrations. It is the job.Area of integrations; every server has one.
type Deliveries struct {
	Pool   *pgxpool.Pool
	Client *outbound.Client
	Logger *slog.Logger

	SlackURL   string                          // empty means SlackURL; tests say otherwise
	RetryDelay func(attempt int) time.Duration // nil means Backoff

	prunedAt time.Time
}

var _ job.Area = (*Deliveries)(nil)

// Register adds the worker that delivers.
func (d *Deliveries) Register(workers *river.Workers) {
	river.AddWorker(workers, &worker{Deliveries: d})
}

// Feed turns what the outbox holds into jobs. Rows are deleted in the transaction that inserts their jobs, and locked rows
// are left to the server that has them, so each becomes exactly one job.
func (d *Deliveries) Feed(ctx context.Context, jobs *job.Client) (made bool, err error) {
	if time.Since(d.prunedAt) >= pruneInterval {
		d.prunedAt = time.Now()
		if err := d.Prune(ctx); err != nil {
			return false, err
		}
	}
	pending, err := q.AddonOutboxPending(ctx, d.Pool)
	if err != nil {
		return false, fmt.Errorf("read outbox: %w", err)
	}
	for pending {
		taken, err := d.take(ctx, jobs)
		if err != nil {
			return made, fmt.Errorf("empty outbox: %w", err)
		}
		made = made || taken > 0
		pending = taken == outboxBatch
	}
	return made, nil
}

func (d *Deliveries) take(ctx context.Context, jobs *job.Client) (taken int, err error) {
	err = pgx.BeginFunc(ctx, d.Pool, func(tx pgx.Tx) error {
		rows, err := q.AddonOutboxTake(ctx, tx, outboxBatch)
		if err != nil || len(rows) == 0 {
			return err
		}
		inserts := make([]river.InsertManyParams, len(rows))
		for i, row := range rows {
			inserts[i] = river.InsertManyParams{Args: delivery{EventID: row.EventID, AddonID: row.AddonID}}
		}
		taken = len(rows)
		_, err = jobs.InsertManyFastTx(ctx, tx, inserts)
		return err
	})
	return taken, err
}

// Prune deletes what the delivery log need not hold any more.
func (d *Deliveries) Prune(ctx context.Context) error {
	addons, err := q.AddonList(ctx, d.Pool)
	if err != nil {
		return fmt.Errorf("prune delivery log: %w", err)
	}
	for _, row := range addons {
		_, err := q.IntegrationEventPrune(ctx, d.Pool, queries.IntegrationEventPruneParams{
			AddonID: row.ID, Before: time.Now().Add(-logRetention), Keep: logRows,
		})
		if err != nil {
			return fmt.Errorf("prune delivery log: %w", err)
		}
	}
	return nil
}

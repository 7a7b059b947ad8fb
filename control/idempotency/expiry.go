package idempotency

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pennonhq/pennon/queries"
)

// ExpiryInterval is how often expired keys are deleted. Until then they are there and stand for nothing.
const ExpiryInterval = 10 * time.Minute

const (
	expiryTimeout = 30 * time.Second // of one round
	maxExpired    = 1000             // rows deleted in one transaction
)

// Expiry deletes keys that are older than Retention. Any number of servers may run it. Run it once.
type Expiry struct {
	Pool     *pgxpool.Pool
	Logger   *slog.Logger
	Interval time.Duration // 0 means ExpiryInterval
}

// Run deletes at every interval until ctx is done. What fails is tried again at the next one.
func (e *Expiry) Run(ctx context.Context) error {
	interval := e.Interval
	if interval == 0 {
		interval = ExpiryInterval
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if _, err := e.Once(ctx); err != nil && ctx.Err() == nil {
			e.Logger.Warn("expired idempotency keys could not be deleted; trying again", "component", "idempotency", "err", err)
		}
	}
}

// Once deletes all that have expired and says how many.
func (e *Expiry) Once(ctx context.Context) (deleted int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, expiryTimeout)
	defer cancel()
	for {
		n, err := q.IdempotencyKeyDeleteExpired(ctx, e.Pool, queries.IdempotencyKeyDeleteExpiredParams{
			RetentionSeconds: retentionSeconds, Most: maxExpired,
		})
		deleted += n
		if err != nil {
			return deleted, fmt.Errorf("delete expired idempotency keys: %w", err)
		}
		if n < maxExpired {
			return deleted, nil
		}
	}
}

package db

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/queries"
)

const (
	// retentionInterval is how often old rows are looked for.
	retentionInterval = 10 * time.Minute

	// retentionChunk is how many rows one transaction deletes at most.
	retentionChunk = 20_000
)

// retain deletes old rows now and then until ctx ends. That it fails costs disk space only, so it tries again next time.
func (l *ChangeLog) retain(ctx context.Context) {
	tick := time.NewTicker(retentionInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		deleted, err := l.DeleteOld(ctx)
		if err != nil && ctx.Err() == nil {
			l.logger.Warn("old rows stay in the change log for now", "err", err)
		} else if deleted > 0 {
			l.logger.Info("old rows deleted from the change log", "rows", deleted)
		}
	}
}

// DeleteOld deletes rows that are older than the retention or beyond the number to keep, oldest first, and never the newest
// row. It deletes nothing while another server does. Run calls it every ten minutes.
func (l *ChangeLog) DeleteOld(ctx context.Context) (deleted int64, err error) {
	q := queries.New()
	for {
		var chunk int64
		err := pgx.BeginFunc(ctx, l.pool, func(tx pgx.Tx) error {
			mine, err := q.ChangeLogRetentionLock(ctx, tx)
			if err != nil || !mine {
				return err
			}
			bound, err := q.ChangeLogRetentionBound(ctx, tx, queries.ChangeLogRetentionBoundParams{
				Before: time.Now().Add(-l.config.Retention),
				Keep:   l.config.RetentionRows,
			})
			if err != nil {
				return err
			}
			chunk, err = q.ChangeLogDelete(ctx, tx, queries.ChangeLogDeleteParams{Bound: bound, Max: retentionChunk})
			return err
		})
		if err != nil {
			return deleted, fmt.Errorf("delete old rows of the change log: %w", err)
		}
		deleted += chunk
		if chunk < retentionChunk {
			return deleted, nil
		}
	}
}

package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// probeTimeout is how long a listening session is given to hear a notification: a direct one needs some milliseconds.
const probeTimeout = time.Second

// notifyReaches tells whether LISTEN works on connections made with config. It takes two connections: one listens and
// stays idle, the other notifies. One connection alone would hear itself even through a transaction pooler.
func notifyReaches(ctx context.Context, config *pgx.ConnConfig) (bool, error) {
	config = config.Copy()
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	listener, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, err
	}
	defer func() { _ = listener.Close(context.WithoutCancel(ctx)) }()
	var channel string
	if err := listener.QueryRow(ctx, "SELECT 'pennon_probe_' || replace(gen_random_uuid()::text, '-', '')").Scan(&channel); err != nil {
		return false, err
	}
	if _, err := listener.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return false, err
	}
	notifier, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false, err
	}
	defer func() { _ = notifier.Close(context.WithoutCancel(ctx)) }()
	if _, err := notifier.Exec(ctx, "SELECT pg_notify($1, '')", channel); err != nil {
		return false, err
	}
	waitCtx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	if _, err := listener.WaitForNotification(waitCtx); err != nil {
		if errors.Is(waitCtx.Err(), context.DeadlineExceeded) && ctx.Err() == nil {
			return false, nil
		}
		return false, fmt.Errorf("wait for notification: %w", err)
	}
	return true, nil
}

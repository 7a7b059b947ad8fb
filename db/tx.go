package db

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// txAttempts is how often InTx runs a transaction that the database asked to be repeated.
const txAttempts = 3

// Beginner is a pool, a connection or a transaction.
type Beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// InTx runs fn in one transaction and commits it. It rolls back when fn fails or panics. A deadlock or a serialization
// failure is repeated a few times, so fn must have no effects outside the transaction. Database errors come back as
// faults where they have a meaning for the user (see Fault).
//
// On a pool, BEGIN is sent with the first statement, and what is written with queries.Later with the next one or COMMIT.
//
// The change-log triggers run inside the commit: once InTx has returned nil, the change has its revision.
func InTx(ctx context.Context, b Beginner, fn func(tx pgx.Tx) error) error {
	var err error
	for attempt := range txAttempts {
		if attempt > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Duration(attempt) * 5 * time.Millisecond):
			}
		}
		err = runTx(ctx, b, fn)
		if !repeatable(err) {
			break
		}
	}
	return Fault(err)
}

func runTx(ctx context.Context, b Beginner, fn func(tx pgx.Tx) error) (err error) {
	tx, release, err := begin(ctx, b)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer release()
	committed := false
	defer func() {
		if !committed {
			// The request may be gone, but the connection must go back clean.
			_ = tx.Rollback(context.WithoutCancel(ctx))
		}
	}()
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	committed = true
	return nil
}

// begin opens a transaction: a pipeline, where b is a pool.
func begin(ctx context.Context, b Beginner) (tx pgx.Tx, release func(), err error) {
	pool, ok := b.(*pgxpool.Pool)
	if !ok {
		tx, err = b.Begin(ctx)
		return tx, func() {}, err
	}
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, nil, err
	}
	return newPipeline(conn.Conn()), conn.Release, nil
}

// SQLSTATE codes after which the same transaction may succeed.
const (
	codeSerializationFailure = "40001"
	codeDeadlockDetected     = "40P01"
)

func repeatable(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && (pgErr.Code == codeSerializationFailure || pgErr.Code == codeDeadlockDetected)
}

package usage

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pennonhq/pennon/usage"
)

// doubt is a batch of which it is not known whether it was stored: the connection was lost while it was committed.
type doubt struct {
	batch       usage.Batch
	transaction string // its id; empty: there is no doubt
}

// Flush writes what the buffer holds. What fails goes back into the buffer. A batch whose COMMIT was not answered is asked
// after when the database is back, so that it is neither lost nor counted twice.
func (f *Flusher) Flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := f.settle(ctx); err != nil {
		return err
	}
	batch := f.Buffer.Take()
	if batch.Dropped > 0 {
		f.Logger.Warn("usage reports were dropped: more flags, applications, instances or series than the buffer holds",
			"component", "usage", "dropped", batch.Dropped)
		batch.Dropped = 0
	}
	if f.Impact != nil {
		f.Impact.Add(batch.Impact)
	}
	batch.Impact = nil
	if batch.Empty() {
		return nil
	}
	transaction, err := f.store(ctx, batch)
	switch {
	case err == nil:
		return nil
	case transaction != "" && !refused(err):
		f.doubt = doubt{batch, transaction}
	default:
		f.Buffer.Return(batch)
	}
	return fmt.Errorf("store usage: %w", err)
}

// store writes a batch in one transaction. When COMMIT is what fails, it returns the transaction's id with the error.
func (f *Flusher) store(ctx context.Context, batch usage.Batch) (transaction string, err error) {
	tx, err := f.Pool.Begin(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if err := write(ctx, tx, batch); err != nil {
		return "", err
	}
	if transaction, err = q.TransactionID(ctx, tx); err != nil {
		return "", fmt.Errorf("read id of transaction: %w", err)
	}
	return transaction, tx.Commit(ctx)
}

// refused reports whether the database itself has said that it did not commit.
func refused(err error) bool {
	var said *pgconn.PgError
	return errors.As(err, &said) || errors.Is(err, pgx.ErrTxCommitRollback)
}

// settle asks what has become of the batch in doubt. PostgreSQL remembers that of every transaction of the last millions.
func (f *Flusher) settle(ctx context.Context) error {
	if f.doubt.transaction == "" {
		return nil
	}
	status, err := q.TransactionStatus(ctx, f.Pool, f.doubt.transaction)
	if err != nil && !refused(err) { // a transaction that has not been yet is an error of PostgreSQL's
		return fmt.Errorf("ask whether usage was stored: %w", err)
	}
	switch status {
	case "committed":
	case "aborted":
		f.Buffer.Return(f.doubt.batch)
	case "in progress":
		return errUndecided
	default:
		f.Logger.Warn("it is not known whether usage was stored: the database was restored or replaced meanwhile", "component", "usage")
	}
	f.doubt = doubt{}
	return nil
}

var errUndecided = errors.New("usage is still being stored")

// write stores a whole batch: all or nothing, so that a batch that comes back is never counted twice.
func write(ctx context.Context, tx pgx.Tx, batch usage.Batch) error {
	if err := writeCounts(ctx, tx, batch.Counts); err != nil {
		return err
	}
	if err := writeLastSeen(ctx, tx, batch.Counts); err != nil {
		return err
	}
	if err := writeAsked(ctx, tx, batch.Counts); err != nil {
		return err
	}
	return writeInstances(ctx, tx, batch.Instances)
}

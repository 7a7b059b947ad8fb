package usage

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/usage"
)

const (
	// maxTakes is how many reports are stored at the same time. They come from edges, which all send at the same intervals
	// and try again, and must not take the pool from whoever does not.
	maxTakes = 3

	// takeTimeout is shorter than the edge waits for its answer.
	takeTimeout = 4 * time.Second

	// senderRetention is how long it is remembered which report of a sender was counted last: far longer than an edge tries.
	senderRetention = 30 * 24 * time.Hour
)

// Take stores a report that has a name, unless it was stored before, by this server or another one: the name is noted in
// the transaction of the counts. When it fails with fault.Unavailable, it may be known only to the database whether the
// report counts; the same report is then to be sent again. It implements client.Once.
func (f *Flusher) Take(ctx context.Context, id usage.ReportID, batch usage.Batch) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeTimeout)
	defer cancel()
	f.once.Do(func() { f.taking = make(chan struct{}, maxTakes) })
	select {
	case f.taking <- struct{}{}:
		defer func() { <-f.taking }()
	case <-ctx.Done():
		return fault.New(fault.Unavailable, "Too many reports are being stored. Try again.")
	}
	fresh, err := f.storeOnce(ctx, id, batch)
	var said *pgconn.PgError
	switch {
	case errors.As(err, &said) && (strings.HasPrefix(said.Code, "22") || strings.HasPrefix(said.Code, "23")):
		return fault.Wrap(fault.Invalid, err, "The report holds what cannot be stored.") // nor the next time
	case err != nil:
		f.failures.Add(1)
		return fault.Wrap(fault.Unavailable, err, "Usage cannot be stored at the moment. Try again.")
	case !fresh:
		return nil
	}
	f.Buffer.Tally(batch)
	if f.Impact != nil {
		f.Impact.Add(batch.Impact)
	}
	return nil
}

// storeOnce reports whether the report was new.
func (f *Flusher) storeOnce(ctx context.Context, id usage.ReportID, batch usage.Batch) (fresh bool, err error) {
	tx, err := f.Pool.Begin(ctx)
	if err != nil {
		return false, fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	advanced, err := q.UsageSenderAdvance(ctx, tx, queries.UsageSenderAdvanceParams{ID: id.Sender[:], Number: id.Number})
	if err != nil {
		return false, fmt.Errorf("note report: %w", err)
	}
	if advanced == 0 {
		return false, nil
	}
	if err := write(ctx, tx, batch); err != nil {
		return false, err
	}
	if err := tx.Commit(ctx); err != nil {
		return false, fmt.Errorf("commit: %w", err)
	}
	return true, nil
}

package db

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/replica"
)

const (
	// deltaRowsMax is the most rows that are applied as a change; with more, reading everything is cheaper.
	deltaRowsMax = 5_000

	// snapshotLogRows is how many of the log's newest rows go into a snapshot.
	snapshotLogRows = 100_000

	// readTimeout bounds one round trip that reads a little.
	readTimeout = 2 * time.Second
)

// continuity is what the log says about the row that a follower stands on.
type continuity int

const (
	continued continuity = iota // the row is there: what follows it is all there is to know
	pruned                      // retention has removed it and perhaps rows after it
	forked                      // the log holds another history: it was restored, or a fail-over lost rows
)

// read brings the sink to the head of the log. Everything is read in one repeatable-read transaction, so the state is
// exactly that of the last row read. With news it takes two round trips (three with those of projects or environments).
// On error the transaction is left open: the caller closes the connection.
func (f *follower) read(ctx context.Context, conn *pgx.Conn) error {
	if !f.hydrated {
		return f.reset(ctx, conn, false, queueBegin)
	}
	rows, err := f.readLog(ctx, conn)
	if err != nil {
		return fmt.Errorf("read change log: %w", err)
	}
	state := f.judge(&rows)
	if state == pruned {
		// Retention removes the oldest rows only: with older rows still there, this one cannot have been pruned.
		older, err := f.hasOlder(ctx, conn)
		if err != nil {
			return fmt.Errorf("read change log: %w", err)
		}
		if older {
			state = forked
		}
	}
	switch {
	case state != continued:
		f.log.logger.Warn("the change log does not continue; reading everything anew", "revision", f.last.revision, "forked", state == forked)
		return f.reset(ctx, conn, state == forked, nil)
	case len(rows) == 0:
		return f.finish(ctx, conn)
	case len(rows) > deltaRowsMax || slices.ContainsFunc(rows, isResync):
		return f.reset(ctx, conn, false, nil)
	default:
		return f.apply(ctx, conn, rows)
	}
}

func isResync(row queries.ChangeLogListFromRow) bool { return row.Kind == string(replica.KindResync) }

func queueBegin(batch *pgx.Batch) {
	batch.Queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
}

func queueCommit(batch *pgx.Batch) { batch.Queue("COMMIT") }

// queue adds a query whose rows go into a slice.
func queue[Row any](batch *pgx.Batch, into *[]Row, sql string, arguments ...any) {
	batch.Queue(sql, arguments...).Query(func(rows pgx.Rows) (err error) {
		*into, err = pgx.AppendRows(*into, rows, pgx.RowToStructByPos[Row])
		return err
	})
}

// queueNames is queue for a single column of text.
func queueNames(batch *pgx.Batch, into *[]string, sql string, arguments ...any) {
	batch.Queue(sql, arguments...).Query(func(rows pgx.Rows) (err error) {
		*into, err = pgx.AppendRows(*into, rows, pgx.RowTo[string])
		return err
	})
}

// send runs a batch in one round trip.
func send(ctx context.Context, conn *pgx.Conn, batch *pgx.Batch, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return conn.SendBatch(ctx, batch).Close()
}

// readLog begins the transaction and reads the rows from the last one read on, that one included.
func (f *follower) readLog(ctx context.Context, conn *pgx.Conn) ([]queries.ChangeLogListFromRow, error) {
	var batch pgx.Batch
	var rows []queries.ChangeLogListFromRow
	queueBegin(&batch)
	queue(&batch, &rows, queries.ChangeLogListFrom, f.last.revision, int32(deltaRowsMax+2))
	return rows, send(ctx, conn, &batch, readTimeout)
}

// hasOlder reports whether the log holds rows from before the one the follower stands on.
func (f *follower) hasOlder(ctx context.Context, conn *pgx.Conn) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	return queries.New().ChangeLogHasBefore(ctx, conn, f.last.revision)
}

// judge compares the first row with the one the follower stands on, and removes it.
func (f *follower) judge(rows *[]queries.ChangeLogListFromRow) continuity {
	switch {
	case f.last.revision == 0:
		// The log was empty, which the seed and retention prevent but plain SQL does not. What came since is not known
		// to be all.
		if len(*rows) > 0 {
			return pruned
		}
		return continued
	case len(*rows) == 0: // the newest revision is below ours
		return forked
	case (*rows)[0].Revision != f.last.revision:
		return pruned
	case (*rows)[0].Mark != f.last.mark:
		return forked
	}
	*rows = (*rows)[1:]
	return continued
}

// apply loads what rows name and hands it over.
func (f *follower) apply(ctx context.Context, conn *pgx.Conn, rows []queries.ChangeLogListFromRow) error {
	delta, err := f.loadDelta(ctx, conn, rows)
	if err != nil {
		return fmt.Errorf("load change: %w", err)
	}
	f.tellDelta(delta)
	f.arrived(rows)
	return nil
}

// reset loads everything and hands it over. begin is nil inside a transaction.
func (f *follower) reset(ctx context.Context, conn *pgx.Conn, forked bool, begin func(*pgx.Batch)) error {
	began := time.Now()
	snapshot, rows, err := f.loadSnapshot(ctx, conn, begin)
	if err != nil {
		return fmt.Errorf("load snapshot: %w", err)
	}
	snapshot.Forked = forked
	f.last = position{}
	f.tellReset(snapshot)
	f.hydrated = true
	f.arrived(rows)
	f.log.logger.Info("everything read from the database", "revision", f.last.revision, "environments", len(snapshot.Environments),
		"segments", len(snapshot.Segments), "took", time.Since(began))
	// What was read took several times the memory of what the Sink keeps. The system gets it back now, not in minutes.
	debug.FreeOSMemory()
	return nil
}

// arrived moves the position to the last row.
func (f *follower) arrived(rows []queries.ChangeLogListFromRow) {
	if len(rows) > 0 {
		last := rows[len(rows)-1]
		f.last = position{revision: last.Revision, mark: last.Mark}
	}
	f.log.updateStatus(func(s *ChangeLogStatus) { s.Revision, s.LastReadAt = f.last.revision, time.Now() })
}

// finish ends the transaction of a read without news.
func (f *follower) finish(ctx context.Context, conn *pgx.Conn) error {
	var batch pgx.Batch
	queueCommit(&batch)
	if err := send(ctx, conn, &batch, readTimeout); err != nil {
		return fmt.Errorf("read change log: %w", err)
	}
	f.arrived(nil)
	return nil
}

// logRows are the rows as the replica knows them.
func logRows(rows []queries.ChangeLogListFromRow) []replica.Row {
	result := make([]replica.Row, len(rows))
	for i, row := range rows {
		result[i] = replica.Row{
			Revision:    row.Revision,
			Mark:        max(binary.BigEndian.Uint32(row.Mark[:4]), 1), // 0 stands for an unknown mark
			Kind:        replica.Kind(row.Kind),
			Entity:      row.Entity,
			Project:     deref(row.Project),
			Environment: deref(row.Environment),
			At:          row.At,
		}
	}
	return result
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

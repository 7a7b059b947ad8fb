package db

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pipeline is a transaction that saves round trips: BEGIN goes out with the first statement, and statements whose result
// nobody waits for (see queries.Later) with the next one or with COMMIT. The order of statements is that of the calls. It
// is a pgx.Tx for one goroutine, as every other.
type pipeline struct {
	pgx.Tx // nil before anything is sent

	conn    *pgx.Conn
	waiting []statement
	closed  bool
}

type statement struct {
	sql       string
	arguments []any
}

func newPipeline(conn *pgx.Conn) *pipeline { return &pipeline{conn: conn} }

// Later has a statement sent with what follows it, which then also tells its error.
func (p *pipeline) Later(sql string, arguments ...any) {
	p.waiting = append(p.waiting, statement{sql, arguments})
}

// idle reports whether nothing has to be sent before a statement.
func (p *pipeline) idle() bool { return p.Tx != nil && len(p.waiting) == 0 }

// send sends what has to be sent before a batch, and the batch with it. The results are those of the batch.
func (p *pipeline) send(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	if p.closed {
		return pgx.FailedBatchResults(batch, pgx.ErrTxClosed)
	}
	all, before := &pgx.Batch{}, len(p.waiting)
	if p.Tx == nil {
		all.BeginTx(pgx.TxOptions{})
		before++
	}
	for _, s := range p.waiting {
		all.Queue(s.sql, s.arguments...)
	}
	p.waiting = nil
	all.QueuedQueries = append(all.QueuedQueries, batch.QueuedQueries...)
	results := p.conn.SendBatch(ctx, all)
	if p.Tx == nil {
		p.Tx = results.Tx()
	}
	for range before {
		if _, err := results.Exec(); err != nil {
			_ = results.Close() // tells the same
			return pgx.FailedBatchResults(batch, err)
		}
	}
	return results
}

// flush sends what waits, and BEGIN.
func (p *pipeline) flush(ctx context.Context) error {
	if p.idle() {
		return nil
	}
	return p.send(ctx, &pgx.Batch{}).Close()
}

// apart reports whether a statement cannot be sent in a batch: its first argument is one of pgx's options.
func apart(arguments []any) bool {
	if len(arguments) == 0 {
		return false
	}
	switch arguments[0].(type) {
	case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
		return true
	}
	return false
}

// Exec is pgx's.
func (p *pipeline) Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error) {
	if p.idle() || apart(arguments) {
		if err := p.flush(ctx); err != nil {
			return pgconn.CommandTag{}, err
		}
		return p.Tx.Exec(ctx, sql, arguments...)
	}
	var batch pgx.Batch
	batch.Queue(sql, arguments...)
	results := p.send(ctx, &batch)
	tag, err := results.Exec()
	if closing := results.Close(); err == nil {
		err = closing
	}
	return tag, err
}

// Query is pgx's.
func (p *pipeline) Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error) {
	if p.idle() || apart(arguments) {
		if err := p.flush(ctx); err != nil {
			return nil, err
		}
		return p.Tx.Query(ctx, sql, arguments...)
	}
	var batch pgx.Batch
	batch.Queue(sql, arguments...)
	results := p.send(ctx, &batch)
	rows, err := results.Query()
	if err != nil {
		_ = results.Close() // tells the same
		return nil, err
	}
	return &pipelineRows{Rows: rows, results: results}, nil
}

// QueryRow is pgx's.
func (p *pipeline) QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row {
	rows, err := p.Query(ctx, sql, arguments...)
	return pipelineRow{rows, err}
}

// SendBatch is pgx's.
func (p *pipeline) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	if p.idle() {
		return p.Tx.SendBatch(ctx, batch)
	}
	return p.send(ctx, batch)
}

// Commit is pgx's. Nothing is sent when nothing was to be.
func (p *pipeline) Commit(ctx context.Context) error {
	switch {
	case p.closed:
		return pgx.ErrTxClosed
	case p.Tx == nil && len(p.waiting) == 0:
		p.closed = true
		return nil
	case p.idle():
		p.closed = true
		return p.Tx.Commit(ctx)
	}
	tag, err := p.Exec(ctx, "commit")
	if err != nil {
		return err
	}
	p.closed = true
	if tag.String() == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	return nil
}

// Rollback is pgx's.
func (p *pipeline) Rollback(ctx context.Context) error {
	if p.closed {
		return pgx.ErrTxClosed
	}
	p.closed = true
	if p.Tx == nil {
		return nil
	}
	return p.Tx.Rollback(ctx)
}

// Begin opens a savepoint. What is done in it is sent at once.
func (p *pipeline) Begin(ctx context.Context) (pgx.Tx, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	return p.Tx.Begin(ctx)
}

// CopyFrom is pgx's.
func (p *pipeline) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	if err := p.flush(ctx); err != nil {
		return 0, err
	}
	return p.Tx.CopyFrom(ctx, table, columns, rows)
}

// Prepare is pgx's.
func (p *pipeline) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	if err := p.flush(ctx); err != nil {
		return nil, err
	}
	return p.Tx.Prepare(ctx, name, sql)
}

// LargeObjects is pgx's, and not for the first statement.
func (p *pipeline) LargeObjects() pgx.LargeObjects {
	if p.Tx == nil {
		return pgx.LargeObjects{}
	}
	return p.Tx.LargeObjects()
}

// Conn is the connection. What is sent on it directly may overtake what waits.
func (p *pipeline) Conn() *pgx.Conn { return p.conn }

// pipelineRows are the rows of the last statement of a batch, which ends with them.
type pipelineRows struct {
	pgx.Rows

	results pgx.BatchResults
	err     error // of the batch
}

// Next is pgx's.
func (r *pipelineRows) Next() bool {
	if r.Rows.Next() {
		return true
	}
	r.Close()
	return false
}

// Close is pgx's.
func (r *pipelineRows) Close() {
	r.Rows.Close()
	if r.results != nil {
		r.err = r.results.Close()
		r.results = nil
	}
}

// Err is pgx's.
func (r *pipelineRows) Err() error {
	if err := r.Rows.Err(); err != nil {
		return err
	}
	return r.err
}

// pipelineRow is the first row of a statement.
type pipelineRow struct {
	rows pgx.Rows
	err  error
}

// Scan is pgx's.
func (r pipelineRow) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(into...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}

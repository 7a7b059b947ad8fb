// Package queries is the SQL of Pennon, and the Go that sqlc makes of it: one file a resource.
package queries

import (
	"context"

	"github.com/jackc/pgx/v5/pgconn"
)

// Later is for writes whose result nobody waits for. On a transaction that can (that of db.InTx) they are sent with the
// next statement, or with COMMIT, which saves a round trip and tells their error. On any other they are sent at once.
// Only :exec queries may be run on it.
func Later(tx DBTX) DBTX {
	if p, ok := tx.(pipelined); ok {
		return later{tx, p}
	}
	return tx
}

type pipelined interface {
	Later(sql string, arguments ...any)
}

type later struct {
	DBTX

	to pipelined
}

// Exec queues the statement.
func (l later) Exec(_ context.Context, sql string, arguments ...any) (pgconn.CommandTag, error) {
	l.to.Later(sql, arguments...)
	return pgconn.CommandTag{}, nil
}

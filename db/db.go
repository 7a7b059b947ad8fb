// Package db is how Pennon talks to PostgreSQL: the pool, transactions, the mapping of database errors to faults, the
// migrations, and the change log as a replica.Source. The SQL itself lives in queries (and, for tables, functions and
// triggers, in db/migrations). Only the server's control plane may import it; the data plane and the edge must not.
package db

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Defaults of Config.
const (
	DefaultMaxConns       = 10
	DefaultConnectTimeout = 5 * time.Second
)

// applicationName is what PostgreSQL shows of our connections in pg_stat_activity.
const applicationName = "pennon"

// Config says where the database is.
type Config struct {
	URL      string // for the pool; may lead through PgBouncer in session or transaction mode
	MaxConns int32  // of the pool; 0 means DefaultMaxConns
	Logger   *slog.Logger
}

// Open connects a pool and checks that it answers. Behind a pooler (PgBouncer before 1.21 loses named prepared
// statements) it describes statements instead of preparing them, unless the URL names default_query_exec_mode itself.
// Session state must not be used on the pool: in transaction mode it leaks to other clients.
func Open(ctx context.Context, cfg Config) (*pgxpool.Pool, error) {
	poolConfig, err := pgxpool.ParseConfig(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("parse database URL: %w", err)
	}
	poolConfig.MaxConns = cfg.MaxConns
	if poolConfig.MaxConns == 0 {
		poolConfig.MaxConns = DefaultMaxConns
	}
	prepareConn(poolConfig.ConnConfig)
	if poolConfig.ConnConfig.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		pooled, err := behindPooler(ctx, poolConfig.ConnConfig)
		if err != nil {
			return nil, fmt.Errorf("connect to database: %w", err)
		}
		if pooled {
			cfg.Logger.Info("database is behind a connection pooler; statements are described, not prepared", "component", "db")
			poolConfig.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, poolConfig)
	if err != nil {
		return nil, fmt.Errorf("open database pool: %w", err)
	}
	return pool, nil
}

// prepareConn sets what all our connections share.
func prepareConn(config *pgx.ConnConfig) {
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = DefaultConnectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = applicationName
	}
}

// behindPooler tells a pooled connection by its process id: a pooler invents the one it announces.
func behindPooler(ctx context.Context, config *pgx.ConnConfig) (bool, error) {
	probe := config.Copy()
	probe.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, probe)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var backend uint32
	if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()::bigint").Scan(&backend); err != nil {
		return false, err
	}
	return backend != conn.PgConn().PID(), nil
}

// connConfig reads a URL for single connections. It takes pool_* parameters out of it, which the pool's URL may carry.
func connConfig(url string) (*pgx.ConnConfig, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	return config.ConnConfig, nil
}

package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// jobsLock keeps two servers from migrating the job queue at once: River takes no lock of its own. Any number will do that
// nobody else uses.
const jobsLock int64 = 0x70656e6e6f6e3031

// migrateJobs brings the schema of the River job queue (its own tables, river_*) to the version that the linked library
// wants. When it is there already, as at every start but one, that costs one query on handle.
func migrateJobs(ctx context.Context, handle *sql.DB, config *pgx.ConnConfig, logger *slog.Logger) error {
	if current, err := jobsCurrent(ctx, handle); err != nil || current {
		return err
	}
	return withJobMigrator(ctx, config, func(ctx context.Context, conn *pgxpool.Conn, m *rivermigrate.Migrator[pgx.Tx]) error {
		// The session keeps the lock; each migration is a transaction of its own on the pool's other connection.
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", jobsLock); err != nil {
			return fmt.Errorf("lock job queue: %w", err)
		}
		result, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		if err != nil {
			return fmt.Errorf("migrate job queue: %w", err)
		}
		if len(result.Versions) > 0 { // otherwise another server was faster
			logger.Info("job queue migrated", "component", "db", "versions", len(result.Versions))
		}
		return nil
	})
}

// jobsCurrent reports whether every migration that the linked library knows was applied. A newer server may have applied
// more.
func jobsCurrent(ctx context.Context, handle *sql.DB) (bool, error) {
	m, err := rivermigrate.New(riverpgxv5.New(nil), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return false, fmt.Errorf("prepare migrations of job queue: %w", err)
	}
	newest := 0
	for _, version := range m.AllVersions() {
		newest = max(newest, version.Version)
	}
	applied := 0
	err = handle.QueryRowContext(ctx, "SELECT coalesce(max(version), 0) FROM river_migration").Scan(&applied)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && pgErr.Code == codeUndefinedTable {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read version of job queue: %w", err)
	}
	return applied >= newest, nil
}

// codeUndefinedTable is the SQLSTATE of a table that does not exist.
const codeUndefinedTable = "42P01"

// dropJobs removes the job queue with everything in it.
func dropJobs(ctx context.Context, config *pgx.ConnConfig) error {
	return withJobMigrator(ctx, config, func(ctx context.Context, _ *pgxpool.Conn, m *rivermigrate.Migrator[pgx.Tx]) error {
		if _, err := m.Migrate(ctx, rivermigrate.DirectionDown, &rivermigrate.MigrateOpts{TargetVersion: -1}); err != nil {
			return fmt.Errorf("remove job queue: %w", err)
		}
		return nil
	})
}

// withJobMigrator gives fn a migrator on a pool of two connections, of which it holds one. The lock ends with the connection.
func withJobMigrator(ctx context.Context, config *pgx.ConnConfig, fn func(context.Context, *pgxpool.Conn, *rivermigrate.Migrator[pgx.Tx]) error) error {
	poolConfig, err := pgxpool.ParseConfig(config.ConnString())
	if err != nil {
		return fmt.Errorf("parse database URL: %w", err)
	}
	poolConfig.ConnConfig = config.Copy()
	poolConfig.MinConns, poolConfig.MaxConns = 0, 2
	poolConfig.HealthCheckPeriod = time.Hour // it does not live that long
	pool, err := pgxpool.NewWithConfig(ctx, poolConfig)
	if err != nil {
		return fmt.Errorf("open database pool: %w", err)
	}
	defer pool.Close()
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect to database: %w", err)
	}
	defer conn.Release()
	m, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("prepare migrations of job queue: %w", err)
	}
	return fn(ctx, conn, m)
}

package db

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// jobsLock keeps two servers from migrating the job queue at once: River takes no lock of its own. Any number will do that
// nobody else uses.
const jobsLock int64 = 0x70656e6e6f6e3031

// migrateJobs brings the schema of the River job queue (its own tables, river_*) to the version that the linked library
// wants. When it is there already, that costs one connection and two queries.
func migrateJobs(ctx context.Context, config *pgx.ConnConfig, logger *slog.Logger) error {
	return withJobMigrator(ctx, config, func(ctx context.Context, conn *pgxpool.Conn, m *rivermigrate.Migrator[pgx.Tx]) error {
		if missing, err := missingJobVersions(ctx, m); err != nil || missing == 0 {
			return err
		}
		// The session keeps the lock; each migration is a transaction of its own on the pool's other connection.
		if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", jobsLock); err != nil {
			return fmt.Errorf("lock job queue: %w", err)
		}
		if missing, err := missingJobVersions(ctx, m); err != nil || missing == 0 {
			return err // another server was faster
		}
		result, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil)
		if err != nil {
			return fmt.Errorf("migrate job queue: %w", err)
		}
		logger.Info("job queue migrated", "component", "db", "versions", len(result.Versions))
		return nil
	})
}

// dropJobs removes the job queue with everything in it.
func dropJobs(ctx context.Context, config *pgx.ConnConfig) error {
	return withJobMigrator(ctx, config, func(ctx context.Context, _ *pgxpool.Conn, m *rivermigrate.Migrator[pgx.Tx]) error {
		if _, err := m.Migrate(ctx, rivermigrate.DirectionDown, &rivermigrate.MigrateOpts{TargetVersion: -1}); err != nil {
			return fmt.Errorf("remove job queue: %w", err)
		}
		return nil
	})
}

// missingJobVersions counts the migrations that have not been applied. A newer server may have applied more than we know.
func missingJobVersions(ctx context.Context, m *rivermigrate.Migrator[pgx.Tx]) (int, error) {
	existing, err := m.ExistingVersions(ctx)
	if err != nil {
		return 0, fmt.Errorf("read version of job queue: %w", err)
	}
	missing := len(m.AllVersions())
	for _, version := range existing {
		if _, err := m.GetVersion(version.Version); err == nil {
			missing--
		}
	}
	return missing, nil
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

package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/golang-migrate/migrate/v4"
	migratepgx "github.com/golang-migrate/migrate/v4/database/pgx/v5"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// Migrations are the numbered SQL files that make the schema.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// ErrPooledMigration is returned when migrations are asked to run through a transaction pooler, where the session lock
// that keeps two migrators apart is worthless: both may get it, and it outlives them.
var ErrPooledMigration = errors.New("migrations need a direct connection to PostgreSQL: set DATABASE_DIRECT_URL to one that does not lead through a transaction pooler")

// Migrate brings the schema, and after it that of the job queue, to the newest version. url must be a direct connection or a
// session pooler's. It is safe to run from several processes at once.
func Migrate(ctx context.Context, url string, logger *slog.Logger) error {
	if isCurrent(ctx, url) {
		return nil
	}
	return withMigrator(ctx, url, func(handle *sql.DB, config *pgx.ConnConfig, m *migrate.Migrate) error {
		before, _, err := m.Version()
		if err != nil && !errors.Is(err, migrate.ErrNilVersion) {
			return fmt.Errorf("read schema version: %w", err)
		}
		if err := m.Up(); err != nil && !errors.Is(err, migrate.ErrNoChange) {
			return fmt.Errorf("migrate up: %w", err)
		}
		after, _, err := m.Version()
		if err != nil {
			return fmt.Errorf("read schema version: %w", err)
		}
		if before != after {
			logger.Info("database migrated", "component", "db", "from", before, "to", after)
		}
		return migrateJobs(ctx, handle, config, logger)
	})
}

// isCurrent reports whether there is nothing to migrate, neither in the schema nor in the job queue, which is so at nearly
// every start: with one connection instead of the several that migrating takes, and through any pooler. A migration that
// runs or has failed leaves its version dirty. When in doubt the answer is no.
func isCurrent(ctx context.Context, url string) bool {
	config, err := connConfig(url)
	if err != nil {
		return false
	}
	prepareConn(config)
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return false
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	newest, err := newestMigration()
	if err != nil {
		return false
	}
	newestJobs, err := newestJobMigration()
	if err != nil {
		return false
	}
	var version, jobs int64
	var dirty bool
	err = conn.QueryRow(ctx, "SELECT version, dirty, (SELECT coalesce(max(version), 0) FROM river_migration) FROM schema_migrations").
		Scan(&version, &dirty, &jobs)
	return err == nil && !dirty && version == newest && jobs >= newestJobs
}

// newestMigration is the highest number of an embedded migration.
func newestMigration() (newest int64, err error) {
	files, err := Migrations.ReadDir("migrations")
	if err != nil {
		return 0, err
	}
	for _, file := range files {
		prefix, _, _ := strings.Cut(file.Name(), "_")
		number, err := strconv.ParseInt(prefix, 10, 64)
		if err != nil {
			return 0, err
		}
		newest = max(newest, number)
	}
	return newest, nil
}

// newestJobMigration is the highest number of a migration of the linked job queue.
func newestJobMigration() (newest int64, err error) {
	m, err := rivermigrate.New(riverpgxv5.New(nil), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return 0, err
	}
	for _, migration := range m.AllVersions() {
		newest = max(newest, int64(migration.Version))
	}
	return newest, nil
}

// MigrateDown takes the schema back by steps migrations, or wholly, with the job queue, when steps is 0. It destroys data.
func MigrateDown(ctx context.Context, url string, steps int) error {
	return withMigrator(ctx, url, func(_ *sql.DB, config *pgx.ConnConfig, m *migrate.Migrate) error {
		if steps == 0 {
			if err := dropJobs(ctx, config); err != nil {
				return err
			}
		}
		down := m.Down
		if steps > 0 {
			down = func() error { return m.Steps(-steps) }
		}
		if err := down(); err != nil && !errors.Is(err, migrate.ErrNoChange) {
			return fmt.Errorf("migrate down: %w", err)
		}
		return nil
	})
}

// SchemaVersion returns the version of the schema and whether a migration failed half-way. 0: not migrated yet.
func SchemaVersion(ctx context.Context, url string) (version uint, dirty bool, err error) {
	err = withMigrator(ctx, url, func(_ *sql.DB, _ *pgx.ConnConfig, m *migrate.Migrate) error {
		v, d, err := m.Version()
		if errors.Is(err, migrate.ErrNilVersion) {
			return nil
		}
		version, dirty = v, d
		return err
	})
	return version, dirty, err
}

func withMigrator(ctx context.Context, url string, fn func(*sql.DB, *pgx.ConnConfig, *migrate.Migrate) error) (err error) {
	config, err := connConfig(url)
	if err != nil {
		return fmt.Errorf("parse database URL: %w", err)
	}
	prepareConn(config)
	if err := refuseTransactionPooler(ctx, config); err != nil {
		return err
	}
	// Behind a session pooler prepared statements work, but describing is enough and works everywhere.
	config.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	handle := stdlib.OpenDB(*config)
	defer func() { _ = handle.Close() }()
	return migrateWith(ctx, handle, func(m *migrate.Migrate) error { return fn(handle, config, m) })
}

func migrateWith(ctx context.Context, handle *sql.DB, fn func(*migrate.Migrate) error) error {
	if err := handle.PingContext(ctx); err != nil {
		return fmt.Errorf("connect to database: %w", err)
	}
	files, err := iofs.New(Migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read embedded migrations: %w", err)
	}
	driver, err := migratepgx.WithInstance(handle, &migratepgx.Config{})
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	m, err := migrate.NewWithInstance("embedded", files, "postgres", driver)
	if err != nil {
		return fmt.Errorf("prepare migrations: %w", err)
	}
	defer func() { _, _ = m.Close() }()
	return fn(m)
}

// refuseTransactionPooler finds out whether a session keeps its server connection: a session-level setting made in one
// transaction must still be there in a second one while others come and go. The process id tells a pooler from a direct
// connection; the two backends of one session tell transaction mode from session mode.
func refuseTransactionPooler(ctx context.Context, config *pgx.ConnConfig) error {
	pooled, err := behindPooler(ctx, config)
	if err != nil {
		return fmt.Errorf("connect to database: %w", err)
	}
	if !pooled {
		return nil
	}
	heard, err := notifyReaches(ctx, config)
	if err != nil {
		return fmt.Errorf("probe connection pooler: %w", err)
	}
	if !heard {
		return ErrPooledMigration
	}
	return nil
}

// Package dbtest gives tests a real PostgreSQL: a migrated database per test (New), a transaction that is rolled back
// (Tx), PgBouncer in front of a database (PgBouncer), and writers that change flags from many connections at once
// (Writers). For test code only.
//
// All tests of a process share one server. It is the one that PENNON_TEST_DATABASE_URL names (a superuser's URL; make test
// starts one for all packages), or else a private throw-away server, started when first needed.
package dbtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.uber.org/goleak"

	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/db/postgres"
)

const (
	// URLVariable names the environment variable with the URL of a server for all test processes.
	URLVariable = "PENNON_TEST_DATABASE_URL"

	// setupTimeout bounds the making and dropping of a database; a busy machine may be slow.
	setupTimeout = 60 * time.Second
)

// Database is a migrated, seeded database of a test's own.
type Database struct {
	Name string
	DSN  string        // a direct connection to it, as superuser
	Pool *pgxpool.Pool // of db.Open, closed at the end of the test
}

// New makes a database for t and drops it at the end.
func New(t testing.TB) *Database {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	s, err := sharedServer()
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	d, err := s.create(ctx)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
		defer cancel()
		d.Pool.Close()
		if err := s.drop(ctx, d.Name); err != nil {
			t.Errorf("dbtest: %v", err)
		}
	})
	return d
}

// Tx begins a transaction on a database that the process's tests share, and rolls it back at the end of t. It is for
// queries: nothing is ever committed, so change-log triggers do not run and nobody is notified.
func Tx(t testing.TB) pgx.Tx {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	d, err := sharedDatabase()
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	tx, err := d.Pool.Begin(ctx)
	if err != nil {
		t.Fatalf("dbtest: begin: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
		defer cancel()
		if err := tx.Rollback(ctx); err != nil && !tx.Conn().IsClosed() && !errors.Is(err, pgx.ErrTxClosed) {
			t.Errorf("dbtest: roll back: %v", err)
		}
	})
	return tx
}

// Run runs the tests of a package, stops what this package started for them and reports goroutines that the tests left
// behind. Use it as os.Exit(dbtest.Run(m)) in TestMain. Without it the server ends with the process (on Linux).
func Run(m *testing.M, options ...goleak.Option) int {
	code := m.Run()
	if err := stopShared(); err != nil {
		fmt.Fprintln(os.Stderr, "dbtest:", err)
		code = max(code, 1)
	}
	if code == 0 {
		if err := goleak.Find(options...); err != nil {
			fmt.Fprintln(os.Stderr, "dbtest: goroutines left behind:", err)
			code = 1
		}
	}
	return code
}

// server is the process's server.
type server struct {
	url      string // of the database postgres
	template string
	admin    *pgxpool.Pool
	private  *postgres.Server // nil when the server is somebody else's
}

var (
	sharedMu  sync.Mutex
	sharedRan bool
	shared    *server
	sharedErr error
	txBase    *Database
)

// sharedServer starts the process's server at the first call.
func sharedServer() (*server, error) {
	sharedMu.Lock()
	defer sharedMu.Unlock()
	return startShared()
}

// startShared needs sharedMu.
func startShared() (*server, error) {
	if !sharedRan {
		sharedRan = true
		ctx, cancel := context.WithTimeout(context.Background(), 2*setupTimeout)
		defer cancel()
		shared, sharedErr = startServer(ctx)
	}
	return shared, sharedErr
}

// sharedDatabase makes the database of Tx at the first call.
func sharedDatabase() (*Database, error) {
	sharedMu.Lock()
	defer sharedMu.Unlock()
	s, err := startShared()
	if err != nil {
		return nil, err
	}
	if txBase == nil {
		ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
		defer cancel()
		if txBase, err = s.create(ctx); err != nil {
			return nil, err
		}
	}
	return txBase, nil
}

func stopShared() error {
	sharedMu.Lock()
	defer sharedMu.Unlock()
	if shared == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), setupTimeout)
	defer cancel()
	if txBase != nil {
		txBase.Pool.Close()
		if err := shared.drop(ctx, txBase.Name); err != nil {
			return err
		}
	}
	shared.admin.Close()
	if shared.private != nil {
		return shared.private.Stop(ctx)
	}
	return nil
}

func startServer(ctx context.Context) (*server, error) {
	s := &server{url: os.Getenv(URLVariable)}
	if s.url == "" {
		private, err := postgres.Start(ctx, postgres.Config{Throwaway: true, MaxConnections: 300})
		if err != nil {
			return nil, err
		}
		s.private, s.url = private, private.DSN("postgres")
	}
	admin, err := pgxpool.New(ctx, s.url)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", URLVariable, err)
	}
	s.admin = admin
	if s.template, err = s.ensureTemplate(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// create makes a database from the template and opens a pool.
func (s *server) create(ctx context.Context) (*Database, error) {
	d := &Database{Name: "pennon_test_" + strings.ToLower(rand.Text()[:16])}
	if _, err := s.admin.Exec(ctx, "CREATE DATABASE "+d.Name+" TEMPLATE "+s.template+" STRATEGY wal_log"); err != nil {
		return nil, fmt.Errorf("create database: %w", err)
	}
	var err error
	if d.DSN, err = withDatabase(s.url, d.Name); err != nil {
		return nil, err
	}
	d.Pool, err = db.Open(ctx, db.Config{URL: d.DSN, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return d, nil
}

func (s *server) drop(ctx context.Context, name string) error {
	if _, err := s.admin.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)"); err != nil {
		return fmt.Errorf("drop database: %w", err)
	}
	return nil
}

package dbtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/db/postgres"
)

// PoolMode is PgBouncer's pool_mode.
type PoolMode string

// The modes that Pennon supports.
const (
	TransactionPooling PoolMode = "transaction"
	SessionPooling     PoolMode = "session"
)

// bouncerPort names the socket file; PgBouncer listens on a unix socket only.
const bouncerPort = "6432"

// PgBouncer starts PgBouncer in front of d's server for the time of the test, and returns the URL of d through it. The
// package is installed when it is missing (needs root on Debian).
func PgBouncer(t testing.TB, d *Database, mode PoolMode) (dsn string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*setupTimeout)
	defer cancel()
	program, err := bouncerProgram(ctx)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	account, err := postgres.ServerAccount()
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	dir, err := os.MkdirTemp("", "pennon-pgbouncer-*")
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })

	config := filepath.Join(dir, "pgbouncer.ini")
	text, err := bouncerConfig(d.DSN, dir, mode)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	if err := errors.Join(os.WriteFile(config, []byte(text), 0o600), account.Own(config), account.Own(dir)); err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	process, err := postgres.StartProcess(exec.CommandContext(context.WithoutCancel(ctx), program, "-q", config), account)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() { _ = process.Stop(context.Background(), true) })

	dsn = (&url.URL{
		Scheme: "postgres", User: url.User("postgres"), Path: "/" + d.Name,
		RawQuery: url.Values{"host": {dir}, "port": {bouncerPort}, "sslmode": {"disable"}}.Encode(),
	}).String()
	if err := awaitConnection(ctx, dsn, process.Done()); err != nil {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		t.Fatalf("dbtest: start PgBouncer: %v: %s", err, log)
	}
	return dsn
}

// bouncerProgram finds PgBouncer, or installs it.
var bouncerMu sync.Mutex

func bouncerProgram(ctx context.Context) (string, error) {
	bouncerMu.Lock()
	defer bouncerMu.Unlock()
	find := func() (string, bool) {
		for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} { // Debian's sbin is not on every PATH
			if path, err := exec.LookPath(name); err == nil {
				return path, true
			}
		}
		return "", false
	}
	if path, ok := find(); ok {
		return path, nil
	}
	if os.Geteuid() != 0 {
		return "", errors.New("PgBouncer is missing: install it (Debian: apt-get install pgbouncer)")
	}
	if err := postgres.Install(ctx, slog.New(slog.DiscardHandler), "pgbouncer"); err != nil {
		return "", err
	}
	path, ok := find()
	if !ok {
		return "", errors.New("PgBouncer is missing although its package is installed")
	}
	return path, nil
}

// bouncerConfig lets anybody who can reach the socket in as the server's superuser.
func bouncerConfig(dsn, dir string, mode PoolMode) (string, error) {
	target, err := pgx.ParseConfig(dsn)
	if err != nil {
		return "", fmt.Errorf("parse database URL: %w", err)
	}
	database := fmt.Sprintf("* = host=%s port=%d user=%s", target.Host, target.Port, target.User)
	if target.Password != "" {
		database += " password=" + target.Password
	}
	return strings.Join([]string{
		"[databases]", database,
		"[pgbouncer]",
		"pool_mode = " + string(mode),
		"unix_socket_dir = " + dir,
		"listen_port = " + bouncerPort,
		"auth_type = any",
		"admin_users = postgres",
		"default_pool_size = 20",
		"max_client_conn = 500",
		"logfile = " + filepath.Join(dir, "log"),
		"log_connections = 0",
		"log_disconnections = 0",
		"",
	}, "\n"), nil
}

// awaitConnection connects until it works.
func awaitConnection(ctx context.Context, dsn string, ended <-chan struct{}) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		conn, err := pgx.Connect(ctx, dsn)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ended:
			return errors.New("it ended at once")
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

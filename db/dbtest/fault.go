package dbtest

import (
	"context"
	"os"
	"testing"

	"github.com/pennonhq/pennon/db"
)

// KillListeners ends the connections by which servers follow d's change log, as an operator or a fail-over would, and
// returns how many there were.
func KillListeners(t testing.TB, d *Database) (killed int) {
	t.Helper()
	killed, err := killListeners(context.Background(), d)
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	return killed
}

func killListeners(ctx context.Context, d *Database) (killed int, err error) {
	err = d.Pool.QueryRow(ctx, `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = $1`, db.ChangeLogName).Scan(&killed)
	return killed, err
}

// TempDir is like t.TempDir, but other users can enter it: as root the servers under test run as one.
func TempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pennon-test-*")
	if err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatalf("dbtest: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

package postgres_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/pennonhq/pennon/db/postgres"
)

// roleEnv turns this test binary into a process that starts a server in the named directory and then waits to be killed.
const roleEnv = "PENNON_TEST_START_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(roleEnv); dir != "" {
		_, err := postgres.Start(context.Background(), postgres.Config{Dir: dir})
		fmt.Fprintln(os.Stdout, "started", err)
		select {}
	}
	goleak.VerifyTestMain(m)
}

func TestStartKeepsDataAcrossRestarts(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	s := start(t, postgres.Config{Dir: dir})
	require.NoError(t, s.CreateDatabase(t.Context(), "pennon"))
	require.NoError(t, s.CreateDatabase(t.Context(), "pennon"), "creating an existing database is not an error")
	execute(t, s, "pennon", "CREATE TABLE kept AS SELECT 42 AS answer")
	require.NoError(t, s.Stop(t.Context()))

	s = start(t, postgres.Config{Dir: dir})
	require.Equal(t, 42, queryInt(t, s, "pennon", "SELECT answer FROM kept"))
}

func TestStartRefusesDirectoryInUse(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	start(t, postgres.Config{Dir: dir, Throwaway: true})
	_, err := postgres.Start(t.Context(), postgres.Config{Dir: dir, Throwaway: true})
	require.ErrorContains(t, err, "another Pennon uses this data directory")
}

func TestStartRefusesDataOfAnotherMajorVersion(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	s := start(t, postgres.Config{Dir: dir, Throwaway: true})
	require.NoError(t, s.Stop(t.Context()))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "data", "PG_VERSION"), []byte("11\n"), 0o600))

	_, err := postgres.Start(t.Context(), postgres.Config{Dir: dir, Throwaway: true})
	require.ErrorContains(t, err, "made by PostgreSQL 11")
}

func TestStartTakesShortSocketPathWhenDirectoryIsDeep(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(tempDir(t), strings.Repeat("deep/", 20))
	s := start(t, postgres.Config{Dir: dir, Throwaway: true})
	require.Less(t, len(s.SocketDir()), 90)
	require.Equal(t, 1, queryInt(t, s, "postgres", "SELECT 1"))
	require.NoError(t, s.Stop(t.Context()))
	require.NoDirExists(t, s.SocketDir())
}

func TestSocketDirectoryIsClosedToOthers(t *testing.T) {
	t.Parallel()
	s := start(t, postgres.Config{Throwaway: true})
	info, err := os.Stat(s.SocketDir())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

func TestPortListensWithPassword(t *testing.T) {
	t.Parallel()
	free, err := postgres.FreePort(t.Context())
	require.NoError(t, err)
	port := int(free)
	s := start(t, postgres.Config{Throwaway: true, Port: port})

	_, err = pgx.Connect(t.Context(), fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", port))
	require.ErrorContains(t, err, "password")
	conn, err := pgx.Connect(t.Context(), strings.TrimPrefix(s.PsqlCommand("postgres"), "psql "))
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

func TestTemporaryDirectoryIsRemovedByStop(t *testing.T) {
	t.Parallel()
	s := start(t, postgres.Config{Throwaway: true})
	dir := filepath.Dir(s.SocketDir())
	require.DirExists(t, dir)
	require.NoError(t, s.Stop(t.Context()))
	require.NoDirExists(t, dir)
	require.NoError(t, s.Stop(t.Context()), "a second Stop does nothing")
}

func TestFindBinariesNamesTheProblem(t *testing.T) {
	t.Parallel()
	_, err := postgres.FindBinaries(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// As root the server runs as another user, who cannot enter root's home.
func TestDirectoryOutOfReachIsReplaced(t *testing.T) {
	t.Parallel()
	open := tempDir(t)
	dir, err := postgres.Reachable(filepath.Join(open, "clone", ".pennon"))
	require.NoError(t, err)
	require.Equal(t, filepath.Join(open, "clone", ".pennon"), dir)

	closed := filepath.Join(open, "home")
	require.NoError(t, os.Mkdir(closed, 0o700))
	dir, err = postgres.Reachable(filepath.Join(closed, "clone", ".pennon"))
	require.NoError(t, err)
	require.Regexp(t, `^/var/lib/pennon/clone-[0-9a-f]{8}$`, dir)
}

// The pid file of a killed postmaster may name a process that is another program's by now.
func TestStartRecoversFromKilledServer(t *testing.T) {
	t.Parallel()
	for name, pid := range map[string]int{"PidIsGone": 0, "PidBelongsToAnotherProgram": os.Getpid()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := tempDir(t)
			s := start(t, postgres.Config{Dir: dir})
			execute(t, s, "postgres", "CREATE TABLE kept AS SELECT 42 AS answer")
			pidFile := filepath.Join(dir, "data", "postmaster.pid")
			content, err := os.ReadFile(pidFile)
			require.NoError(t, err)
			var postmaster int
			_, err = fmt.Sscan(string(content), &postmaster)
			require.NoError(t, err)
			require.NoError(t, syscall.Kill(postmaster, syscall.SIGKILL))
			<-s.Done()
			require.NoError(t, s.Stop(t.Context()))
			if pid != 0 {
				_, rest, _ := strings.Cut(string(content), "\n")
				require.NoError(t, os.WriteFile(pidFile, fmt.Appendf(nil, "%d\n%s", pid, rest), 0o600))
			}

			s = start(t, postgres.Config{Dir: dir})
			require.Equal(t, 42, queryInt(t, s, "postgres", "SELECT answer FROM kept"))
		})
	}
}

// TestStartWaitsForWhatAKilledServerLeft kills a server while it works for somebody: its backend learns of that only when it
// has done, and holds the shared memory until then.
func TestStartWaitsForWhatAKilledServerLeft(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	s := start(t, postgres.Config{Dir: dir})
	conn, err := pgx.Connect(t.Context(), s.DSN("postgres"))
	require.NoError(t, err)
	defer conn.Close(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = conn.Exec(context.Background(), "SELECT count(*) FROM generate_series(1, 8000000)") // however it ends
	}()
	require.Eventually(t, func() bool {
		return queryInt(t, s, "postgres", "SELECT count(*)::int FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series(1, 8000000)'") > 0
	}, 10*time.Second, time.Millisecond)
	content, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid"))
	require.NoError(t, err)
	var postmaster int
	_, err = fmt.Sscan(string(content), &postmaster)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(postmaster, syscall.SIGKILL))
	<-s.Done()
	require.NoError(t, s.Stop(t.Context()))

	s = start(t, postgres.Config{Dir: dir})
	require.Equal(t, 1, queryInt(t, s, "postgres", "SELECT 1"))
	<-done
}

func TestServerEndsWithItsKilledOwnerAndStartsAgain(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	owner := exec.Command(os.Args[0])
	owner.Env = append(os.Environ(), roleEnv+"="+dir)
	stdout, err := owner.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, owner.Start())
	var word string
	_, err = fmt.Fscan(stdout, &word)
	require.NoError(t, err)
	require.Equal(t, "started", word)
	require.NoError(t, owner.Process.Kill())
	var exit *exec.ExitError
	require.ErrorAs(t, owner.Wait(), &exit)

	s := start(t, postgres.Config{Dir: dir})
	require.Equal(t, 1, queryInt(t, s, "postgres", "SELECT 1"))
}

func start(t *testing.T, config postgres.Config) *postgres.Server {
	t.Helper()
	s, err := postgres.Start(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	return s
}

// tempDir is like t.TempDir, but other users can reach it: as root the server runs as one.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pennon-test-*")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func execute(t *testing.T, s *postgres.Server, database, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.DSN(database))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

func queryInt(t *testing.T, s *postgres.Server, database, sql string) (n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.DSN(database))
	require.NoError(t, err)
	require.NoError(t, conn.QueryRow(ctx, sql).Scan(&n))
	require.NoError(t, conn.Close(ctx))
	return n
}

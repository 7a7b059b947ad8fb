package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// downloadVersion is the version fetched where no package can be installed.
const downloadVersion = embeddedpostgres.V17

// errNotDebian says that there is no apt-get to install a package with.
var errNotDebian = errors.New("install package postgresql: needs root on Debian or Ubuntu")

// installPackage installs the distribution's package. It works for root on Debian and its relatives only.
func installPackage(ctx context.Context, logger *slog.Logger) error {
	if _, err := exec.LookPath("apt-get"); err != nil || os.Geteuid() != 0 {
		return errNotDebian
	}
	return Install(ctx, logger, "postgresql")
}

// Install installs a Debian package without asking anything. It needs root.
func Install(ctx context.Context, logger *slog.Logger, pkg string) error {
	logger.Info("installing a Debian package", "package", pkg)
	run := func(arguments ...string) error {
		var output bytes.Buffer
		command := exec.CommandContext(ctx, "apt-get", arguments...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		command.Stdout, command.Stderr = &output, &output
		if err := command.Run(); err != nil {
			return fmt.Errorf("install package %s: %w: %s", pkg, err, lastLines(output.Bytes(), 5))
		}
		return nil
	}
	// Another apt may hold the lock for a while (unattended upgrades at first boot).
	install := []string{"-o", "DPkg::Lock::Timeout=120", "install", "-y", "-q", "--no-install-recommends", pkg}
	if run(install...) == nil {
		return nil
	}
	// The usual reason in a fresh container: no package lists yet.
	if err := run("-o", "DPkg::Lock::Timeout=120", "update", "-q"); err != nil {
		return err
	}
	return run(install...)
}

// downloadDir is where downloaded programs are kept, shared by all of the user's projects. The server's user must be able
// to reach it, which a root's home directory does not allow.
func downloadDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/pennon/postgresql"
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "pennon", "postgresql")
}

// downloadPattern is where installed finds downloaded programs.
func downloadPattern() string { return filepath.Join(downloadDir(), "*", "bin") }

// download fetches and unpacks a prebuilt PostgreSQL from Maven Central.
func download(ctx context.Context, logger *slog.Logger) error {
	logger.Info("downloading PostgreSQL", "version", downloadVersion)
	target := filepath.Join(downloadDir(), string(downloadVersion))
	if err := os.MkdirAll(downloadDir(), 0o755); err != nil {
		return fmt.Errorf("download PostgreSQL: %w", err)
	}
	scratch, err := os.MkdirTemp("", "pennon-download-*")
	if err != nil {
		return fmt.Errorf("download PostgreSQL: %w", err)
	}
	defer os.RemoveAll(scratch)
	port, err := freePort(ctx)
	if err != nil {
		return fmt.Errorf("download PostgreSQL: %w", err)
	}

	// The library has no call that only fetches: Start fetches, unpacks, and then runs a server of its own, which is
	// stopped again (as root it does not even start). What counts is whether the programs are there afterwards.
	trial := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(downloadVersion).
		CachePath(filepath.Join(scratch, "cache")).
		BinariesPath(target).
		RuntimePath(filepath.Join(scratch, "run")).
		DataPath(filepath.Join(scratch, "run", "data")).
		Port(port).
		Logger(io.Discard))
	startErr := trial.Start()
	if startErr == nil {
		_ = trial.Stop()
	}
	if _, err := os.Stat(filepath.Join(target, "bin", "initdb")); err != nil {
		return fmt.Errorf("download PostgreSQL %s: %w", downloadVersion, startErr)
	}
	return nil
}

// freePort returns a TCP port nobody listens on at the moment.
func freePort(ctx context.Context) (uint32, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return uint32(listener.Addr().(*net.TCPAddr).Port), nil
}

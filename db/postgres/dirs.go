package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// socketPathMax is the longest path of a unix socket that all systems take (macOS 103, Linux 107 bytes).
	socketPathMax = 103

	// tempPrefix begins the names of our temporary directories.
	tempPrefix = "pennon-postgres-"

	// lockPatience is how long Start waits for the previous owner of a directory to finish stopping.
	lockPatience = 3 * time.Second
)

// errInUse says that another process runs a server in the directory.
var errInUse = errors.New("another Pennon uses this data directory")

// prepareDirs makes the server's directory and the socket's, with permissions the account can work with, and locks it.
func (s *Server) prepareDirs(dir string, account Account) error {
	if dir == "" {
		sweepTemp()
		temp, err := os.MkdirTemp("", tempPrefix+"*")
		if err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
		s.remove = append(s.remove, temp)
		dir = temp
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if account.switched {
		wanted := dir
		if dir, err = reachable(wanted); err != nil {
			return err
		}
		if dir != wanted {
			s.logger.Info("PostgreSQL's user cannot reach the data directory; the data is kept elsewhere", "wanted", wanted, "dir", dir)
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if account.switched {
		// Only the parent: what matters lies in leaf directories that the account alone may enter.
		if err := os.Chmod(dir, 0o755); err != nil {
			return fmt.Errorf("data directory: %w", err)
		}
	}
	s.dir = dir
	if s.lock, err = lockDir(dir); err != nil {
		return err
	}

	s.socketDir = filepath.Join(dir, "socket")
	if len(filepath.Join(s.socketDir, ".s.PGSQL.65535.lock")) > socketPathMax {
		// The path follows from dir, so that a restart takes the same one.
		sum := sha256.Sum256([]byte(dir))
		s.socketDir = filepath.Join(os.TempDir(), tempPrefix+"socket-"+hex.EncodeToString(sum[:6]))
		s.remove = append(s.remove, s.socketDir)
	}
	if err := os.Mkdir(s.socketDir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("socket directory: %w", err)
	}
	// A directory of another user's making in the shared temporary directory is refused by chown or chmod.
	if err := errors.Join(account.Own(s.socketDir), os.Chmod(s.socketDir, 0o700)); err != nil {
		return fmt.Errorf("socket directory: %w", err)
	}
	return nil
}

// reachable returns dir, or where a directory above it is closed to other users (root's home), a place of its own under
// /var/lib that the server's account can reach.
func reachable(dir string) (string, error) {
	for parent := filepath.Dir(dir); ; parent = filepath.Dir(parent) {
		info, err := os.Stat(parent)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", fmt.Errorf("data directory: %w", err)
		}
		if err == nil && info.Mode().Perm()&0o001 == 0 {
			sum := sha256.Sum256([]byte(dir))
			return filepath.Join("/var/lib/pennon", filepath.Base(filepath.Dir(dir))+"-"+hex.EncodeToString(sum[:4])), nil
		}
		if parent == filepath.Dir(parent) {
			return dir, nil
		}
	}
}

// lockDir takes the lock on a directory, which the kernel gives back when this process ends in whatever way.
func lockDir(dir string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock data directory: %w", err)
	}
	deadline := time.Now().Add(lockPatience)
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) || time.Now().After(deadline) {
			_ = file.Close()
			if errors.Is(err, unix.EWOULDBLOCK) {
				err = errInUse
			}
			return nil, fmt.Errorf("lock data directory %s: %w", dir, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// sweepTemp removes temporary directories whose owner was killed: those that nobody holds the lock of. Failures are left
// for the next sweep.
func sweepTemp() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), tempPrefix+"*")) // the pattern is well-formed
	for _, dir := range dirs {
		info, err := os.Stat(filepath.Join(dir, "lock"))
		if err != nil || time.Since(info.ModTime()) < time.Minute {
			continue // without a lock file it is a socket directory, or just being made
		}
		file, err := os.Open(filepath.Join(dir, "lock"))
		if err != nil {
			continue
		}
		if unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil {
			_ = os.RemoveAll(dir)
		}
		_ = file.Close()
	}
}

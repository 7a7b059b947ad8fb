//go:build unix

package sdk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// stampName is the file in node_modules that says which package-lock.json it was installed from.
// npm ci removes node_modules first, so a half-finished installation has no stamp.
const stampName = ".package-lock.sha256"

// scriptFolder answers the absolute path of a folder of test/sdk in the module that the test runs in.
func scriptFolder(name string) (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(folder, "test", "sdk", name), nil
		}
		parent := filepath.Dir(folder)
		if parent == folder {
			return "", errors.New("find the module: no go.mod above the working directory")
		}
		folder = parent
	}
}

// Install runs `npm ci` in folder unless node_modules already matches package-lock.json.
func Install(ctx context.Context, folder string) error {
	wanted, err := os.ReadFile(filepath.Join(folder, "package-lock.json"))
	if err != nil {
		return fmt.Errorf("read the lock file: %w", err)
	}
	sum := sha256.Sum256(wanted)
	stamp := filepath.Join(folder, "node_modules", stampName)
	return once(filepath.Join(folder, ".npm.lock"), stamp, hex.EncodeToString(sum[:]), func() error {
		command := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
		command.Dir = folder
		if output, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("npm ci: %w\n%s", err, output)
		}
		return nil
	})
}

// once calls work unless the file stamp says that it was done for hash, and writes the stamp when work succeeds. Test
// processes that start at the same time wait for each other on the file lock; the first works.
func once(lock, stamp, hash string, work func() error) (err error) {
	file, err := os.OpenFile(lock, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return fmt.Errorf("take turns: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }() // closing releases the lock
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("take turns: %w", err)
	}
	if done, err := os.ReadFile(stamp); err == nil && strings.TrimSpace(string(done)) == hash {
		return nil
	}
	if err := work(); err != nil {
		return err
	}
	if err := os.WriteFile(stamp, []byte(hash+"\n"), 0o644); err != nil {
		return fmt.Errorf("stamp the work: %w", err)
	}
	return nil
}

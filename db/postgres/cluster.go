package postgres

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cluster is a data directory, the programs it is run with and the account they run as.
type cluster struct {
	dir      string
	binaries Binaries
	account  Account
}

// ensure makes the data directory unless it is there, and returns the superuser's password, which is kept in a file. It
// refuses a directory of another major version before PostgreSQL gets to see it.
func (c cluster) ensure(ctx context.Context, passwordFile string, throwaway bool, logger *slog.Logger) (string, error) {
	version, err := os.ReadFile(filepath.Join(c.dir, "PG_VERSION"))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return c.create(ctx, passwordFile, throwaway, logger)
	case err != nil:
		return "", fmt.Errorf("read data directory: %w", err)
	}
	if major := strings.TrimSpace(string(version)); major != strconv.Itoa(c.binaries.major) {
		return "", fmt.Errorf("data directory %s was made by PostgreSQL %s, but the programs in %s are version %d: "+
			"install version %s, or move the directory away to start afresh", c.dir, major, c.binaries.dir, c.binaries.major, major)
	}
	password, err := os.ReadFile(passwordFile)
	if err != nil {
		return "", fmt.Errorf("read data directory: %w", err)
	}
	return string(password), nil
}

// create runs initdb beside the final place and moves the result there, so that an interrupted run leaves no half-made
// data directory.
func (c cluster) create(ctx context.Context, passwordFile string, throwaway bool, logger *slog.Logger) (string, error) {
	began := time.Now()
	password := rand.Text()
	if err := errors.Join(os.WriteFile(passwordFile, []byte(password), 0o600), c.account.Own(passwordFile)); err != nil {
		return "", fmt.Errorf("create data directory: %w", err)
	}
	fresh := c.dir + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.Mkdir(fresh, 0o700), c.account.Own(fresh)); err != nil {
		return "", fmt.Errorf("create data directory: %w", err)
	}
	arguments := []string{
		"-D", fresh, "-U", superuser, "-E", "UTF8", "--locale=C",
		"--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile=" + passwordFile,
	}
	if throwaway {
		arguments = append(arguments, "--no-sync")
	}
	var output bytes.Buffer
	command := exec.CommandContext(ctx, filepath.Join(c.binaries.dir, "initdb"), arguments...)
	command.Dir, command.Env = "/", environment()
	command.Stdout, command.Stderr = &output, &output
	c.account.apply(command)
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("create data directory %s: %w: %s", c.dir, err, lastLines(output.Bytes(), 10))
	}
	if err := os.Rename(fresh, c.dir); err != nil {
		return "", fmt.Errorf("create data directory: %w", err)
	}
	logger.Debug("data directory created", "dir", c.dir, "version", c.binaries.major, "took", time.Since(began))
	return password, nil
}

// environment is the programs' environment: ours without the PG* variables, which would reach into the private server.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "PG") && !strings.HasPrefix(variable, "LC_") {
			kept = append(kept, variable)
		}
	}
	return append(kept, "LC_ALL=C")
}

// lastLines is the end of a program's output, for error messages.
func lastLines(output []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(output)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// shellQuote makes text one word for a shell.
func shellQuote(text string) string {
	if strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

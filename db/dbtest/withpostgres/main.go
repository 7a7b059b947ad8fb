// Command withpostgres runs a command with a throw-away PostgreSQL server whose URL is in PENNON_TEST_DATABASE_URL, so that
// all packages of one go test run share a server and its template database:
//
//	go run ./db/dbtest/withpostgres go test ./...
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/db/postgres"
)

// maxConnections is enough for all packages' pools at once.
const maxConnections = 300

func main() {
	code, err := run(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpostgres:", err)
	}
	os.Exit(code)
}

// run returns the command's exit code.
func run(arguments []string) (int, error) {
	if len(arguments) == 0 {
		return 2, errors.New("usage: withpostgres command [argument...]")
	}
	// The command gets Ctrl-C too, being in our process group; we only wait for it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	server, err := postgres.Start(ctx, postgres.Config{Throwaway: true, MaxConnections: maxConnections, Logger: logger})
	if err != nil {
		return 1, err
	}
	defer func() { _ = server.Stop(context.Background()) }()

	command := exec.CommandContext(ctx, arguments[0], arguments[1:]...)
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.Env = append(os.Environ(), dbtest.URLVariable+"="+server.DSN("postgres"))
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return max(exit.ExitCode(), 1), nil
	}
	if err != nil {
		return 1, err
	}
	return 0, nil
}

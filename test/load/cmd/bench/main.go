// Command bench measures Pennon beside bare-Go ceilings and the published Unleash server and writes docs/performance.md.
// Run it from the repository's root; make bench does. It needs Linux, npm and what ./db/postgres needs.
//
// It exits with 1 when a figure could not be taken, and with -strict also when a bar is missed. A missed bar alone is not
// an error: the machine may have been busy, and the report says so.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/suite"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("only", "", "areas to measure, separated by commas: "+strings.Join(suite.Names(), ", "))
	rounds := flags.Int("rounds", 3, "rounds of every area")
	output := flags.String("output", "", "file to write (default docs/performance.md, or standard output with -only)")
	streams := flags.Int("streams", 10_000, "subscribers of the large fan-out")
	cache := flags.String("cache", filepath.Join(".cache", "bench"), "directory for binaries, the peer, logs and raw figures")
	strict := flags.Bool("strict", false, "fail when a bar is missed")
	if err := flags.Parse(args); err != nil {
		return err
	}
	config := suite.Config{
		Rounds: *rounds, Streams: *streams, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil)),
	}
	if *only != "" {
		config.Only = strings.Split(*only, ",")
	} else if *output == "" {
		*output = filepath.Join("docs", "performance.md")
	}
	var err error
	if config.Root, err = os.Getwd(); err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	if config.Cache, err = filepath.Abs(*cache); err != nil {
		return fmt.Errorf("find the cache: %w", err)
	}
	document, records, err := suite.Run(ctx, config)
	if err != nil {
		return err
	}
	if err := records.Save(suite.SavedRecords(config.Cache)); err != nil {
		return err
	}
	if err := write(document, *output); err != nil {
		return err
	}
	tally := document.Tally()
	fmt.Fprintf(os.Stderr, "%d rows met, %d missed, %d failed\n", tally[report.Met], tally[report.Missed], tally[report.Failed])
	switch {
	case tally[report.Failed] > 0:
		return errors.New("not every figure could be taken; the report tells why")
	case *strict && tally[report.Missed] > 0:
		return errors.New("a bar is missed")
	}
	return nil
}

// write writes the report to a file, or to standard output when there is no name.
func write(document report.Document, name string) error {
	if name == "" {
		_, err := document.WriteTo(os.Stdout)
		return err
	}
	file, err := os.Create(name)
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	if _, err := document.WriteTo(file); err != nil {
		return errors.Join(fmt.Errorf("write report: %w", err), file.Close())
	}
	return file.Close()
}

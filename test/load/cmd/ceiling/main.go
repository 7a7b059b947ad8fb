// Command ceiling runs one of the bare Go programs the benchmark holds Pennon against, until it is interrupted:
//
//	ceiling jsonserve -listen 127.0.0.1:4300 -body features.json
//	ceiling rawfan    -listen 127.0.0.1:4300
//	ceiling refpush   -listen 127.0.0.1:4300 -database postgres://…
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/test/load/ceiling"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "ceiling:", err)
		os.Exit(1)
	}
}

// fanWriters is the number of goroutines that write to streams: the machine the figures are taken on has two cores.
const fanWriters = 2

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("name a program: jsonserve, rawfan or refpush")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:4300", "address to serve on")
	body := flags.String("body", "", "jsonserve: file with the body")
	database := flags.String("database", "", "refpush: database URL")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	var handler http.Handler
	switch args[0] {
	case "jsonserve":
		bytes, err := os.ReadFile(*body)
		if err != nil {
			return fmt.Errorf("read body: %w", err)
		}
		if handler, err = ceiling.JSONServe(bytes); err != nil {
			return err
		}
	case "rawfan":
		fan := ceiling.NewFan(fanWriters)
		group.Go(func() error { return fan.Run(ctx) })
		handler = ceiling.RawFan(fan)
	case "refpush":
		fan := ceiling.NewFan(fanWriters)
		push, err := ceiling.NewRefPush(ctx, *database, fan)
		if err != nil {
			return err
		}
		group.Go(func() error { return fan.Run(ctx) })
		group.Go(func() error { return push.Run(ctx) })
		handler = push.Handler()
	default:
		return fmt.Errorf("no program %q", args[0])
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", handler)
	mux.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	group.Go(func() error { return server.Serve(listener) })
	group.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	return group.Wait()
}

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// healthTimeout bounds one question to a server.
const healthTimeout = 5 * time.Second

// probeOptions name the server that is asked.
type probeOptions struct {
	URL string `name:"url" env:"PENNON_URL,UNLEASH_URL" default:"http://localhost:4242" help:"Address of the server, with its base path."`
}

type healthCommand struct{ probeOptions }

// Run asks GET /health: is the process up?
func (c *healthCommand) Run(ctx context.Context, std streams) error {
	return c.probe(ctx, std, "/health")
}

type readyCommand struct{ probeOptions }

// Run asks GET /ready: can it serve?
func (c *readyCommand) Run(ctx context.Context, std streams) error {
	return c.probe(ctx, std, "/ready")
}

func (o probeOptions) probe(ctx context.Context, std streams, path string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(o.URL, "/")+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(std.out, strings.TrimSpace(string(body)))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", o.URL+path, response.Status)
	}
	return nil
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/pennonhq/pennon/edge"
)

// healthTimeout bounds one question to a server.
const healthTimeout = 5 * time.Second

// probeOptions name the server that is asked.
type probeOptions struct {
	URL     string `name:"url" env:"PENNON_URL,UNLEASH_URL" default:"http://localhost:4242" help:"Address of the server, with its base path."`
	EdgeURL string `name:"edge-url" short:"e" env:"EDGE_URL" help:"Address of an edge (http://localhost:3063), which is then asked in the server's place."`
	CAFile  string `name:"ca-certificate-file" short:"c" env:"CA_CERTIFICATE_FILE" help:"File with certificates, PEM, that its own may be signed by."`
}

type healthCommand struct{ probeOptions }

// Run asks GET /health: is the process up?
func (c *healthCommand) Run(ctx context.Context, std streams) error {
	return c.probe(ctx, std, "/health", "OK")
}

type readyCommand struct{ probeOptions }

// Run asks GET /ready: can it serve?
func (c *readyCommand) Run(ctx context.Context, std streams) error {
	return c.probe(ctx, std, "/ready", "READY")
}

// probe asks the server, or the edge, which has to answer with that status in its words, too.
func (o probeOptions) probe(ctx context.Context, std streams, path, status string) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	address := strings.TrimRight(o.URL, "/") + path
	if o.EdgeURL != "" {
		address = strings.TrimRight(o.EdgeURL, "/") + edge.Backstage + path
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	transport, err := upstreamOptions{CAFile: o.CAFile, Connect: 5, Socket: 5, KeepAlive: 15}.transport()
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		var broken *url.Error
		if errors.As(err, &broken) { // probes exit with 1 whatever the reason
			err = broken.Err
		}
		return fmt.Errorf("cannot reach %s: %w", address, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintln(std.out, strings.TrimSpace(string(body)))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", address, response.Status)
	}
	if o.EdgeURL == "" {
		return nil
	}
	var said struct{ Status string }
	if json.Unmarshal(body, &said) != nil || said.Status != status {
		return fmt.Errorf("%s did not answer %s", address, status)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/pennonhq/pennon/edge"
)

// offlineCommand is the edge without a server. Its variables are those of Unleash Edge.
type offlineCommand struct {
	File     string   `name:"bootstrap-file" short:"b" env:"BOOTSTRAP_FILE" help:"File with the flags, as GET /api/client/features answers, or {\"flag\":{\"enabled\":true}}. Required."`
	Clients  []string `name:"client-tokens" short:"c" env:"CLIENT_TOKENS" placeholder:"TOKEN" help:"Any texts that back-end SDKs may use as tokens."`
	Browsers []string `name:"frontend-tokens" env:"FRONTEND_TOKENS" placeholder:"TOKEN" help:"Any texts that browsers and apps may use as tokens. One token at least is required."`
	Reload   int      `name:"reload-interval" short:"r" env:"RELOAD_INTERVAL" default:"0" help:"Seconds between two looks at the file; 0 for none."`

	Surface surfaceOptions `embed:""`
}

// Run serves until ctx is done.
func (c *offlineCommand) Run(ctx context.Context, std streams) error {
	if c.File == "" {
		return errors.New("the file with the flags is missing: set BOOTSTRAP_FILE or --bootstrap-file")
	}
	surface, err := c.Surface.config(c.Surface.logger(std))
	if err != nil {
		return err
	}
	o, err := edge.NewOffline(ctx, edge.OfflineConfig{
		Surface: surface, BootstrapFile: c.File, ClientTokens: trimmed(c.Clients), FrontendTokens: trimmed(c.Browsers), Reload: seconds(c.Reload),
	})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(std.out, "The edge is listening on %s\n", o.URL())
	return o.Run(ctx)
}

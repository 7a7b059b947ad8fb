package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/apitoken"
	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/token"
)

// tokenCommand works on the database itself: it is for the first token, and for when no admin token is left.
type tokenCommand struct {
	Create tokenCreateCommand `cmd:"" help:"Create a token and print its secret."`
	List   tokenListCommand   `cmd:"" default:"withargs" help:"List tokens, without their secrets."`
	Revoke tokenRevokeCommand `cmd:"" help:"Revoke every token with a name. Streams that use it end at once."`
}

type tokenCreateCommand struct {
	Name        string          `arg:"" help:"What the token is called."`
	Kind        string          `name:"type" short:"t" default:"client" enum:"client,backend,frontend,admin" help:"client (or backend, the same), frontend or admin."`
	Environment string          `name:"environment" short:"e" default:"development" help:"The environment it sees; admin tokens see all."`
	Projects    []string        `name:"project" short:"p" default:"*" help:"The projects it sees; repeat or separate by comma; * for all."`
	Expires     time.Duration   `name:"expires-in" help:"How long it is valid; for ever by default."`
	JSON        bool            `name:"json" help:"Print JSON."`
	Database    databaseOptions `embed:""`
}

// Run creates a token.
func (c *tokenCreateCommand) Run(ctx context.Context, std streams) error {
	kind := token.Kind(c.Kind)
	if c.Kind == "backend" {
		kind = token.Client
	}
	wanted := apitoken.New{Name: c.Name, Kind: kind, Environment: c.Environment, Projects: c.Projects}
	if c.Expires > 0 {
		at := time.Now().Add(c.Expires)
		wanted.ExpiresAt = &at
	}
	return c.Database.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		row, err := apitoken.Create(ctx, tx, wanted)
		if err != nil {
			return err
		}
		if row.Secret == nil {
			return errors.New("the token's secret was not kept")
		}
		if c.JSON {
			return json.NewEncoder(std.out).Encode(map[string]any{"secret": *row.Secret, "token": apitoken.Describe(row)})
		}
		_, err = fmt.Fprintln(std.out, *row.Secret)
		return err
	})
}

type tokenListCommand struct {
	JSON     bool            `name:"json" help:"Print JSON."`
	Database databaseOptions `embed:""`
}

// Run lists tokens.
func (c *tokenListCommand) Run(ctx context.Context, std streams) error {
	return c.Database.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := queries.New().APITokenList(ctx, tx, queries.APITokenListParams{})
		if err != nil {
			return fmt.Errorf("list tokens: %w", err)
		}
		described := make([]apitoken.Description, 0, len(rows))
		for _, row := range rows {
			described = append(described, apitoken.Describe(row))
		}
		if c.JSON {
			return json.NewEncoder(std.out).Encode(described)
		}
		table := tabwriter.NewWriter(std.out, 0, 0, 2, ' ', 0)
		_, _ = fmt.Fprintln(table, "NAME\tTYPE\tENVIRONMENT\tPROJECTS\tCREATED\tEXPIRES")
		for _, d := range described {
			expires := "never"
			if d.ExpiresAt != nil {
				expires = d.ExpiresAt.Format(time.DateTime)
			}
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", d.TokenName, d.Type, d.Environment,
				strings.Join(d.Projects, ","), d.CreatedAt.Format(time.DateTime), expires)
		}
		return table.Flush()
	})
}

type tokenRevokeCommand struct {
	Name     string          `arg:"" help:"Name of the token, or of several."`
	Database databaseOptions `embed:""`
}

// Run revokes tokens.
func (c *tokenRevokeCommand) Run(ctx context.Context, std streams) error {
	return c.Database.inTx(ctx, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := queries.New().APITokenList(ctx, tx, queries.APITokenListParams{Name: &c.Name})
		if err != nil {
			return fmt.Errorf("find token: %w", err)
		}
		if len(rows) == 0 {
			return fmt.Errorf("there is no token named %q", c.Name)
		}
		for _, row := range rows {
			if err := apitoken.Revoke(ctx, tx, row); err != nil {
				return err
			}
		}
		_, err = fmt.Fprintf(std.out, "revoked %d\n", len(rows))
		return err
	})
}

// inTx runs fn on the configured database, as the system.
func (o databaseOptions) inTx(ctx context.Context, fn func(context.Context, pgx.Tx) error) error {
	url, err := o.migrationURL()
	if err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to database: %w", err)
	}
	defer pool.Close()
	ctx = access.WithActor(ctx, access.System())
	return db.InTx(ctx, pool, func(tx pgx.Tx) error { return fn(ctx, tx) })
}

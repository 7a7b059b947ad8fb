package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pennonhq/pennon/db/postgres"
	"github.com/pennonhq/pennon/server"
	"github.com/pennonhq/pennon/token"
)

// devDatabase is the name of the private server's database.
const devDatabase = "unleash"

// devTokens are made once and kept, so that they stay the same from run to run.
type devTokens struct {
	Admin    string `json:"admin"`
	Client   string `json:"client"`
	Frontend string `json:"frontend"`
}

// serveDev serves with what a newcomer lacks: a database, tokens, and something to try.
func (c *serveCommand) serveDev(ctx context.Context, std streams, config server.Config) (err error) {
	if config.DatabaseURL == "" {
		logger := config.Logger
		private, err := postgres.Start(ctx, postgres.Config{Dir: filepath.Join(c.Dir, "postgres"), Logger: logger})
		if err != nil {
			return fmt.Errorf("start a private PostgreSQL (set DATABASE_URL to use another): %w", err)
		}
		defer func() { err = errors.Join(err, private.Stop(context.WithoutCancel(ctx))) }()
		if err := private.CreateDatabase(ctx, devDatabase); err != nil {
			return err
		}
		config.DatabaseURL = private.DSN(devDatabase)
		config.DatabaseDirectURL = config.DatabaseURL
	}
	tokens, err := loadDevTokens(filepath.Join(c.Dir, "tokens.json"))
	if err != nil {
		return err
	}
	config.AdminTokens = append(config.AdminTokens, tokens.Admin)
	config.ClientTokens = append(config.ClientTokens, tokens.Client)
	config.FrontendTokens = append(config.FrontendTokens, tokens.Frontend)

	s, err := server.New(ctx, config)
	if err != nil {
		return err
	}
	printWelcome(std, s.URL(), config.DatabaseURL, tokens)
	return s.Run(ctx)
}

// loadDevTokens reads the tokens of an earlier run, or makes them. The file is for its owner's eyes only.
func loadDevTokens(path string) (devTokens, error) {
	content, err := os.ReadFile(path)
	if err == nil {
		var tokens devTokens
		if err := json.Unmarshal(content, &tokens); err != nil {
			return devTokens{}, fmt.Errorf("read %s: %w", path, err)
		}
		return tokens, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return devTokens{}, err
	}
	development := token.NewScope("development", token.All)
	tokens := devTokens{
		Admin:    token.New(token.Admin, token.Scope{}),
		Client:   token.New(token.Client, development),
		Frontend: token.New(token.Frontend, development),
	}
	content, err = json.MarshalIndent(tokens, "", "  ")
	if err != nil {
		return devTokens{}, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return devTokens{}, err
	}
	return tokens, os.WriteFile(path, append(content, '\n'), 0o600)
}

// printWelcome shows where the server is and two lines to paste: one that streams, one that toggles.
func printWelcome(std streams, url, database string, tokens devTokens) {
	const indent = "    "
	lines := []string{
		"",
		"  Pennon serves on " + url + "   (API docs: " + url + "/docs)",
		"",
		"  admin token   " + tokens.Admin,
		"  SDK token     " + tokens.Client + "   (environment development)",
		"  browser token " + tokens.Frontend,
		"",
		"  Watch what SDKs get, in one terminal:",
		"",
		indent + "curl -N -H 'Authorization: " + tokens.Client + "' " + url + "/api/client/streaming",
		"",
		"  and what one user's browser gets, in another:",
		"",
		indent + "curl -N -H 'Authorization: " + tokens.Frontend + "' '" + url + "/api/frontend/stream?userId=7'",
		"",
		"  Create a flag and turn it on, in a third:",
		"",
		indent + "curl -X POST -H 'Authorization: " + tokens.Admin + "' -H 'Content-Type: application/json' -d '{\"name\":\"hello\"}' " + url + "/api/admin/projects/default/features",
		indent + "curl -X POST -H 'Authorization: " + tokens.Admin + "' " + url + "/api/admin/projects/default/features/hello/environments/development/on",
		"",
		"  or with plain SQL:",
		"",
		indent + "psql '" + database + "' -c \"UPDATE feature_environments SET enabled = NOT enabled WHERE feature = 'hello'\"",
		"",
	}
	_, _ = fmt.Fprintln(std.out, strings.Join(lines, "\n"))
}

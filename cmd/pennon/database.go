package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

// errNoDatabase names the remedies.
var errNoDatabase = errors.New("no database is configured: set DATABASE_URL (or DATABASE_HOST, DATABASE_NAME, DATABASE_USERNAME, DATABASE_PASSWORD), or run 'pennon serve --dev' for a private one")

// databaseOptions say where PostgreSQL is, in Unleash's words and ours. A URL wins over the single parts; a _FILE variable
// names a file that holds the value, as secrets are mounted.
type databaseOptions struct {
	URL           string        `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"PostgreSQL URL for the connection pool; may lead through PgBouncer."`
	URLFile       string        `name:"database-url-file" env:"DATABASE_URL_FILE" placeholder:"FILE" help:"File that holds the PostgreSQL URL."`
	DirectURL     string        `name:"database-direct-url" env:"DATABASE_DIRECT_URL" placeholder:"URL" help:"PostgreSQL URL that bypasses a transaction pooler, for LISTEN and migrations; by default the same."`
	DirectURLFile string        `name:"database-direct-url-file" env:"DATABASE_DIRECT_URL_FILE" placeholder:"FILE" help:"File that holds the direct PostgreSQL URL."`
	Host          string        `name:"database-host" env:"DATABASE_HOST" help:"Host, when no URL is given."`
	Port          int           `name:"database-port" env:"DATABASE_PORT" default:"5432" help:"Port, when no URL is given."`
	Name          string        `name:"database-name" env:"DATABASE_NAME" default:"unleash" help:"Database, when no URL is given."`
	User          string        `name:"database-username" env:"DATABASE_USERNAME,DATABASE_USER" help:"Role, when no URL is given."`
	Password      string        `name:"database-password" env:"DATABASE_PASSWORD,DATABASE_PASS" help:"Password, when no URL is given."`
	PasswordFile  string        `name:"database-password-file" env:"DATABASE_PASSWORD_FILE" placeholder:"FILE" help:"File that holds the password."`
	SSL           string        `name:"database-ssl" env:"DATABASE_SSL" placeholder:"JSON" help:"false, true, or Unleash's JSON ({\"rejectUnauthorized\":false}), when no URL is given."`
	Schema        string        `name:"database-schema" env:"DATABASE_SCHEMA" help:"Schema that holds the tables, when it is not the role's default. Not through a pooler: set the role's search_path there."`
	PoolMax       int32         `name:"database-pool-max" env:"DATABASE_POOL_MAX" default:"10" help:"Connections in the pool. Behind a session pooler, the sum over all servers must fit its pool."`
	PollInterval  time.Duration `name:"change-poll-interval" env:"CHANGE_POLL_INTERVAL" default:"5s" help:"How often the change log is read even if nothing was notified."`
}

// urls resolves the options to the pool's URL and the direct one. Both are empty when nothing is configured.
func (o databaseOptions) urls() (pool, direct string, err error) {
	if pool, err = valueOrFile(o.URL, o.URLFile); err != nil {
		return "", "", err
	}
	if direct, err = valueOrFile(o.DirectURL, o.DirectURLFile); err != nil {
		return "", "", err
	}
	if pool == "" && o.Host != "" {
		if pool, err = o.fromParts(); err != nil {
			return "", "", err
		}
	}
	if pool == "" {
		pool = direct
	}
	if direct == "" {
		direct = pool
	}
	return pool, direct, nil
}

func (o databaseOptions) fromParts() (string, error) {
	password, err := valueOrFile(o.Password, o.PasswordFile)
	if err != nil {
		return "", err
	}
	parts := url.URL{Scheme: "postgres", Host: net.JoinHostPort(o.Host, strconv.Itoa(o.Port)), Path: "/" + o.Name}
	switch {
	case password != "":
		parts.User = url.UserPassword(o.User, password)
	case o.User != "":
		parts.User = url.User(o.User)
	}
	query := url.Values{}
	mode, err := sslMode(o.SSL)
	if err != nil {
		return "", err
	}
	if mode != "" {
		query.Set("sslmode", mode)
	}
	if o.Schema != "" {
		query.Set("search_path", o.Schema)
	}
	parts.RawQuery = query.Encode()
	return parts.String(), nil
}

// sslMode translates Unleash's DATABASE_SSL. Unset leaves the choice to PostgreSQL's client (prefer).
func sslMode(text string) (string, error) {
	switch strings.TrimSpace(text) {
	case "":
		return "", nil
	case "false":
		return "disable", nil
	case "true":
		return "verify-full", nil
	}
	var options struct {
		RejectUnauthorized *bool `json:"rejectUnauthorized"`
	}
	if err := json.Unmarshal([]byte(text), &options); err != nil {
		return "", fmt.Errorf("DATABASE_SSL must be true, false or a JSON object: %w", err)
	}
	if options.RejectUnauthorized != nil && !*options.RejectUnauthorized {
		return "require", nil
	}
	return "verify-full", nil
}

// valueOrFile returns value, or the trimmed content of file when value is empty and file is not.
func valueOrFile(value, file string) (string, error) {
	if value != "" || file == "" {
		return value, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("read secret file: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

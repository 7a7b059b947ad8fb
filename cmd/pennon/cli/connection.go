package cli

import (
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/pennonhq/pennon/client"
)

// Connection are the options that every command here has. Variables are Pennon's, then those that programs around Unleash
// use.
type Connection struct {
	URL       string `name:"url" env:"PENNON_URL,UNLEASH_URL" default:"http://localhost:4242" help:"Address of the server, with its base path."`
	Token     string `name:"token" env:"PENNON_TOKEN,UNLEASH_API_TOKEN" placeholder:"TOKEN" help:"API token: an admin token, and for watch a backend (client) token."`
	TokenFile string `name:"token-file" env:"PENNON_TOKEN_FILE" placeholder:"FILE" help:"File that holds the token."`
	Output    string `name:"output" short:"o" env:"PENNON_OUTPUT" default:"table" enum:"table,json" help:"table for people or json for programs."`
	Dir       string `name:"dir" env:"PENNON_DIR" default:".pennon" hidden:"" help:"Where 'pennon serve --dev' keeps its tokens."`
}

// Session is one command's connection to a server and to the terminal.
type Session struct {
	*client.ClientWithResponses
	Streams

	// URL is the server's.
	URL string

	connection *Connection
	json       bool
}

// AfterApply makes the session that Run takes.
func (c *Connection) AfterApply(context *kong.Context, std Streams) error {
	session, err := c.session(std, false)
	if err != nil {
		return err
	}
	context.Bind(session)
	return nil
}

// session connects with the token for reading streams (backend), or with that for everything else.
func (c *Connection) session(std Streams, backend bool) (*Session, error) {
	token := strings.TrimSpace(c.Token)
	if token == "" && c.TokenFile != "" {
		content, err := os.ReadFile(c.TokenFile)
		if err != nil {
			return nil, err
		}
		token = strings.TrimSpace(string(content))
	}
	if token == "" {
		token = c.devToken(backend)
	}
	address, err := client.Address(c.URL)
	if err != nil {
		return nil, err
	}
	api, err := client.New(address, token)
	if err != nil {
		return nil, err
	}
	return &Session{ClientWithResponses: api, Streams: std, URL: address, connection: c, json: c.Output == "json"}, nil
}

// devToken is that of `pennon serve --dev` in the same folder, when the server is on this machine.
func (c *Connection) devToken(backend bool) string {
	address, err := url.Parse(c.URL)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(address.Hostname()); address.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return ""
	}
	content, err := os.ReadFile(filepath.Join(c.Dir, "tokens.json"))
	if err != nil {
		return ""
	}
	var tokens struct{ Admin, Client string }
	if json.Unmarshal(content, &tokens) != nil {
		return ""
	}
	if backend {
		return tokens.Client
	}
	return tokens.Admin
}

var errNotConfirmed = errors.New("this cannot be undone; repeat with --yes")

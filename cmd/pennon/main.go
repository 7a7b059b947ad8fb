// Command pennon is the feature-flag server, and everything that belongs to it, in one binary: one role a subcommand.
//
// This package knows flags and environment variables; nothing else does. Each role's file turns them into that role's
// configuration and runs it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/pennonhq/pennon/cmd/pennon/cli"
)

// version is set by the linker.
var version = "devel"

// roles are the subcommands. Help texts here are what `pennon --help` and docs/configuration.md show.
type roles struct {
	serveRole
	proxyRole

	Migrate migrateCommand `cmd:"" help:"Bring the database schema to this version, or take it back."`
	Token   tokenCommand   `cmd:"" help:"Create, list and revoke API tokens in the database itself, for the first admin token."`
	OpenAPI openAPICommand `cmd:"" name:"openapi" help:"Print the OpenAPI document."`
	Config  configCommand  `cmd:"" help:"Show the options of every role as Markdown."`
	Health  healthCommand  `cmd:"" help:"Ask a running server whether it is up (exit 0) or not (exit 1)."`
	Ready   readyCommand   `cmd:"" help:"Ask a running server whether it can serve (exit 0) or not (exit 1)."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// edgeRoles are those of edges.
type edgeRoles struct {
	edgeRole
	offlineRole
}

// The roles that run for long, each alone: see grammar.
type (
	serveRole struct {
		Serve serveCommand `cmd:"" help:"Serve the APIs from PostgreSQL and push every change."`
	}
	proxyRole struct {
		Proxy proxyCommand `cmd:"" help:"Stand in for @unleash/proxy: evaluated flags for browsers, from any Unleash."`
	}
	edgeRole struct {
		Edge edgeCommand `cmd:"" help:"Serve the flags of a server to SDKs and browsers: the read replica that takes Unleash Edge's place."`
	}
	offlineRole struct {
		Offline offlineCommand `cmd:"" help:"Serve flags from a file, as an edge without a server."`
	}
)

// streams are what a command reads and writes, so that tests can hand in their own.
type streams struct {
	out io.Writer
	err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// run parses and runs one command line and returns the exit code: 0 done, 1 failed, 2 not understood; those of clients are
// in package cli.
func run(ctx context.Context, args []string, std streams) int {
	command, code := parse(ctx, args, std)
	if command == nil {
		return code
	}
	if err := command(); err != nil && !errors.Is(err, context.Canceled) {
		_, _ = fmt.Fprintln(std.err, "pennon:", cli.Explain(err))
		return cli.ExitCode(err)
	}
	return 0
}

// parse returns what to run, or the exit code when there is nothing to run.
func parse(ctx context.Context, args []string, std streams) (command func() error, code int) {
	exited := -1
	commands, more := grammar(args)
	parser, err := newParser(commands, std, func(code int) { exited = code }, more...)
	if err != nil {
		_, _ = fmt.Fprintln(std.err, "pennon:", err)
		return nil, 2
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 { // --help
		return nil, exited
	}
	if err != nil {
		_, _ = fmt.Fprintf(std.err, "pennon: %v\nTry 'pennon --help'.\n", err)
		return nil, 2
	}
	if role, ok := parsed.Selected().Target.Addr().Interface().(interface {
		Run(ctx context.Context, std streams) error
	}); ok {
		return func() error { return role.Run(ctx, std) }, 0 // it may run for long, and the parser can go meanwhile
	}
	parsed.BindTo(ctx, (*context.Context)(nil))
	return func() error { return parsed.Run(std) }, 0
}

// grammar is what the command line is parsed by: everything, but for a role that runs for long that role alone. Knowing all
// the others would cost it two megabytes.
func grammar(args []string) (commands any, more []kong.Option) {
	if len(args) > 0 {
		switch args[0] {
		case "serve":
			return &serveRole{}, nil
		case "proxy":
			return &proxyRole{}, nil
		case "edge":
			return &edgeRole{}, nil
		case "offline":
			return &offlineRole{}, nil
		}
	}
	return &roles{}, []kong.Option{kong.Embed(&edgeRoles{}), kong.Embed(&cli.Commands{})}
}

func newParser(commands any, std streams, exit func(int), more ...kong.Option) (*kong.Kong, error) {
	return kong.New(commands, append(more,
		kong.Name("pennon"),
		kong.Description("Postgres-native feature flags that speak Unleash and push."),
		kong.Writers(std.out, std.err),
		kong.Bind(cli.Streams{In: os.Stdin, Out: std.out, Err: std.err}),
		kong.ExplicitGroups([]kong.Group{{Key: cli.Group, Title: cli.GroupTitle}}),
		kong.Exit(exit),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: 120}),
	)...)
}

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(std streams) error {
	_, err := fmt.Fprintln(std.out, "pennon", version)
	return err
}

// Package cli holds the commands that work on a running server through its API: one file a noun, over package client.
//
// Command line and environment are parsed by kong into the structs here; Connection turns into a Session, which every Run
// takes. What a command prints for people is a table or a sentence; with --output json it is what the API answered.
package cli

import "io"

// Commands are the subcommands of `pennon` that are clients of a server.
type Commands struct {
	Flags        Flags        `cmd:"" group:"client" help:"List, change, evaluate and watch flags."`
	Projects     Projects     `cmd:"" group:"client" help:"List and change projects."`
	Environments Environments `cmd:"" group:"client" name:"envs" help:"List and change environments."`
	Tokens       Tokens       `cmd:"" group:"client" help:"List, create and revoke API tokens, through the API."`
	Segments     Segments     `cmd:"" group:"client" help:"List and change segments."`
	Events       Events       `cmd:"" group:"client" help:"Show the event log, or follow it."`
	Fleet        Fleet        `cmd:"" group:"client" help:"Show servers, edges and applications, and what they have."`
	Propagation  Propagation  `cmd:"" group:"client" help:"Tell who has a change, and how long it took."`
	Export       Export       `cmd:"" group:"client" help:"Write flags, and what they need, as one JSON document."`
	Import       Import       `cmd:"" group:"client" help:"Read such a document."`
	Completion   Completion   `cmd:"" group:"client" help:"Print the script that completes commands and names in a shell."`
	Complete     Complete     `cmd:"" group:"client" hidden:"" passthrough:"" help:"Answer such a script."`
}

// Group is the key of the help group of Commands, and GroupTitle its title.
const (
	Group      = "client"
	GroupTitle = "Work on a server through its API"
)

// Streams are what commands read and write.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

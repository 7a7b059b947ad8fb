package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/pennonhq/pennon/client"
)

// Exit codes of the commands here; docs/cli.md lists them.
const (
	ExitFailed      = 1 // anything else
	ExitUsage       = 2 // the command line was not understood
	ExitForbidden   = 3 // no token, an unknown one, or one that may not do this
	ExitNotFound    = 4 // there is no such thing
	ExitRefused     = 5 // the server understood and refused: invalid, existing already, changed meanwhile
	ExitUnreachable = 6 // the server was not reached or cannot serve now
)

// ExitCode is the exit code for the error of a command.
func ExitCode(err error) int {
	var missing *missingError
	var refused *client.Error
	var broken *url.Error
	switch {
	case errors.As(err, &missing):
		return ExitNotFound
	case errors.As(err, &refused):
		switch {
		case refused.Status == http.StatusUnauthorized || refused.Status == http.StatusForbidden:
			return ExitForbidden
		case refused.Status == http.StatusNotFound:
			return ExitNotFound
		case refused.Status >= 500 || refused.Status == http.StatusTooManyRequests:
			return ExitUnreachable
		}
		return ExitRefused
	case errors.As(err, &broken):
		return ExitUnreachable
	}
	return ExitFailed
}

// Explain is an error as people are told of it: what happened, then what to do about it.
func Explain(err error) string {
	var refused *client.Error
	var broken *url.Error
	switch {
	case errors.As(err, &refused):
		return strings.Join(append(told(err, refused), hints(refused)...), "\n  ")
	case errors.As(err, &broken):
		address, _, _ := strings.Cut(broken.URL, "/api/")
		return fmt.Sprintf("cannot reach %s: %v\n  Is the server running there? Name another with --url or PENNON_URL.", address, broken.Err)
	}
	return err.Error()
}

// told is what the server said, in the words of somebody at a terminal.
func told(err error, refused *client.Error) []string {
	status := fmt.Sprintf("(%d %s)", refused.Status, http.StatusText(refused.Status))
	switch remarks := refused.Remarks(); {
	case refused.Status == http.StatusUnauthorized:
		return []string{"the server does not know the token " + status}
	case len(remarks) > 0 && err.Error() == refused.Error(): // and nothing was added on its way
		return append([]string{"the server refuses this " + status + ":"}, remarks...)
	}
	return []string{err.Error()}
}

func hints(refused *client.Error) []string {
	switch {
	case refused.Status == http.StatusUnauthorized:
		return []string{
			"Give a token of this server with --token or PENNON_TOKEN (or UNLEASH_API_TOKEN).",
			wanted(refused) + " Where none is left, 'pennon token' makes one in the database itself.",
		}
	case refused.Status == http.StatusForbidden && refused.Permissions != nil:
		return []string{"It takes the permission " + strings.Join(*refused.Permissions, " or ") + "."}
	case refused.Status == http.StatusForbidden:
		return []string{wanted(refused)}
	case refused.Status == http.StatusNotFound && (refused.Name == nil || strings.Contains(refused.Message, "is not available")):
		return []string{"Is the URL of the server right? It ends before /api."}
	case refused.Status == http.StatusServiceUnavailable:
		return []string{"The server is up and cannot serve this now; 'pennon ready' asks it."}
	}
	return nil
}

// wanted says which kind of token an address takes.
func wanted(refused *client.Error) string {
	if strings.Contains(refused.URL, "/api/client/") {
		return "This takes a backend token: 'pennon tokens create NAME --environment ENVIRONMENT' makes one."
	}
	return "This takes an admin token (*:*.…); those of SDKs cannot change flags."
}

// missingError is a thing that does not exist, with the names that may have been meant.
type missingError struct {
	noun, name string
	near       []string
}

func (e *missingError) Error() string {
	text := fmt.Sprintf("there is no %s named %q", e.noun, e.name)
	switch len(e.near) {
	case 0:
		return text
	case 1:
		return text + "\n  Did you mean " + e.near[0] + "?"
	}
	return text + "\n  Did you mean one of: " + strings.Join(e.near, ", ") + "?"
}

// missing makes the error of a name that does not exist. Names are those that do; when they cannot be had it tells less.
func missing(ctx context.Context, noun, name string, names func(context.Context) ([]string, error)) error {
	known, err := names(ctx)
	if err != nil {
		known = nil
	}
	return &missingError{noun: noun, name: name, near: near(name, known)}
}

// near are up to three names like the one wanted, the most alike first.
func near(wanted string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var candidates []candidate
	for _, name := range names {
		d := distance(strings.ToLower(wanted), strings.ToLower(name))
		if (d <= max(1, len(wanted)/3) && d < len(wanted)) || (len(wanted) >= 3 && strings.Contains(strings.ToLower(name), strings.ToLower(wanted))) {
			candidates = append(candidates, candidate{name, d})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var found []string
	for _, c := range candidates[:min(3, len(candidates))] {
		found = append(found, c.name)
	}
	return found
}

// distance is how many letters must be inserted, removed or replaced to make b of a (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

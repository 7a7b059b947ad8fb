//go:build unix

// Package docs follows pages of docs/ step by step: every fenced block of such a page is done in order, for real, or says in
// the page why it cannot be. A page that no longer tells the truth fails its test.
//
// A block is done by its language:
//
//   - sh: its lines are typed into the one shell that the whole page is followed in, started in an empty folder. What is left
//     running with & runs on.
//   - console: the same for the lines that begin with "$ ". What the page shows below each is held to what came; … stands for
//     any text, alone on a line for any lines.
//   - any with a name after the language: a file of that name.
//   - yaml without one: a Compose file or a Deployment. Each of its containers is started as a process with its environment and
//     arguments, has to become ready, and is ended again.
//   - env without one: the variables of a process of somebody else; they are only set.
//
// Comments of HTML before a block say more: "not run: <reason>" leaves it out, "only: <part>" leaves it out where the test is
// of another part, "ends with 1" is the status of its last command, 0 otherwise.
//
// What the page says is put down word by word but for addresses: https://unleash.example.com is the server of the test, each
// other place that the test names in its substitutions is a free port or a folder. Output is read with them put back. docker
// is a program of the test that starts processes instead of containers (testdata/docker).
package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// block is a fenced block of a page.
type block struct {
	line     int // of its fence
	language string
	name     string // of the file that it is, if any
	text     string
	notRun   string // why not
	only     string // the part it belongs to; empty: to all
	ends     string // status of its last command
}

var said = regexp.MustCompile(`(?s)<!--\s*(.*?)\s*-->`)

// blocks reads the fenced blocks of a page of docs/.
func blocks(t *testing.T, page string) []block {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "..", "docs", page))
	require.NoError(t, err)
	var found []block
	var comments []string
	open := -1
	lines := strings.Split(string(content), "\n")
	for n, line := range lines {
		fence := strings.TrimSpace(line)
		switch {
		case open < 0 && strings.HasPrefix(fence, "```"):
			open = n
		case open >= 0 && fence == "```":
			indent := len(lines[open]) - len(strings.TrimLeft(lines[open], " "))
			b := block{line: open + 1, ends: "0"}
			words := strings.Fields(strings.TrimPrefix(strings.TrimSpace(lines[open]), "```"))
			require.NotEmpty(t, words, "%s:%d: a block needs a language", page, b.line)
			b.language = words[0]
			if len(words) > 1 {
				b.name = words[1]
			}
			for _, inside := range lines[open+1 : n] {
				b.text += strings.TrimPrefix(inside, strings.Repeat(" ", indent)) + "\n"
			}
			for _, comment := range comments {
				b.note(comment)
			}
			found, comments, open = append(found, b), nil, -1
		case open < 0 && strings.Contains(line, "<!--"):
			require.Contains(t, line, "-->", "%s:%d: comments are of one line", page, n+1)
			comments = append(comments, said.FindStringSubmatch(line)[1])
		case open < 0 && fence != "":
			comments = nil
		}
	}
	require.Negative(t, open, "%s: a block does not end", page)
	require.NotEmpty(t, found, page)
	return found
}

// note takes in what a comment says about the block.
func (b *block) note(comment string) {
	if reason, ok := strings.CutPrefix(comment, "not run: "); ok {
		b.notRun = reason
	}
	if part, ok := strings.CutPrefix(comment, "only: "); ok {
		b.only = part
	}
	if status, ok := strings.CutPrefix(comment, "ends with "); ok {
		b.ends = status
	}
}

// follow does what the page says, in order. Of blocks that are of one part only it does those of part.
func follow(t *testing.T, page, part string, s *session) {
	t.Helper()
	for _, b := range blocks(t, page) {
		where := page + ":" + itoa(b.line)
		switch {
		case b.notRun != "" || (b.only != "" && b.only != part):
			continue
		case b.language == "sh":
			output, status := s.run(b.text)
			require.Equal(t, b.ends, status, "%s\n%s", where, output)
		case b.language == "console":
			s.converse(where, b)
		case b.name != "":
			s.write(b.name, b.text)
		case b.language == "env":
			output, status := s.run("set -a\n" + b.text + "set +a\n")
			require.Equal(t, "0", status, "%s\n%s", where, output)
		case b.language == "yaml":
			s.deploy(where, b.text)
		default:
			require.Fail(t, "a block is neither run nor says why not", "%s: %s", where, b.language)
		}
	}
}

// converse types each command of the block and holds what comes to what the page shows.
func (s *session) converse(where string, b block) {
	s.t.Helper()
	type exchange struct{ command, shown string }
	var all []exchange
	goesOn := false
	for line := range strings.Lines(b.text) {
		command, isCommand := strings.CutPrefix(line, "$ ")
		switch {
		case isCommand:
			all = append(all, exchange{command: command})
		case len(all) == 0:
			require.Fail(s.t, "a console begins with a command", where)
		case goesOn:
			all[len(all)-1].command += line
		default:
			all[len(all)-1].shown += line
		}
		goesOn = (isCommand || goesOn) && strings.HasSuffix(line, "\\\n")
	}
	for n, e := range all {
		output, status := s.run(e.command)
		wanted := "0"
		if n == len(all)-1 {
			wanted = b.ends
		}
		require.Equal(s.t, wanted, status, "%s: %s%s", where, e.command, output)
		require.Regexp(s.t, pattern(e.shown), output, "%s: %s", where, e.command)
	}
}

// pattern is what a shown output stands for.
func pattern(shown string) *regexp.Regexp {
	var expression strings.Builder
	expression.WriteString(`\A`)
	for line := range strings.Lines(strings.TrimRight(shown, "\n") + "\n") {
		if strings.TrimSpace(line) == "…" {
			expression.WriteString(`(?s:.*)`)
			continue
		}
		expression.WriteString(strings.ReplaceAll(regexp.QuoteMeta(strings.TrimRight(line, "\n")), "…", `.*`) + `\n*`)
	}
	expression.WriteString(`\z`)
	return regexp.MustCompile(expression.String())
}

package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// completionTime bounds the question for names while somebody waits for the Tab key.
const completionTime = 700 * time.Millisecond

// Completion prints a shell's script. The script asks the hidden command complete, so it never has to be made anew.
type Completion struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

var completionScripts = map[string]string{
	"bash": `# Completion of pennon in bash. In ~/.bashrc:  source <(pennon completion bash)
_pennon() {
    local IFS=$'\n' word="${COMP_WORDS[COMP_CWORD]}" line="${COMP_LINE:0:COMP_POINT}"
    local words
    IFS=$' \t' read -ra words <<<"$line"
    case "$line" in *[[:space:]]) words+=("") ;; esac
    COMPREPLY=($(pennon complete -- "${words[@]:1}" 2>/dev/null | cut -f1))
    # bash breaks words at colons: what stands before the last one is there already.
    local whole="${words[${#words[@]}-1]}"
    local typed="${whole%"$word"}"
    COMPREPLY=("${COMPREPLY[@]#"$typed"}")
}
complete -o default -F _pennon pennon
`,
	"zsh": `#compdef pennon
# Completion of pennon in zsh. In ~/.zshrc, after compinit:  source <(pennon completion zsh)
_pennon() {
    local -a found
    local name text
    while IFS=$'\t' read -r name text; do
        found+=("${name//:/\\:}${text:+:$text}")
    done < <(pennon complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#found} )); then _describe pennon found; else _files; fi
}
compdef _pennon pennon
`,
	"fish": `# Completion of pennon in fish. In ~/.config/fish/completions/pennon.fish:  pennon completion fish | source
function __pennon_complete
    set -l words (commandline -opc) (commandline -ct)
    pennon complete -- $words[2..-1] 2>/dev/null
end
complete -c pennon -f -a '(__pennon_complete)'
`,
}

// Run prints the script.
func (c *Completion) Run(std Streams) error {
	_, err := io.WriteString(std.Out, completionScripts[c.Shell])
	return err
}

// Complete is what the scripts ask: which words may stand in place of the last one?
type Complete struct {
	Words []string `arg:"" optional:"" help:"The words after pennon; the last one is being typed."`
}

// Run prints a candidate a line, with its help after a tab.
func (c *Complete) Run(ctx context.Context, context *kong.Context, std Streams) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	for _, found := range candidates(ctx, context.Model.Node, words, std) {
		if _, err := fmt.Fprintln(std.Out, found); err != nil {
			return err
		}
	}
	return nil
}

// candidates walks the command line down to its last word.
func candidates(ctx context.Context, node *kong.Node, words []string, std Streams) []string {
	typed := words[len(words)-1]
	options := map[string]string{} // given so far, by name
	arguments := 0
	var value *kong.Flag // that the next word is the value of
	for _, word := range words[:len(words)-1] {
		switch name, text, assigned := strings.Cut(word, "="); {
		case value != nil:
			options[value.Name], value = word, nil
		case strings.HasPrefix(word, "-"):
			flag := flagNamed(node, name)
			if flag != nil && assigned {
				options[flag.Name] = text
			} else if flag != nil && !flag.IsBool() {
				value = flag
			}
		default:
			if child := childNamed(node, word); child != nil && arguments == 0 {
				node = child
			} else {
				arguments++
			}
		}
	}
	if name, text, assigned := strings.Cut(typed, "="); assigned && value == nil {
		if flag := flagNamed(node, name); flag != nil {
			return matching(valuesOf(ctx, flag.Value, options, std), text, name+"=")
		}
	}
	switch {
	case value != nil:
		return matching(valuesOf(ctx, value.Value, options, std), typed, "")
	case strings.HasPrefix(typed, "-"):
		return matching(flagsOf(node), typed, "")
	}
	found := matching(commandsOf(node), typed, "")
	if node.DefaultCmd != nil && len(node.DefaultCmd.Positional) > 0 && len(found) > 0 {
		return found
	}
	positional := node.Positional
	if len(positional) > 0 {
		argument := positional[min(arguments, len(positional)-1)]
		if arguments < len(positional) || argument.IsCumulative() {
			found = append(found, matching(valuesOf(ctx, argument, options, std), typed, "")...)
		}
	}
	return found
}

func childNamed(node *kong.Node, word string) *kong.Node {
	for _, child := range node.Children {
		if child.Name == word || slices.Contains(child.Aliases, word) {
			return child
		}
	}
	return nil
}

// flagNamed finds --name or -n in a command or those above it.
func flagNamed(node *kong.Node, name string) *kong.Flag {
	for ; node != nil; node = node.Parent {
		for _, flag := range node.Flags {
			if name == "--"+flag.Name || (flag.Short != 0 && name == "-"+string(flag.Short)) {
				return flag
			}
		}
	}
	return nil
}

func commandsOf(node *kong.Node) []string {
	var found []string
	for _, child := range node.Children {
		if !child.Hidden {
			found = append(found, child.Name+"\t"+child.Help)
		}
	}
	return found
}

func flagsOf(node *kong.Node) []string {
	var found []string
	for ; node != nil; node = node.Parent {
		for _, flag := range node.Flags {
			if !flag.Hidden {
				found = append(found, "--"+flag.Name+"\t"+flag.Help)
			}
		}
	}
	return found
}

// valuesOf are the values an option or argument may have: those of an enumeration, or the names that the server knows.
func valuesOf(ctx context.Context, value *kong.Value, options map[string]string, std Streams) []string {
	if value.Enum != "" {
		return slices.Sorted(func(yield func(string) bool) {
			for name := range value.EnumMap() {
				if !yield(name) {
					return
				}
			}
		})
	}
	session := completionSession(options, std)
	if session == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	var names []string
	var err error
	switch value.Tag.Get("predictor") {
	case "flags":
		names, err = session.flagNames(ctx, false)
	case "archived":
		names, err = session.flagNames(ctx, true)
	case "projects":
		names, err = session.projectNames(ctx)
	case "environments":
		names, err = session.environmentNames(ctx)
	case "segments":
		names, err = session.segmentNames(ctx)
	case "tokens":
		names, err = session.tokenNames(ctx)
	}
	if err != nil {
		return nil // nobody wants an error while typing
	}
	return names
}

// completionSession connects as the command that is being typed would.
func completionSession(options map[string]string, std Streams) *Session {
	var typed struct {
		Connection Connection `embed:""`
	}
	parser, err := kong.New(&typed, kong.Bind(std), kong.Exit(func(int) {}), kong.Writers(io.Discard, io.Discard))
	if err != nil {
		return nil
	}
	var arguments []string
	for _, name := range []string{"url", "token", "token-file"} {
		if text, ok := options[name]; ok {
			arguments = append(arguments, "--"+name+"="+text)
		}
	}
	if _, err := parser.Parse(arguments); err != nil {
		return nil
	}
	session, err := typed.Connection.session(std, false)
	if err != nil {
		return nil
	}
	return session
}

// matching are the candidates that begin with what is typed, each behind a prefix.
func matching(found []string, typed, prefix string) []string {
	var kept []string
	for _, candidate := range found {
		if strings.HasPrefix(candidate, typed) {
			kept = append(kept, prefix+candidate)
		}
	}
	return kept
}

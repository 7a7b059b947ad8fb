package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/pennonhq/pennon/client"
)

// Flags are the commands on flags. A flag's name is unique over all projects, so its project need not be told.
type Flags struct {
	Connection

	List     FlagList     `cmd:"" default:"withargs" help:"List flags, and whether each is on in each environment."`
	Get      FlagGet      `cmd:"" help:"Show a flag with its strategies."`
	Create   FlagCreate   `cmd:"" help:"Create a flag."`
	Update   FlagUpdate   `cmd:"" help:"Change a flag's description, type or marks."`
	On       FlagOn       `cmd:"" help:"Turn flags on in environments."`
	Off      FlagOff      `cmd:"" help:"Turn flags off in environments."`
	Rollout  FlagRollout  `cmd:"" help:"Roll a flag out to a percentage in an environment."`
	Evaluate FlagEvaluate `cmd:"" help:"Say whether a flag is on for somebody, and why."`
	Watch    FlagWatch    `cmd:"" help:"Print changes as they are pushed to SDKs."`
	Archive  FlagArchive  `cmd:"" help:"Archive flags: SDKs lose them at once."`
	Revive   FlagRevive   `cmd:"" help:"Take flags out of the archive, turned off."`
	Delete   FlagDelete   `cmd:"" help:"Delete archived flags for good."`
}

// pageSize is the most that a search answers at once.
const pageSize = 1000

// FlagList lists flags.
type FlagList struct {
	Query    string `arg:"" optional:"" help:"A part of the name, the description or a tag."`
	Project  string `name:"project" short:"p" predictor:"projects" help:"Only flags of this project."`
	Tag      string `name:"tag" placeholder:"TYPE:VALUE" help:"Only flags with this tag."`
	Stale    bool   `name:"stale" help:"Only flags that are stale, or look so."`
	Archived bool   `name:"archived" help:"Archived flags instead."`
	Limit    int    `name:"limit" default:"1000" help:"At most so many; 0 for all."`
}

// Run lists flags by name.
func (c *FlagList) Run(ctx context.Context, s *Session) error {
	params := client.SearchFeaturesParams{Query: given(c.Query)}
	if c.Project != "" {
		params.Project = given("IS:" + c.Project)
	}
	if c.Tag != "" {
		params.Tag = given("INCLUDE:" + c.Tag)
	}
	if c.Stale {
		params.State = given("IS_ANY_OF:stale,potentially-stale")
	}
	if c.Archived {
		params.Archived = given("IS:true")
	}
	found := client.SearchFeaturesSchema{Features: []client.FeatureSearchResponseSchema{}}
	more := false
	for flag, err := range s.search(ctx, params) {
		if err != nil {
			return err
		}
		if more = c.Limit > 0 && len(found.Features) == c.Limit; more {
			break
		}
		found.Features = append(found.Features, flag)
	}
	found.Total = int64(len(found.Features))
	if s.json {
		encoder := json.NewEncoder(s.Out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		return encoder.Encode(found)
	}
	if err := writeFlags(s.Out, found.Features); err != nil || !more {
		return err
	}
	_, err := fmt.Fprintln(s.Out, "… and more: --limit 0 lists all")
	return err
}

func writeFlags(out io.Writer, flags []client.FeatureSearchResponseSchema) error {
	if len(flags) == 0 {
		_, err := fmt.Fprintln(out, "no flags")
		return err
	}
	environments := environmentsOf(flags)
	t := newTable(out, append(append([]string{"NAME", "PROJECT", "TYPE"}, environments...), "DESCRIPTION")...)
	for _, flag := range flags {
		state := map[string]string{}
		for _, e := range flag.Environments {
			state[e.Name] = onOff(e.Enabled)
		}
		row := []string{flag.Name, flag.Project, flag.Type}
		for _, name := range environments {
			row = append(row, or(given(state[name]), "-"))
		}
		remarks := []string{}
		if flag.ArchivedAt != nil {
			remarks = append(remarks, "[archived]")
		}
		if flag.Stale {
			remarks = append(remarks, "[stale]")
		}
		t.row(append(row, strings.Join(append(remarks, shorten(or(flag.Description, ""), 60)), " "))...)
	}
	return t.flush()
}

// environmentsOf are the names of all environments of the flags, in the environments' order.
func environmentsOf(flags []client.FeatureSearchResponseSchema) []string {
	order := map[string]int32{}
	var names []string
	for _, flag := range flags {
		for _, e := range flag.Environments {
			if _, known := order[e.Name]; !known {
				order[e.Name] = e.SortOrder
				names = append(names, e.Name)
			}
		}
	}
	slices.SortStableFunc(names, func(a, b string) int { return int(order[a] - order[b]) })
	return names
}

// projectOf finds the project of a flag, archived or not.
func (s *Session) projectOf(ctx context.Context, name string, archived bool) (string, error) {
	params := client.SearchFeaturesParams{Query: &name, Archived: given("IS:" + strconv.FormatBool(archived))}
	for flag, err := range s.search(ctx, params) {
		if err != nil {
			return "", err
		}
		if flag.Name == name {
			return flag.Project, nil
		}
	}
	noun := "flag"
	if archived {
		noun = "archived flag"
	}
	return "", missing(ctx, noun, name, func(ctx context.Context) ([]string, error) { return s.flagNames(ctx, archived) })
}

// flagNames are the names of the flags, at most as many as a search answers at once: for people to choose from.
func (s *Session) flagNames(ctx context.Context, archived bool) ([]string, error) {
	var names []string
	for flag, err := range s.search(ctx, client.SearchFeaturesParams{Archived: given("IS:" + strconv.FormatBool(archived))}) {
		if err != nil || len(names) == pageSize {
			return names, err
		}
		names = append(names, flag.Name)
	}
	return names, nil
}

// search goes through all flags that are found, by name, a page at a time.
func (s *Session) search(ctx context.Context, params client.SearchFeaturesParams) iter.Seq2[client.FeatureSearchResponseSchema, error] {
	return func(yield func(client.FeatureSearchResponseSchema, error) bool) {
		params.SortBy, params.Limit = given("name"), given(strconv.Itoa(pageSize))
		for offset := 0; ; offset += pageSize {
			params.Offset = given(strconv.Itoa(offset))
			answer, err := s.SearchFeaturesWithResponse(ctx, &params)
			if err != nil {
				yield(client.FeatureSearchResponseSchema{}, err)
				return
			}
			for _, flag := range answer.JSON200.Features {
				if !yield(flag, nil) {
					return
				}
			}
			if len(answer.JSON200.Features) < pageSize {
				return
			}
		}
	}
}

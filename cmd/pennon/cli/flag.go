package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/pennonhq/pennon/client"
)

// FlagGet shows a flag.
type FlagGet struct {
	Name string `arg:"" predictor:"flags" help:"Name of the flag."`
}

// Run shows a flag.
func (c *FlagGet) Run(ctx context.Context, s *Session) error {
	project, err := s.projectOf(ctx, c.Name, false)
	if err != nil {
		return err
	}
	answer, err := s.GetFeatureWithResponse(ctx, project, c.Name)
	if err != nil {
		return err
	}
	return s.show(answer.Body, func(out io.Writer) error { return writeFlag(out, answer.JSON200) })
}

func writeFlag(out io.Writer, flag *client.FeatureSchema) error {
	t := newTable(out, flag.Name)
	t.row("  project", flag.Project)
	t.row("  type", flag.Type)
	if flag.Description != nil && *flag.Description != "" {
		t.row("  description", *flag.Description)
	}
	var tags []string
	for _, tag := range list(flag.Tags) {
		tags = append(tags, tag.Type+":"+tag.Value)
	}
	if len(tags) > 0 {
		t.row("  tags", strings.Join(tags, ", "))
	}
	for _, dependency := range list(flag.Dependencies) {
		t.row("  depends on", dependency.Feature)
	}
	if flag.Stale {
		t.row("  stale", "yes")
	}
	t.row("  created", moment(flag.CreatedAt))
	if err := t.flush(); err != nil {
		return err
	}
	for _, environment := range list(flag.Environments) {
		_, _ = fmt.Fprintf(out, "\n%s: %s\n", clean(environment.Name), onOff(environment.Enabled))
		for _, strategy := range list(environment.Strategies) {
			_, _ = fmt.Fprintln(out, "  "+clean(describeStrategy(strategy)))
		}
	}
	return nil
}

// FlagCreate creates a flag.
type FlagCreate struct {
	Name        string   `arg:"" help:"Name of the flag, unique over all projects."`
	Project     string   `name:"project" short:"p" default:"default" predictor:"projects" help:"Its project."`
	Type        string   `name:"type" short:"t" help:"experiment, kill-switch, release, operational, permission or sunset; release when left out."`
	Description string   `name:"description" short:"d" help:"What it is for."`
	Tags        []string `name:"tag" placeholder:"TYPE:VALUE" help:"Tags; repeat or separate by comma."`
	Impressions bool     `name:"impression-data" help:"SDKs report each evaluation."`
	On          []string `name:"on" placeholder:"ENVIRONMENT" predictor:"environments" help:"Turn it on at once in these environments."`
}

// Run creates a flag, and turns it on where that is wanted.
func (c *FlagCreate) Run(ctx context.Context, s *Session) error {
	body := client.CreateFeatureSchema{Name: c.Name, Type: given(c.Type), Description: given(c.Description), ImpressionData: given(c.Impressions)}
	var tags []client.TagSchema
	for _, text := range c.Tags {
		kind, value, found := strings.Cut(text, ":")
		if !found {
			return fmt.Errorf("a tag is written type:value, not %q", text)
		}
		tags = append(tags, client.TagSchema{Type: kind, Value: value})
	}
	body.Tags = givenList(tags)
	answer, err := s.CreateFeatureWithResponse(ctx, c.Project, body)
	if client.IsNotFound(err) {
		return missing(ctx, "project", c.Project, s.projectNames)
	}
	if err != nil {
		return err
	}
	for _, environment := range c.On {
		if _, err := s.ToggleFeatureEnvironmentOnWithResponse(ctx, c.Project, c.Name, environment, nil); err != nil {
			return s.environmentError(ctx, environment, fmt.Errorf("created %s, and did not turn it on: %w", c.Name, err))
		}
	}
	where := ""
	if len(c.On) > 0 {
		where = ", on in " + strings.Join(c.On, ", ")
	}
	return s.say(answer.Body, "created %s in project %s%s", c.Name, c.Project, where)
}

// FlagUpdate changes a flag. What is left out stays.
type FlagUpdate struct {
	Name        string  `arg:"" predictor:"flags" help:"Name of the flag."`
	Description *string `name:"description" short:"d" help:"What it is for."`
	Type        *string `name:"type" short:"t" help:"experiment, kill-switch, release, operational, permission or sunset."`
	Stale       *bool   `name:"stale" negatable:"" help:"Mark it as stale, or not."`
	Impressions *bool   `name:"impression-data" negatable:"" help:"SDKs report each evaluation, or not."`
}

// Run changes a flag.
func (c *FlagUpdate) Run(ctx context.Context, s *Session) error {
	var changes []client.PatchSchema
	set := func(path string, value any) {
		changes = append(changes, client.PatchSchema{Op: client.PatchSchemaOpReplace, Path: path, Value: value})
	}
	if c.Description != nil {
		set("/description", *c.Description)
	}
	if c.Type != nil {
		set("/type", *c.Type)
	}
	if c.Stale != nil {
		set("/stale", *c.Stale)
	}
	if c.Impressions != nil {
		set("/impressionData", *c.Impressions)
	}
	if len(changes) == 0 {
		return errors.New("nothing to change: give --description, --type, --[no-]stale or --[no-]impression-data")
	}
	project, err := s.projectOf(ctx, c.Name, false)
	if err != nil {
		return err
	}
	answer, err := s.PatchFeatureWithResponse(ctx, project, c.Name, changes)
	if err != nil {
		return err
	}
	return s.say(answer.Body, "changed %s", c.Name)
}

// FlagArchive archives flags.
type FlagArchive struct {
	Names []string `arg:"" name:"name" predictor:"flags" help:"Names of flags."`
}

// Run archives flags one after the other.
func (c *FlagArchive) Run(ctx context.Context, s *Session) error {
	return s.eachFlag(ctx, c.Names, false, func(project, name string) error {
		answer, err := s.ArchiveFeatureWithResponse(ctx, project, name)
		if err != nil {
			return err
		}
		return s.say(answer.Body, "archived %s; 'pennon flags revive %s' takes it back", name, name)
	})
}

// FlagRevive takes flags out of the archive.
type FlagRevive struct {
	Names []string `arg:"" name:"name" predictor:"archived" help:"Names of archived flags."`
}

// Run revives flags one after the other.
func (c *FlagRevive) Run(ctx context.Context, s *Session) error {
	return s.eachFlag(ctx, c.Names, true, func(_, name string) error {
		answer, err := s.ReviveFeatureWithResponse(ctx, name)
		if err != nil {
			return err
		}
		return s.say(answer.Body, "revived %s; it is off everywhere", name)
	})
}

// FlagDelete deletes archived flags.
type FlagDelete struct {
	Names []string `arg:"" name:"name" predictor:"archived" help:"Names of archived flags."`
	Yes   bool     `name:"yes" short:"y" help:"Confirm that they are lost for good."`
}

// Run deletes flags one after the other, when it is confirmed.
func (c *FlagDelete) Run(ctx context.Context, s *Session) error {
	if !c.Yes {
		return errNotConfirmed
	}
	return s.eachFlag(ctx, c.Names, true, func(_, name string) error {
		answer, err := s.DeleteFeatureWithResponse(ctx, name)
		if err != nil {
			return err
		}
		return s.say(answer.Body, "deleted %s", name)
	})
}

// eachFlag finds the project of every flag before it changes the first, so that a mistyped name changes nothing.
func (s *Session) eachFlag(ctx context.Context, names []string, archived bool, change func(project, name string) error) error {
	projects := make([]string, len(names))
	for i, name := range names {
		project, err := s.projectOf(ctx, name, archived)
		if err != nil {
			return err
		}
		projects[i] = project
	}
	for i, name := range names {
		if err := change(projects[i], name); err != nil {
			return err
		}
	}
	return nil
}

// describeStrategy is a strategy in one line.
func describeStrategy(strategy client.FeatureStrategySchema) string {
	parts := []string{strategy.Name}
	if strategy.Name == flexibleRollout {
		parts[0] = fmt.Sprintf("%s %s%% by %s", strategy.Name, strategy.Parameters["rollout"], or(given(strategy.Parameters["stickiness"]), "default"))
	} else if len(strategy.Parameters) > 0 {
		if text, err := json.Marshal(strategy.Parameters); err == nil {
			parts[0] += " " + string(text)
		}
	}
	if title := or(strategy.Title, ""); title != "" {
		parts[0] = title + ": " + parts[0]
	}
	for _, constraint := range list(strategy.Constraints) {
		parts = append(parts, describeConstraint(constraint.ContextName, constraint.Operator, constraint.Value, list(constraint.Values), constraint.Inverted))
	}
	if segments := list(strategy.Segments); len(segments) > 0 {
		parts = append(parts, "segments "+strings.Trim(fmt.Sprint(segments), "[]"))
	}
	for _, variant := range list(strategy.Variants) {
		parts = append(parts, fmt.Sprintf("variant %s %g%%", variant.Name, float64(variant.Weight)/10))
	}
	if strategy.Disabled {
		parts = append(parts, "disabled")
	}
	return strings.Join(parts, "; ")
}

// describeConstraint is a constraint as one would say it.
func describeConstraint(field, operator string, value *string, values []string, inverted *bool) string {
	text := field + " "
	if inverted != nil && *inverted {
		text += "not "
	}
	if text += operator; value != nil && *value != "" {
		return text + " " + *value
	}
	return shorten(text+" "+strings.Join(values, ", "), 100)
}

package cli

import (
	"context"
	"io"
	"slices"
	"strconv"

	"github.com/pennonhq/pennon/client"
)

// Environments are the commands on environments.
type Environments struct {
	Connection

	List   EnvironmentList   `cmd:"" default:"withargs" help:"List environments."`
	Get    EnvironmentGet    `cmd:"" help:"Show an environment."`
	Create EnvironmentCreate `cmd:"" help:"Create an environment."`
	Update EnvironmentUpdate `cmd:"" help:"Change an environment's type or place."`
	Clone  EnvironmentClone  `cmd:"" help:"Create an environment with the flags of another one."`
	On     EnvironmentOn     `cmd:"" help:"Offer an environment to projects."`
	Off    EnvironmentOff    `cmd:"" help:"Offer it no longer; projects that use it keep it."`
	Delete EnvironmentDelete `cmd:"" help:"Delete an environment and every flag's state in it."`
}

// environmentArgument names an environment.
type environmentArgument struct {
	Name string `arg:"" predictor:"environments" help:"Name of the environment."`
}

// EnvironmentList lists environments.
type EnvironmentList struct{}

// Run lists environments.
func (c *EnvironmentList) Run(ctx context.Context, s *Session) error {
	answer, err := s.GetAllEnvironmentsWithResponse(ctx)
	if err != nil {
		return err
	}
	return s.show(answer.Body, func(out io.Writer) error { return writeEnvironments(out, answer.JSON200.Environments) })
}

func writeEnvironments(out io.Writer, environments []client.EnvironmentSchema) error {
	t := newTable(out, "NAME", "TYPE", "OFFERED", "PROJECTS", "FLAGS ON", "TOKENS")
	for _, e := range environments {
		t.row(e.Name, e.Type, yesNo(e.Enabled), strconv.Itoa(int(e.ProjectCount)), strconv.Itoa(int(e.EnabledToggleCount)), strconv.Itoa(int(e.APITokenCount)))
	}
	return t.flush()
}

// EnvironmentGet shows an environment.
type EnvironmentGet struct{ environmentArgument }

// Run shows an environment.
func (c *EnvironmentGet) Run(ctx context.Context, s *Session) error {
	answer, err := s.GetEnvironmentWithResponse(ctx, c.Name)
	if err != nil {
		return s.environmentError(ctx, c.Name, err)
	}
	return s.show(answer.Body, func(out io.Writer) error {
		return writeEnvironments(out, []client.EnvironmentSchema{*answer.JSON200})
	})
}

// EnvironmentCreate creates an environment.
type EnvironmentCreate struct {
	Name string `arg:"" help:"Name of the environment, part of URLs and tokens."`
	Type string `name:"type" short:"t" default:"development" help:"development, test, preproduction, production or a word of your own."`
}

// Run creates an environment.
func (c *EnvironmentCreate) Run(ctx context.Context, s *Session) error {
	answer, err := s.CreateEnvironmentWithResponse(ctx, client.CreateEnvironmentSchema{Name: c.Name, Type: c.Type})
	if err != nil {
		return err
	}
	return s.say(answer.Body, "created environment %s", c.Name)
}

// EnvironmentUpdate changes an environment. What is left out stays.
type EnvironmentUpdate struct {
	environmentArgument
	Type      *string `name:"type" short:"t" help:"development, test, preproduction, production or a word of your own."`
	SortOrder *int64  `name:"sort-order" help:"Its place in lists."`
}

// Run changes an environment.
func (c *EnvironmentUpdate) Run(ctx context.Context, s *Session) error {
	answer, err := s.UpdateEnvironmentWithResponse(ctx, c.Name, client.UpdateEnvironmentSchema{Type: c.Type, SortOrder: c.SortOrder})
	if err != nil {
		return s.environmentError(ctx, c.Name, err)
	}
	return s.say(answer.Body, "changed environment %s", c.Name)
}

// EnvironmentClone copies an environment.
type EnvironmentClone struct {
	environmentArgument
	Copy     string   `arg:"" help:"Name of the new environment."`
	Type     string   `name:"type" short:"t" default:"development" help:"Type of the new environment."`
	Projects []string `name:"project" short:"p" predictor:"projects" help:"Only these projects; all by default."`
}

// Run copies an environment.
func (c *EnvironmentClone) Run(ctx context.Context, s *Session) error {
	answer, err := s.CloneEnvironmentWithResponse(ctx, c.Name, client.CloneEnvironmentSchema{Name: c.Copy, Type: c.Type, Projects: givenList(c.Projects)})
	if err != nil {
		return s.environmentError(ctx, c.Name, err)
	}
	return s.say(answer.Body, "created environment %s from %s", c.Copy, c.Name)
}

// EnvironmentOn offers an environment.
type EnvironmentOn struct{ environmentArgument }

// Run offers an environment.
func (c *EnvironmentOn) Run(ctx context.Context, s *Session) error {
	answer, err := s.ToggleEnvironmentOnWithResponse(ctx, c.Name)
	if err != nil {
		return s.environmentError(ctx, c.Name, err)
	}
	return s.say(answer.Body, "%s is offered to projects", c.Name)
}

// EnvironmentOff offers an environment no longer.
type EnvironmentOff struct{ environmentArgument }

// Run offers an environment no longer.
func (c *EnvironmentOff) Run(ctx context.Context, s *Session) error {
	answer, err := s.ToggleEnvironmentOffWithResponse(ctx, c.Name)
	if err != nil {
		return s.environmentError(ctx, c.Name, err)
	}
	return s.say(answer.Body, "%s is not offered any more", c.Name)
}

// EnvironmentDelete deletes an environment.
type EnvironmentDelete struct {
	environmentArgument
	Yes bool `name:"yes" short:"y" help:"Confirm that the state of every flag in it is lost for good."`
}

// Run deletes an environment, when it is confirmed.
func (c *EnvironmentDelete) Run(ctx context.Context, s *Session) error {
	if !c.Yes {
		return errNotConfirmed
	}
	answer, err := s.RemoveEnvironmentWithResponse(ctx, c.Name)
	if err != nil {
		return s.environmentError(ctx, c.Name, err)
	}
	return s.say(answer.Body, "deleted environment %s", c.Name)
}

func (s *Session) environmentNames(ctx context.Context) ([]string, error) {
	answer, err := s.GetAllEnvironmentsWithResponse(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range answer.JSON200.Environments {
		names = append(names, e.Name)
	}
	return names, nil
}

// environmentError says which environments there are when the one that was named is not among them.
func (s *Session) environmentError(ctx context.Context, name string, err error) error {
	if name == "" || (ExitCode(err) != ExitNotFound && ExitCode(err) != ExitRefused) {
		return err
	}
	names, listErr := s.environmentNames(ctx)
	if listErr != nil || slices.Contains(names, name) {
		return err
	}
	found := &missingError{noun: "environment", name: name, near: near(name, names)}
	if len(found.near) == 0 && len(names) <= 10 {
		found.near = names
	}
	return found
}

package cli

import (
	"context"
	"io"
	"strconv"
	"strings"

	"github.com/pennonhq/pennon/client"
)

// Projects are the commands on projects.
type Projects struct {
	Connection

	List    ProjectList    `cmd:"" default:"withargs" help:"List projects."`
	Get     ProjectGet     `cmd:"" help:"Show a project."`
	Create  ProjectCreate  `cmd:"" help:"Create a project."`
	Update  ProjectUpdate  `cmd:"" help:"Change a project's name or description."`
	Archive ProjectArchive `cmd:"" help:"Archive a project without flags."`
	Revive  ProjectRevive  `cmd:"" help:"Take a project out of the archive."`
	Delete  ProjectDelete  `cmd:"" help:"Delete a project and everything in it for good."`
}

// projectArgument names a project.
type projectArgument struct {
	ID string `arg:"" predictor:"projects" help:"Id of the project."`
}

// explain says which projects there are when the one that was named is not among them.
func (c projectArgument) explain(ctx context.Context, s *Session, err error) error {
	if client.IsNotFound(err) {
		return missing(ctx, "project", c.ID, s.projectNames)
	}
	return err
}

// ProjectList lists projects.
type ProjectList struct {
	Archived bool `name:"archived" help:"Archived projects instead."`
}

// Run lists projects.
func (c *ProjectList) Run(ctx context.Context, s *Session) error {
	answer, err := s.GetProjectsWithResponse(ctx, &client.GetProjectsParams{Archived: given(c.Archived)})
	if err != nil {
		return err
	}
	return s.show(answer.Body, func(out io.Writer) error {
		t := newTable(out, "ID", "NAME", "FLAGS", "MODE", "CREATED", "DESCRIPTION")
		for _, p := range answer.JSON200.Projects {
			t.row(p.ID, p.Name, strconv.Itoa(int(p.FeatureCount)), string(p.Mode), moment(p.CreatedAt), shorten(or(p.Description, ""), 60))
		}
		return t.flush()
	})
}

// ProjectGet shows a project.
type ProjectGet struct{ projectArgument }

// Run shows a project.
func (c *ProjectGet) Run(ctx context.Context, s *Session) error {
	answer, err := s.GetProjectOverviewWithResponse(ctx, c.ID)
	if err != nil {
		return c.explain(ctx, s, err)
	}
	return s.show(answer.Body, func(out io.Writer) error {
		p := answer.JSON200
		var environments []string
		for _, e := range p.Environments {
			environments = append(environments, e.Environment)
		}
		flags := int64(0)
		for _, counted := range p.FeatureTypeCounts {
			flags += int64(counted.Count)
		}
		t := newTable(out, c.ID)
		t.row("  name", p.Name)
		if p.Description != nil && *p.Description != "" {
			t.row("  description", *p.Description)
		}
		t.row("  mode", string(p.Mode))
		t.row("  flags", strconv.FormatInt(flags, 10))
		t.row("  environments", strings.Join(environments, ", "))
		t.row("  stickiness", p.DefaultStickiness)
		t.row("  created", moment(p.CreatedAt))
		return t.flush()
	})
}

// ProjectCreate creates a project.
type ProjectCreate struct {
	ID           string   `arg:"" help:"Id of the project, part of URLs."`
	Name         string   `name:"name" short:"n" help:"What people call it; the id when left out."`
	Description  string   `name:"description" short:"d" help:"What it is for."`
	Environments []string `name:"environment" short:"e" predictor:"environments" help:"Environments it uses; all that are on by default."`
}

// Run creates a project.
func (c *ProjectCreate) Run(ctx context.Context, s *Session) error {
	answer, err := s.CreateProjectWithResponse(ctx, client.CreateProjectSchema{
		ID: &c.ID, Name: or(&c.Name, c.ID), Description: given(c.Description), Environments: givenList(c.Environments),
	})
	if err != nil {
		return err
	}
	return s.say(answer.Body, "created project %s", c.ID)
}

// ProjectUpdate changes a project. What is left out stays.
type ProjectUpdate struct {
	projectArgument
	Name        *string `name:"name" short:"n" help:"What people call it."`
	Description *string `name:"description" short:"d" help:"What it is for."`
	Stickiness  *string `name:"stickiness" help:"Stickiness that new strategies begin with."`
}

// Run changes a project.
func (c *ProjectUpdate) Run(ctx context.Context, s *Session) error {
	project, err := s.GetProjectOverviewWithResponse(ctx, c.ID)
	if err != nil {
		return c.explain(ctx, s, err)
	}
	body := client.UpdateProjectSchema{Name: project.JSON200.Name, Description: c.Description, DefaultStickiness: c.Stickiness}
	if c.Name != nil {
		body.Name = *c.Name
	}
	if c.Description == nil {
		body.Description = project.JSON200.Description
	}
	if c.Stickiness == nil {
		body.DefaultStickiness = &project.JSON200.DefaultStickiness
	}
	answer, err := s.UpdateProjectWithResponse(ctx, c.ID, body)
	if err != nil {
		return err
	}
	return s.say(answer.Body, "changed project %s", c.ID)
}

// ProjectArchive archives a project.
type ProjectArchive struct{ projectArgument }

// Run archives a project.
func (c *ProjectArchive) Run(ctx context.Context, s *Session) error {
	answer, err := s.ArchiveProjectWithResponse(ctx, c.ID)
	if err != nil {
		return c.explain(ctx, s, err)
	}
	return s.say(answer.Body, "archived project %s", c.ID)
}

// ProjectRevive takes a project out of the archive.
type ProjectRevive struct {
	ID string `arg:"" help:"Id of the archived project."`
}

// Run revives a project.
func (c *ProjectRevive) Run(ctx context.Context, s *Session) error {
	answer, err := s.ReviveProjectWithResponse(ctx, c.ID)
	if err != nil {
		return err
	}
	return s.say(answer.Body, "revived project %s", c.ID)
}

// ProjectDelete deletes a project.
type ProjectDelete struct {
	projectArgument
	Yes bool `name:"yes" short:"y" help:"Confirm that everything in it is lost for good."`
}

// Run deletes a project, when it is confirmed.
func (c *ProjectDelete) Run(ctx context.Context, s *Session) error {
	if !c.Yes {
		return errNotConfirmed
	}
	answer, err := s.DeleteProjectWithResponse(ctx, c.ID)
	if err != nil {
		return c.explain(ctx, s, err)
	}
	return s.say(answer.Body, "deleted project %s", c.ID)
}

func (s *Session) projectNames(ctx context.Context) ([]string, error) {
	answer, err := s.GetProjectsWithResponse(ctx, nil)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, p := range answer.JSON200.Projects {
		names = append(names, p.ID)
	}
	return names, nil
}

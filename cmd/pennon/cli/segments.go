package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/pennonhq/pennon/client"
)

// Segments are the commands on segments: lists of constraints that many flags share.
type Segments struct {
	Connection

	List   SegmentList   `cmd:"" default:"withargs" help:"List segments."`
	Get    SegmentGet    `cmd:"" help:"Show a segment with its constraints."`
	Create SegmentCreate `cmd:"" help:"Create a segment."`
	Update SegmentUpdate `cmd:"" help:"Change a segment's name, description or constraints."`
	Delete SegmentDelete `cmd:"" help:"Delete a segment that no strategy uses."`
}

// SegmentList lists segments.
type SegmentList struct{}

// Run lists segments.
func (c *SegmentList) Run(ctx context.Context, s *Session) error {
	answer, err := s.GetSegmentsWithResponse(ctx)
	if err != nil {
		return err
	}
	return s.show(answer.Body, func(out io.Writer) error {
		t := newTable(out, "ID", "NAME", "PROJECT", "CONSTRAINTS", "FLAGS", "DESCRIPTION")
		for _, segment := range answer.JSON200.Segments {
			t.row(strconv.Itoa(int(segment.ID)), segment.Name, or(segment.Project, "all"), strconv.Itoa(len(segment.Constraints)),
				strconv.Itoa(int(segment.UsedInFeatures)), shorten(or(segment.Description, ""), 60))
		}
		return t.flush()
	})
}

// segmentArgument names a segment.
type segmentArgument struct {
	Segment string `arg:"" predictor:"segments" help:"Name or id of the segment."`
}

// find is the segment that is named.
func (c segmentArgument) find(ctx context.Context, s *Session) (client.AdminSegmentSchema, error) {
	answer, err := s.GetSegmentsWithResponse(ctx)
	if err != nil {
		return client.AdminSegmentSchema{}, err
	}
	for _, byName := range []bool{true, false} {
		for _, segment := range answer.JSON200.Segments {
			if (byName && segment.Name == c.Segment) || (!byName && strconv.Itoa(int(segment.ID)) == c.Segment) {
				return segment, nil
			}
		}
	}
	return client.AdminSegmentSchema{}, missing(ctx, "segment", c.Segment, s.segmentNames)
}

// SegmentGet shows a segment.
type SegmentGet struct{ segmentArgument }

// Run shows a segment.
func (c *SegmentGet) Run(ctx context.Context, s *Session) error {
	segment, err := c.find(ctx, s)
	if err != nil {
		return err
	}
	answer, err := s.GetSegmentWithResponse(ctx, segment.ID)
	if err != nil {
		return err
	}
	return s.show(answer.Body, func(out io.Writer) error {
		t := newTable(out, segment.Name)
		t.row("  id", strconv.Itoa(int(segment.ID)))
		t.row("  project", or(segment.Project, "all"))
		if text := or(segment.Description, ""); text != "" {
			t.row("  description", text)
		}
		t.row("  used by", count(segment.UsedInFeatures, "flag"))
		if err := t.flush(); err != nil {
			return err
		}
		for _, constraint := range segment.Constraints {
			_, _ = fmt.Fprintln(out, "  "+clean(describeConstraint(constraint.ContextName, constraint.Operator, constraint.Value, list(constraint.Values), constraint.Inverted)))
		}
		return nil
	})
}

// constraints are read from a file or the command line.
type constraints struct {
	File string `name:"constraints" placeholder:"FILE" help:"JSON file with the list of constraints, as 'pennon segments get -o json' shows it; - for standard input."`
}

func (c constraints) read(s *Session) ([]client.ConstraintSchema, error) {
	in := s.In
	if c.File != "-" {
		file, err := os.Open(c.File)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	var list []client.ConstraintSchema
	if err := json.NewDecoder(in).Decode(&list); err != nil {
		return nil, fmt.Errorf("read constraints, a JSON list of objects with contextName, operator and values: %w", err)
	}
	return list, nil
}

// SegmentCreate creates a segment.
type SegmentCreate struct {
	Name        string      `arg:"" help:"Name of the segment."`
	Description string      `name:"description" short:"d" help:"Who is in it."`
	Project     string      `name:"project" short:"p" predictor:"projects" help:"Only for this project; for all by default."`
	Constraints constraints `embed:""`
}

// Run creates a segment, without constraints when no file is given.
func (c *SegmentCreate) Run(ctx context.Context, s *Session) error {
	body := client.UpsertSegmentSchema{Name: c.Name, Description: given(c.Description), Project: given(c.Project), Constraints: []client.ConstraintSchema{}}
	if c.Constraints.File != "" {
		var err error
		if body.Constraints, err = c.Constraints.read(s); err != nil {
			return err
		}
	}
	answer, err := s.CreateSegmentWithResponse(ctx, body)
	if err != nil {
		return err
	}
	return s.say(answer.Body, "created segment %s (id %d)", c.Name, answer.JSON201.ID)
}

// SegmentUpdate changes a segment. What is left out stays.
type SegmentUpdate struct {
	segmentArgument
	Name        *string     `name:"name" short:"n" help:"Its new name."`
	Description *string     `name:"description" short:"d" help:"Who is in it."`
	Constraints constraints `embed:""`
}

// Run changes a segment.
func (c *SegmentUpdate) Run(ctx context.Context, s *Session) error {
	segment, err := c.find(ctx, s)
	if err != nil {
		return err
	}
	body := client.UpsertSegmentSchema{Name: segment.Name, Description: segment.Description, Project: segment.Project, Constraints: segment.Constraints}
	if c.Name != nil {
		body.Name = *c.Name
	}
	if c.Description != nil {
		body.Description = c.Description
	}
	if c.Constraints.File != "" {
		if body.Constraints, err = c.Constraints.read(s); err != nil {
			return err
		}
	}
	answer, err := s.UpdateSegmentWithResponse(ctx, segment.ID, body)
	if err != nil {
		return err
	}
	return s.say(answer.Body, "changed segment %s", body.Name)
}

// SegmentDelete deletes a segment.
type SegmentDelete struct {
	segmentArgument
	Yes bool `name:"yes" short:"y" help:"Confirm that it is lost for good."`
}

// Run deletes a segment, when it is confirmed.
func (c *SegmentDelete) Run(ctx context.Context, s *Session) error {
	if !c.Yes {
		return errNotConfirmed
	}
	segment, err := c.find(ctx, s)
	if err != nil {
		return err
	}
	answer, err := s.RemoveSegmentWithResponse(ctx, segment.ID)
	if err != nil {
		return err
	}
	return s.say(answer.Body, "deleted segment %s", segment.Name)
}

func (s *Session) segmentNames(ctx context.Context) ([]string, error) {
	answer, err := s.GetSegmentsWithResponse(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, segment := range answer.JSON200.Segments {
		names = append(names, segment.Name)
	}
	return names, nil
}

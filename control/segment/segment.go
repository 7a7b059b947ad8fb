// Package segment creates, changes and deletes segments: constraints that many strategies share.
//
// It imports queries, fault, control/access, control/event and control/constraint.
package segment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/constraint"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

var q = queries.New()

const (
	maxNameLength        = 255
	maxDescriptionLength = 10_000
)

// Input is what callers say of a segment. Project bounds it to one project; nil or empty means every project.
type Input struct {
	Name        string
	Description *string
	Project     *string
	Constraints []constraint.Constraint
}

// description is a segment as audit events show it.
type description struct {
	ID          int32           `json:"id"`
	Name        string          `json:"name"`
	Description *string         `json:"description"`
	Project     *string         `json:"project"`
	Constraints json.RawMessage `json:"constraints"`
}

func describe(row queries.Segment) description {
	return description{ID: row.ID, Name: row.Name, Description: row.Description, Project: row.Project, Constraints: row.Constraints}
}

// Create stores a segment.
func Create(ctx context.Context, tx pgx.Tx, in Input) (queries.Segment, error) {
	count, err := q.SegmentCount(ctx, tx)
	if err != nil {
		return queries.Segment{}, fmt.Errorf("count segments: %w", err)
	}
	if err := limit.Room("segment", count, limit.From(ctx).Segments); err != nil {
		return queries.Segment{}, err
	}
	constraints, err := check(ctx, tx, &in, nil)
	if err != nil {
		return queries.Segment{}, err
	}
	actor := access.ActorFrom(ctx)
	row, err := q.SegmentCreate(ctx, tx, queries.SegmentCreateParams{
		Name: in.Name, Description: in.Description, Constraints: constraints, Project: in.Project,
		CreatedBy: actor.Name, CreatedByUserID: actor.UserID,
	})
	if err != nil {
		return row, fmt.Errorf("store segment: %w", err)
	}
	return row, appendEvent(ctx, tx, event.SegmentCreated, row, describe(row), nil)
}

// Update replaces a segment. It cannot be bound to a project while flags of others use it.
func Update(ctx context.Context, tx pgx.Tx, id int32, in Input) (queries.Segment, error) {
	before, err := lock(ctx, tx, id)
	if err != nil {
		return before, err
	}
	constraints, err := check(ctx, tx, &in, &id)
	if err != nil {
		return before, err
	}
	if in.Project != nil {
		elsewhere, err := q.SegmentOtherProjects(ctx, tx, queries.SegmentOtherProjectsParams{SegmentID: id, Project: *in.Project})
		if err != nil {
			return before, fmt.Errorf("read uses of segment: %w", err)
		}
		if elsewhere {
			return before, fault.New(fault.Invalid, "The segment is used by flags of other projects")
		}
	}
	after, err := q.SegmentUpdate(ctx, tx, queries.SegmentUpdateParams{
		ID: id, Name: in.Name, Description: in.Description, Constraints: constraints, Project: in.Project,
	})
	if err != nil {
		return before, fmt.Errorf("update segment: %w", err)
	}
	return after, appendEvent(ctx, tx, event.SegmentUpdated, after, describe(after), describe(before))
}

// Delete removes a segment that no strategy uses, those of archived flags included: a strategy that lost its segment
// would open up to everybody.
func Delete(ctx context.Context, tx pgx.Tx, id int32) error {
	row, err := lock(ctx, tx, id)
	if err != nil {
		return err
	}
	uses, err := q.SegmentUses(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("read uses of segment: %w", err)
	}
	if uses > 0 {
		return fault.New(fault.Conflict, "The segment is used by %d strategies. Remove it from them first.", uses)
	}
	if err := q.SegmentDelete(ctx, tx, id); err != nil {
		return fmt.Errorf("delete segment: %w", err)
	}
	return appendEvent(ctx, tx, event.SegmentDeleted, row, nil, describe(row))
}

// CheckName fails when no segment can have that name; except is the segment that has it already, if any.
func CheckName(ctx context.Context, db queries.DBTX, name string, except *int32) error {
	if strings.TrimSpace(name) == "" {
		return invalid(`"name" is not allowed to be empty.`)
	}
	if utf8.RuneCountInString(name) > maxNameLength {
		return invalid(`"name" length must be less than or equal to 255 characters long.`)
	}
	taken, err := q.SegmentNameTaken(ctx, db, queries.SegmentNameTakenParams{Name: name, ExceptID: except})
	if err != nil {
		return fmt.Errorf("read segment names: %w", err)
	}
	if taken {
		return fault.New(fault.NameTaken, "Segment name already exists")
	}
	return nil
}

// check applies the rules and returns the constraints as they are stored.
func check(ctx context.Context, tx pgx.Tx, in *Input, id *int32) (json.RawMessage, error) {
	in.Name = strings.TrimSpace(in.Name)
	if err := CheckName(ctx, tx, in.Name, id); err != nil {
		return nil, err
	}
	if in.Description != nil && utf8.RuneCountInString(*in.Description) > maxDescriptionLength {
		return nil, invalid(`"description" length must be less than or equal to 10000 characters long.`)
	}
	if in.Project != nil && *in.Project == "" {
		in.Project = nil
	}
	if in.Project != nil {
		missing, err := q.ProjectsMissing(ctx, tx, []string{*in.Project})
		if err != nil {
			return nil, fmt.Errorf("read project: %w", err)
		}
		if len(missing) > 0 {
			return nil, fault.New(fault.Invalid, "Project=%s does not exist", *in.Project)
		}
	}
	constraints, err := constraint.Check(ctx, tx, in.Constraints)
	if err != nil {
		return nil, err
	}
	values := 0
	for _, c := range constraints {
		values += len(c.Values)
	}
	if most := limit.From(ctx).SegmentValues; values > most {
		return nil, fault.New(fault.Invalid, "Segments may not have more than %d values", most)
	}
	text, err := json.Marshal(constraints)
	if err != nil {
		return nil, fmt.Errorf("marshal constraints: %w", err)
	}
	return text, nil
}

func lock(ctx context.Context, tx pgx.Tx, id int32) (queries.Segment, error) {
	row, err := q.SegmentLock(ctx, tx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, NotFound(id)
	}
	if err != nil {
		return row, fmt.Errorf("read segment: %w", err)
	}
	return row, nil
}

// NotFound is the fault for a segment that does not exist.
func NotFound(id int32) error {
	return fault.New(fault.NotFound, "Could not find segment with id %d", id)
}

func appendEvent(ctx context.Context, tx pgx.Tx, kind event.Type, row queries.Segment, data, preData any) error {
	e := event.Event{Type: kind, Data: data, PreData: preData}
	if row.Project != nil {
		e.Project = *row.Project
	}
	return event.Append(ctx, tx, e)
}

func invalid(message string) error {
	return fault.New(fault.Invalid, "%s", message).With(fault.Detail{Message: message})
}

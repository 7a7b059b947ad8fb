package project

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Update changes a project.
func Update(ctx context.Context, tx pgx.Tx, id string, p Patch) (queries.Project, error) {
	before, err := lock(ctx, tx, id)
	if err != nil {
		return before, err
	}
	params := queries.ProjectUpdateParams{
		ID: id, Name: before.Name, Description: before.Description, Mode: before.Mode, DefaultStickiness: before.DefaultStickiness,
	}
	if p.Name != "" {
		if params.Name, err = checkName(p.Name); err != nil {
			return before, err
		}
	}
	if p.Description != nil {
		params.Description = p.Description
	}
	if p.Mode != "" {
		params.Mode = p.Mode
	}
	if p.DefaultStickiness != "" {
		params.DefaultStickiness = p.DefaultStickiness
	}
	if err := checkSettings(params.Mode, params.DefaultStickiness); err != nil {
		return before, err
	}
	after, err := q.ProjectUpdate(ctx, tx, params)
	if err != nil {
		return before, fmt.Errorf("update project: %w", err)
	}
	return after, event.Append(ctx, tx, event.Event{
		Type: event.ProjectUpdated, Project: id, Data: describe(after), PreData: describe(before),
	})
}

// Archive takes a project out of use. Its flags must have been archived before.
func Archive(ctx context.Context, tx pgx.Tx, id string) error {
	row, err := lock(ctx, tx, id)
	if err != nil {
		return err
	}
	if id == Default {
		return fault.New(fault.Refused, "The default project cannot be archived.")
	}
	if row.ArchivedAt != nil {
		return nil
	}
	count, err := q.ProjectFeatureCount(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("count features: %w", err)
	}
	if count.Active > 0 {
		return fault.New(fault.Refused, "You can't archive a project that has active flags. Archive or move them first.")
	}
	if _, err := q.ProjectArchive(ctx, tx, id); err != nil {
		return fmt.Errorf("archive project: %w", err)
	}
	return event.Append(ctx, tx, event.Event{Type: event.ProjectArchived, Project: id})
}

// Revive brings an archived project back.
func Revive(ctx context.Context, tx pgx.Tx, id string) error {
	row, err := lock(ctx, tx, id)
	if err != nil {
		return err
	}
	if row.ArchivedAt == nil {
		return nil
	}
	if err := checkRoom(ctx, tx); err != nil {
		return err
	}
	if _, err := q.ProjectRevive(ctx, tx, id); err != nil {
		return fmt.Errorf("revive project: %w", err)
	}
	return event.Append(ctx, tx, event.Event{Type: event.ProjectRevived, Project: id})
}

// Delete removes a project for good. It must hold neither flags, archived ones included, nor segments.
func Delete(ctx context.Context, tx pgx.Tx, id string) error {
	row, err := lock(ctx, tx, id)
	if err != nil {
		return err
	}
	if id == Default {
		return fault.New(fault.Refused, "The default project cannot be deleted.")
	}
	count, err := q.ProjectFeatureCount(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("count features: %w", err)
	}
	if count.Active+count.Archived > 0 {
		return fault.New(fault.Refused,
			"You can't delete a project that has flags. It has %d active and %d archived ones; delete or move them first.",
			count.Active, count.Archived)
	}
	segments, err := q.ProjectSegmentCount(ctx, tx, &id)
	if err != nil {
		return fmt.Errorf("count segments: %w", err)
	}
	if segments > 0 {
		return fault.New(fault.Refused, "You can't delete a project that has segments. Delete its %d segments first.", segments)
	}
	if err := q.ProjectDelete(ctx, tx, id); err != nil {
		return fmt.Errorf("delete project: %w", err)
	}
	return event.Append(ctx, tx, event.Event{Type: event.ProjectDeleted, Project: id, PreData: describe(row)})
}

// lock reads the project and keeps others from changing it.
func lock(ctx context.Context, tx pgx.Tx, id string) (queries.Project, error) {
	row, err := q.ProjectLock(ctx, tx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, NotFound(id)
	}
	if err != nil {
		return row, fmt.Errorf("read project: %w", err)
	}
	return row, nil
}

// NotFound is the fault for a project that does not exist.
func NotFound(id string) error {
	return fault.New(fault.NotFound, "Could not find project with id %s", id)
}

package feature

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// projectChange is what audit events hold of a move.
type projectChange struct {
	NewProject string `json:"newProject"`
	OldProject string `json:"oldProject"`
}

// Move takes an active flag from one project to another. The caller needs the permission in both. The move is refused
// where it would change what SDKs see beyond the project: when the flag has dependencies, which do not cross projects,
// when it is on in an environment that the new project does not use, and when it uses segments of the old project.
func Move(ctx context.Context, tx pgx.Tx, project, name, newProject string) error {
	if err := access.Require(ctx, access.MoveFeature, newProject, ""); err != nil {
		return err
	}
	target, err := lockProject(ctx, tx, newProject)
	if err != nil {
		return err
	}
	row, err := lockActive(ctx, tx, project, name)
	if err != nil || project == newProject {
		return err
	}
	for _, check := range []func(context.Context, pgx.Tx, string, queries.Project) error{refuseFamily, refuseMissingEnvironments, refuseBoundSegments} {
		if err := check(ctx, tx, name, target); err != nil {
			return err
		}
	}
	if err := checkProjectRoom(ctx, tx, target, 1); err != nil {
		return err
	}
	if err := q.FeatureSetProject(ctx, tx, queries.FeatureSetProjectParams{Name: name, Project: newProject}); err != nil {
		return fmt.Errorf("set project: %w", err)
	}
	row.Project = newProject
	return appendEvent(ctx, tx, event.FeatureProjectChange, row, projectChange{NewProject: newProject, OldProject: project}, nil)
}

func refuseFamily(ctx context.Context, tx pgx.Tx, name string, _ queries.Project) error {
	related, err := q.FeatureDependencyTouches(ctx, tx, []string{name})
	switch {
	case err != nil:
		return fmt.Errorf("read dependencies: %w", err)
	case related:
		return fault.New(fault.Refused, "The feature \"%s\" has dependencies. Remove them before moving it to another project.", name)
	}
	return nil
}

func refuseMissingEnvironments(ctx context.Context, tx pgx.Tx, name string, target queries.Project) error {
	missing, err := q.FeatureEnvironmentListMissing(ctx, tx, queries.FeatureEnvironmentListMissingParams{Feature: name, Project: target.ID})
	switch {
	case err != nil:
		return fmt.Errorf("read environments: %w", err)
	case len(missing) > 0:
		return fault.New(fault.Refused, "The feature \"%s\" is on in environments that project \"%s\" does not use: %s.",
			name, target.ID, strings.Join(missing, ", "))
	}
	return nil
}

func refuseBoundSegments(ctx context.Context, tx pgx.Tx, name string, target queries.Project) error {
	bound, err := q.FeatureSegmentListBound(ctx, tx, queries.FeatureSegmentListBoundParams{Feature: name, Project: &target.ID})
	switch {
	case err != nil:
		return fmt.Errorf("read segments: %w", err)
	case len(bound) > 0:
		return fault.New(fault.Refused, "The feature \"%s\" uses the segment \"%s\", which project \"%s\" cannot use.", name, bound[0].Name, target.ID)
	}
	return nil
}

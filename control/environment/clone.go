package environment

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/oklog/ulid/v2"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// CloneInput says what a clone is called and what it takes along. Projects are those that will use it; nil, or one that is
// *, means all that use the original.
type CloneInput struct {
	Name     string
	Type     string
	Projects []string
}

// Clone creates an environment in which the flags of the projects are what they are in the original: on or off, with the
// same strategies and variants. The projects' default strategies and the number of approvals go along, API tokens do not.
// A project that does not use the original is refused.
//
// One event tells of the environment and one a project; the flags' histories begin in the original.
func Clone(ctx context.Context, tx pgx.Tx, source string, in CloneInput) (queries.Environment, error) {
	known, err := q.EnvironmentExists(ctx, tx, source)
	if err != nil {
		return queries.Environment{}, fmt.Errorf("read environment: %w", err)
	}
	if !known {
		return queries.Environment{}, NotFound(source)
	}
	projects, err := clonedProjects(ctx, tx, source, in.Projects)
	if err != nil {
		return queries.Environment{}, err
	}
	// Flags before the environment, as those who change a flag do.
	if err := q.EnvironmentCloneLock(ctx, tx, projects); err != nil {
		return queries.Environment{}, fmt.Errorf("lock features: %w", err)
	}
	original, err := lock(ctx, tx, source)
	if err != nil {
		return original, err
	}
	n := New{Name: in.Name, Type: in.Type}
	if original.RequiredApprovals != nil {
		approvals := int(*original.RequiredApprovals)
		n.RequiredApprovals = &approvals
	}
	row, err := Create(ctx, tx, n)
	if err != nil {
		return row, err
	}
	if err := cloneFlags(ctx, tx, source, row.Name, projects); err != nil {
		return row, err
	}
	for _, project := range projects {
		e := event.Event{Type: event.ProjectEnvironmentAdded, Project: project, Environment: row.Name}
		if err := event.Append(ctx, tx, e); err != nil {
			return row, err
		}
	}
	return row, nil
}

// clonedProjects lists the projects to take along.
func clonedProjects(ctx context.Context, tx pgx.Tx, source string, wanted []string) ([]string, error) {
	if slices.Contains(wanted, "*") {
		wanted = nil
	}
	projects, err := q.EnvironmentCloneProjectList(ctx, tx, queries.EnvironmentCloneProjectListParams{Source: source, Projects: wanted})
	if err != nil {
		return nil, fmt.Errorf("read the environment's projects: %w", err)
	}
	for _, project := range wanted {
		if !slices.Contains(projects, project) {
			return nil, fault.New(fault.Invalid, "Project %s does not use the environment %s", project, source)
		}
	}
	return projects, nil
}

func cloneFlags(ctx context.Context, tx pgx.Tx, source, target string, projects []string) error {
	err := q.EnvironmentCloneProjects(ctx, tx, queries.EnvironmentCloneProjectsParams{Source: source, Target: target, Projects: projects})
	if err != nil {
		return fmt.Errorf("clone the projects' environments: %w", err)
	}
	err = q.EnvironmentCloneStates(ctx, tx, queries.EnvironmentCloneStatesParams{Source: source, Target: target, Projects: projects})
	if err != nil {
		return fmt.Errorf("clone states: %w", err)
	}
	old, err := q.EnvironmentCloneStrategyList(ctx, tx, queries.EnvironmentCloneStrategyListParams{Source: source, Projects: projects})
	if err != nil {
		return fmt.Errorf("read strategies: %w", err)
	}
	ids := make([]string, len(old))
	for i := range ids {
		ids[i] = ulid.Make().String()
	}
	err = q.EnvironmentCloneStrategies(ctx, tx, queries.EnvironmentCloneStrategiesParams{Target: target, OldIds: old, NewIds: ids})
	if err != nil {
		return fmt.Errorf("clone strategies: %w", err)
	}
	if err := q.EnvironmentCloneSegments(ctx, tx, queries.EnvironmentCloneSegmentsParams{OldIds: old, NewIds: ids}); err != nil {
		return fmt.Errorf("clone the strategies' segments: %w", err)
	}
	return nil
}

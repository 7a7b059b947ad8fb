package project

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// AddEnvironment makes the project use an environment. Its flags are off there until turned on.
func AddEnvironment(ctx context.Context, tx pgx.Tx, id, environment string) error {
	if _, err := lock(ctx, tx, id); err != nil {
		return err
	}
	known, err := q.EnvironmentExists(ctx, tx, environment)
	if err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	if !known {
		return fault.New(fault.NotFound, "Could not find environment with name: %s", environment)
	}
	added, err := q.ProjectEnvironmentAdd(ctx, tx, queries.ProjectEnvironmentAddParams{Project: id, Environment: environment})
	if err != nil {
		return fmt.Errorf("add environment: %w", err)
	}
	if added == 0 {
		return fault.New(fault.NameTaken, "%s already has the environment %s enabled", id, environment)
	}
	return event.Append(ctx, tx, event.Event{Type: event.ProjectEnvironmentAdded, Project: id, Environment: environment})
}

// RemoveEnvironment makes the project use an environment no more, and turns its flags off there. It keeps at least one.
func RemoveEnvironment(ctx context.Context, tx pgx.Tx, id, environment string) error {
	if _, err := lock(ctx, tx, id); err != nil {
		return err
	}
	used, err := q.ProjectEnvironmentList(ctx, tx, id)
	if err != nil {
		return fmt.Errorf("read the project's environments: %w", err)
	}
	if len(used) == 1 && used[0].Environment == environment {
		return fault.New(fault.Invalid, "A project must have at least one environment")
	}
	removed, err := q.ProjectEnvironmentRemove(ctx, tx, queries.ProjectEnvironmentRemoveParams{Project: id, Environment: environment})
	if err != nil {
		return fmt.Errorf("remove environment: %w", err)
	}
	if removed == 0 {
		return nil // Unleash answers 200
	}
	off := queries.ProjectEnvironmentFlagsOffParams{Project: id, Environment: environment}
	if err := q.ProjectEnvironmentFlagsOff(ctx, tx, off); err != nil {
		return fmt.Errorf("turn flags off: %w", err)
	}
	return event.Append(ctx, tx, event.Event{Type: event.ProjectEnvironmentRemoved, Project: id, Environment: environment})
}

// SetDefaultStrategy decides what flags get that are turned on in the environment without a strategy of their own.
func SetDefaultStrategy(
	ctx context.Context, tx pgx.Tx, id, environment string, in feature.StrategyInput,
) (feature.StrategyInput, error) {
	if _, err := lock(ctx, tx, id); err != nil {
		return in, err
	}
	row, err := q.ProjectEnvironmentGet(ctx, tx, queries.ProjectEnvironmentGetParams{Project: id, Environment: environment})
	if errors.Is(err, pgx.ErrNoRows) {
		return in, fault.New(fault.NotFound, "Project %s does not use the environment %s", id, environment)
	}
	if err != nil {
		return in, fmt.Errorf("read the project's environment: %w", err)
	}
	if in, err = feature.CheckDefaultStrategy(ctx, tx, id, in); err != nil {
		return in, err
	}
	text, err := json.Marshal(in)
	if err != nil {
		return in, fmt.Errorf("marshal default strategy: %w", err)
	}
	err = q.ProjectEnvironmentDefaultStrategyUpdate(ctx, tx, queries.ProjectEnvironmentDefaultStrategyUpdateParams{
		Project: id, Environment: environment, DefaultStrategy: text,
	})
	if err != nil {
		return in, fmt.Errorf("store default strategy: %w", err)
	}
	e := event.Event{Type: event.DefaultStrategyUpdated, Project: id, Environment: environment, Data: in}
	if row.DefaultStrategy != nil {
		e.PreData = row.DefaultStrategy
	}
	return in, event.Append(ctx, tx, e)
}

package feature

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Place is a flag in one environment of its project.
type Place struct {
	Project     string
	Feature     string
	Environment string
}

// Enable turns an active flag on in an environment. SDKs take a flag that is on without strategies for on for everybody,
// so turning on makes sure that an enabled strategy exists: with activateDisabled the disabled ones are enabled; if that
// leaves none, the project's default strategy for the environment is added, or a gradual rollout to everyone.
func Enable(ctx context.Context, tx pgx.Tx, place Place, activateDisabled bool) error {
	row, state, err := lockPlace(ctx, tx, place)
	if err != nil {
		return err
	}
	return enableFrom(ctx, tx, row, place.Environment, state, activateDisabled)
}

// Disable turns an active flag off in an environment.
func Disable(ctx context.Context, tx pgx.Tx, place Place) error {
	row, state, err := lockPlace(ctx, tx, place)
	if err != nil || !state.Enabled {
		return err
	}
	return setEnabled(ctx, tx, row, place.Environment, false)
}

// EnableAll turns several active flags of one project on, with the rules of Enable.
func EnableAll(ctx context.Context, tx pgx.Tx, project string, names []string, environment string, activateDisabled bool) error {
	rows, err := lockAllActive(ctx, tx, project, names)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := enable(ctx, tx, row, environment, activateDisabled); err != nil {
			return err
		}
	}
	return nil
}

// DisableAll turns several active flags of one project off.
func DisableAll(ctx context.Context, tx pgx.Tx, project string, names []string, environment string) error {
	rows, err := lockAllActive(ctx, tx, project, names)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := disable(ctx, tx, row, environment); err != nil {
			return err
		}
	}
	return nil
}

// lockPlace locks an active flag, and its state in an environment, in one round trip.
func lockPlace(ctx context.Context, tx pgx.Tx, place Place) (queries.Feature, queries.FeatureEnvironmentLockRow, error) {
	var (
		batch  pgx.Batch
		flags  []queries.Feature
		states []queries.FeatureEnvironmentLockRow
	)
	batch.Queue(queries.FeatureLock, []string{place.Feature}).Query(func(rows pgx.Rows) (err error) {
		flags, err = pgx.CollectRows(rows, pgx.RowToStructByPos[queries.Feature])
		return err
	})
	batch.Queue(queries.FeatureEnvironmentLock, place.Feature, place.Environment).Query(func(rows pgx.Rows) (err error) {
		states, err = pgx.CollectRows(rows, pgx.RowToStructByPos[queries.FeatureEnvironmentLockRow])
		return err
	})
	err := tx.SendBatch(ctx, &batch).Close()
	switch {
	case err != nil:
		err = fmt.Errorf("lock flag and environment: %w", err)
	case len(flags) == 0:
		err = notFound(place.Project, place.Feature)
	case flags[0].Project != place.Project:
		err = elsewhere(place.Project, flags[0])
	default:
		err = refuseArchived(flags)
	}
	if err == nil && len(states) == 0 {
		err = noEnvironment(place.Feature, place.Environment)
	}
	if err != nil {
		return queries.Feature{}, queries.FeatureEnvironmentLockRow{}, err
	}
	return flags[0], states[0], nil
}

func enable(ctx context.Context, tx pgx.Tx, row queries.Feature, environment string, activateDisabled bool) error {
	state, err := lockEnvironment(ctx, tx, row.Name, environment)
	if err != nil {
		return err
	}
	return enableFrom(ctx, tx, row, environment, state, activateDisabled)
}

// enableFrom is enable where the state is known and locked.
func enableFrom(
	ctx context.Context, tx pgx.Tx, row queries.Feature, environment string, state queries.FeatureEnvironmentLockRow, activateDisabled bool,
) error {
	if activateDisabled || !state.HasEnabledStrategy {
		if err := ensureStrategy(ctx, tx, row, environment, state, activateDisabled); err != nil {
			return err
		}
	}
	if state.Enabled {
		return nil
	}
	return setEnabled(ctx, tx, row, environment, true)
}

// ensureStrategy makes sure that an enabled strategy exists (see Enable).
func ensureStrategy(
	ctx context.Context, tx pgx.Tx, row queries.Feature, environment string, state queries.FeatureEnvironmentLockRow, activateDisabled bool,
) error {
	strategies, err := listStrategies(ctx, tx, row.Name, environment)
	if err != nil {
		return err
	}
	if activateDisabled {
		for i, strategy := range strategies {
			enabled := strategy
			enabled.Disabled = false
			if strategies[i], err = replaceStrategy(ctx, tx, row, strategy, enabled); err != nil {
				return err
			}
		}
	}
	if anyEnabled(strategies) {
		return nil
	}
	return addDefaultStrategy(ctx, tx, row, environment, state.DefaultStrategy, strategies)
}

func disable(ctx context.Context, tx pgx.Tx, row queries.Feature, environment string) error {
	state, err := lockEnvironment(ctx, tx, row.Name, environment)
	if err != nil || !state.Enabled {
		return err
	}
	return setEnabled(ctx, tx, row, environment, false)
}

// disableWithoutStrategies turns a flag off that has lost its last enabled strategy (see Enable).
func disableWithoutStrategies(ctx context.Context, tx pgx.Tx, row queries.Feature, environment string, enabled bool) error {
	if !enabled {
		return nil
	}
	strategies, err := listStrategies(ctx, tx, row.Name, environment)
	if err != nil || anyEnabled(strategies) {
		return err
	}
	return setEnabled(ctx, tx, row, environment, false)
}

func setEnabled(ctx context.Context, tx pgx.Tx, row queries.Feature, environment string, enabled bool) error {
	err := q.FeatureEnvironmentSetEnabled(ctx, queries.Later(tx), queries.FeatureEnvironmentSetEnabledParams{
		Feature: row.Name, Environment: environment, Enabled: enabled,
	})
	if err != nil {
		return fmt.Errorf("set enabled: %w", err)
	}
	kind := event.FeatureEnvironmentDisabled
	if enabled {
		kind = event.FeatureEnvironmentEnabled
	}
	return event.Append(ctx, tx, event.Event{Type: kind, Project: row.Project, Environment: environment, Feature: row.Name})
}

func anyEnabled(strategies []Strategy) bool {
	for _, strategy := range strategies {
		if !strategy.Disabled {
			return true
		}
	}
	return false
}

// addDefaultStrategy adds the project's default strategy for the environment as it was stored, but never disabled.
func addDefaultStrategy(
	ctx context.Context, tx pgx.Tx, row queries.Feature, environment string, stored json.RawMessage, existing []Strategy,
) error {
	in := StrategyInput{Name: FlexibleRollout}
	if len(stored) > 0 {
		if err := decodeStrategyInput(stored, &in); err != nil {
			return err
		}
	}
	in.Disabled = false
	in.SortOrder = nil
	_, err := addStrategy(ctx, tx, row, environment, in, existing)
	return err
}

// decodeStrategyInput reads a stored default strategy, whose parameters may be of any scalar type.
func decodeStrategyInput(stored json.RawMessage, in *StrategyInput) error {
	if bytes.Equal(stored, []byte("null")) {
		return nil
	}
	var document struct {
		StrategyInput
		Parameters json.RawMessage `json:"parameters"`
	}
	if err := json.Unmarshal(stored, &document); err != nil {
		return fmt.Errorf("decode default strategy: %w", err)
	}
	*in = document.StrategyInput
	var err error
	in.Parameters, err = decodeParameters(document.Parameters)
	return err
}

// environmentState reads a flag's state in an environment without locking anything.
func environmentState(ctx context.Context, tx queries.DBTX, place Place) (queries.FeatureEnvironmentListRow, error) {
	if _, err := Get(ctx, tx, place.Project, place.Feature); err != nil {
		return queries.FeatureEnvironmentListRow{}, err
	}
	rows, err := q.FeatureEnvironmentList(ctx, tx, queries.FeatureEnvironmentListParams{
		Feature: place.Feature, Environment: &place.Environment,
	})
	switch {
	case err != nil:
		return queries.FeatureEnvironmentListRow{}, fmt.Errorf("read feature environment: %w", err)
	case len(rows) == 0:
		return queries.FeatureEnvironmentListRow{}, noEnvironment(place.Feature, place.Environment)
	}
	return rows[0], nil
}

// State reads whether a flag is on in an environment, and its strategies there.
func State(ctx context.Context, tx queries.DBTX, place Place) (enabled bool, strategies []Strategy, err error) {
	row, err := environmentState(ctx, tx, place)
	if err != nil {
		return false, nil, err
	}
	strategies, err = listStrategies(ctx, tx, place.Feature, place.Environment)
	return row.Enabled, strategies, err
}

// lockEnvironment reads a flag's state in an environment of its project and keeps the project from dropping the
// environment meanwhile. The flag itself is locked already.
func lockEnvironment(ctx context.Context, tx pgx.Tx, name, environment string) (queries.FeatureEnvironmentLockRow, error) {
	row, err := q.FeatureEnvironmentLock(ctx, tx, queries.FeatureEnvironmentLockParams{Feature: name, Environment: environment})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return row, noEnvironment(name, environment)
	case err != nil:
		return row, fmt.Errorf("lock feature environment: %w", err)
	}
	return row, nil
}

func noEnvironment(name, environment string) *fault.Fault {
	return fault.New(fault.NotFound, "Could not find environment %s for feature: %s", environment, name)
}

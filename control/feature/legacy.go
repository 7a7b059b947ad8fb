package feature

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// LegacyEnvironment is the environment that callers mean who know of none: the one that flags were put into when
// environments came.
const LegacyEnvironment = "default"

// LegacyState is the state of a flag in LegacyEnvironment. Nil fields are left as they are.
type LegacyState struct {
	Enabled    *bool
	Strategies []StrategyInput
}

// CreateLegacy adds a flag with its state. The caller needs the permissions in its project, which are checked here.
func CreateLegacy(ctx context.Context, tx pgx.Tx, in New, stale bool, state LegacyState) error {
	if err := access.Require(ctx, access.CreateFeature, in.Project, ""); err != nil {
		return err
	}
	row, err := Create(ctx, tx, in)
	if err != nil {
		return err
	}
	if stale {
		if err := SetStale(ctx, tx, in.Project, []string{in.Name}, true); err != nil {
			return err
		}
	}
	return setLegacy(ctx, tx, row, state)
}

// UpdateLegacy replaces the properties of an active flag and its state. See CreateLegacy.
func UpdateLegacy(ctx context.Context, tx pgx.Tx, name string, p Properties, state LegacyState) error {
	project, err := ProjectOf(ctx, tx, name, access.UpdateFeature, "")
	if err != nil {
		return err
	}
	row, err := Update(ctx, tx, project, name, func(old *Properties) error {
		*old = p
		return nil
	})
	if err != nil {
		return err
	}
	return setLegacy(ctx, tx, row, state)
}

// ToggleLegacy turns an active flag on or off, or when enabled is nil the other way than it is.
func ToggleLegacy(ctx context.Context, tx pgx.Tx, name string, enabled *bool) error {
	project, err := ProjectOf(ctx, tx, name, access.UpdateFeatureEnvironment, LegacyEnvironment)
	if err != nil {
		return err
	}
	row, err := lockActive(ctx, tx, project, name)
	if err != nil {
		return err
	}
	if enabled == nil {
		state, err := lockEnvironment(ctx, tx, name, LegacyEnvironment)
		if err != nil {
			return err
		}
		other := !state.Enabled
		enabled = &other
	}
	if *enabled {
		return enable(ctx, tx, row, LegacyEnvironment, false)
	}
	return disable(ctx, tx, row, LegacyEnvironment)
}

func setLegacy(ctx context.Context, tx pgx.Tx, row queries.Feature, state LegacyState) error {
	_, err := lockEnvironment(ctx, tx, row.Name, LegacyEnvironment)
	wanted := len(state.Strategies) > 0 || state.Enabled != nil && *state.Enabled
	if fault.Is(err, fault.NotFound) && !wanted {
		return nil // off and without strategies is what it is where there is no such environment
	}
	if err != nil {
		return err
	}
	if state.Strategies != nil {
		if err := access.Require(ctx, access.UpdateFeatureStrategy, row.Project, LegacyEnvironment); err != nil {
			return err
		}
		if err := replaceStrategies(ctx, tx, row, LegacyEnvironment, state.Strategies); err != nil {
			return err
		}
	}
	if state.Enabled == nil {
		return nil
	}
	if err := access.Require(ctx, access.UpdateFeatureEnvironment, row.Project, LegacyEnvironment); err != nil {
		return err
	}
	if *state.Enabled {
		return enable(ctx, tx, row, LegacyEnvironment, false)
	}
	return disable(ctx, tx, row, LegacyEnvironment)
}

// replaceStrategies makes a flag have exactly the strategies of inputs. Those it has already, in the same words, stay.
func replaceStrategies(ctx context.Context, tx pgx.Tx, row queries.Feature, environment string, inputs []StrategyInput) error {
	existing, err := listStrategies(ctx, tx, row.Name, environment)
	if err != nil {
		return err
	}
	var added []StrategyInput
	left := slices.Clone(existing)
	for _, in := range inputs {
		same := slices.IndexFunc(left, func(s Strategy) bool {
			return s.Name == in.Name && equalJSON(s.Parameters, in.Parameters) && equalJSON(s.Constraints, in.Constraints)
		})
		if same < 0 {
			added = append(added, in)
			continue
		}
		left = slices.Delete(left, same, same+1)
	}
	kept := slices.DeleteFunc(slices.Clone(existing), func(s Strategy) bool { return indexStrategy(left, s.ID) >= 0 })
	for _, in := range added {
		strategy, err := addStrategy(ctx, tx, row, environment, in, kept)
		if err != nil {
			return err
		}
		kept = append(kept, strategy)
	}
	place := Place{Project: row.Project, Feature: row.Name, Environment: environment}
	for _, s := range left {
		if err := DeleteStrategy(ctx, tx, place, s.ID); err != nil {
			return err
		}
	}
	return nil
}

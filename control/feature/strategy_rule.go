package feature

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/constraint"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// FlexibleRollout is the strategy type that turns a flag on for a sticky share of users.
const FlexibleRollout = "flexibleRollout"

// Parameters of FlexibleRollout.
const (
	parameterRollout    = "rollout"
	parameterStickiness = "stickiness"
	parameterGroupID    = "groupId"
)

// checkStrategy validates a strategy and returns it with defaults filled in, ready to be stored. What is as it was in old
// is taken as it is, so that a strategy older than a rule can still be disabled; old is nil for a new strategy.
func checkStrategy(ctx context.Context, tx pgx.Tx, row queries.Feature, old *Strategy, s Strategy) (Strategy, error) {
	known, err := q.FeatureStrategyTypeExists(ctx, tx, s.Name)
	if err != nil {
		return s, fmt.Errorf("read strategy type: %w", err)
	}
	if !known {
		return s, fault.New(fault.Invalid, "Could not find strategy type with name %s", s.Name)
	}
	if old == nil || old.SortOrder != s.SortOrder {
		if err := checkSortOrder(s.SortOrder); err != nil {
			return s, err
		}
	}
	if old == nil || !equalJSON(old.Constraints, s.Constraints) {
		if s.Constraints, err = checkConstraints(ctx, tx, s.Constraints); err != nil {
			return s, err
		}
	}
	if old == nil || !equalJSON(old.Variants, s.Variants) {
		if s.Variants, err = checkStrategyVariants(s.Variants); err != nil {
			return s, err
		}
	}
	if old == nil || !slices.Equal(old.Segments, s.Segments) {
		if s.Segments, err = checkSegments(ctx, tx, row.Project, s.Segments); err != nil {
			return s, err
		}
	}
	if s.Parameters == nil {
		s.Parameters = map[string]string{}
	}
	if old == nil && s.Name == FlexibleRollout {
		s.Parameters, err = withDefaultParameters(ctx, tx, row, s.Parameters)
	}
	return s, err
}

func checkConstraints(ctx context.Context, tx pgx.Tx, list []constraint.Constraint) ([]constraint.Constraint, error) {
	limits := limit.From(ctx)
	if err := constraint.Within(list, limits.Constraints, limits.ConstraintValues); err != nil {
		return nil, err
	}
	return constraint.Check(ctx, tx, list)
}

// checkStrategyVariants drops overrides: only variants of an environment have them.
func checkStrategyVariants(variants []Variant) ([]Variant, error) {
	variants = slices.Clone(variants)
	for i := range variants {
		variants[i].Overrides = nil
	}
	return checkVariants(variants)
}

func checkSortOrder(order int32) error {
	if order < 0 || order > maxSortOrder {
		return fault.New(fault.Invalid, "The sort order must be between 0 and %d", maxSortOrder)
	}
	return nil
}

// checkSegments returns the ids in order and once each. A segment of another project is as good as none.
func checkSegments(ctx context.Context, tx pgx.Tx, project string, ids []int32) ([]int32, error) {
	unique := slices.Clone(ids)
	slices.Sort(unique)
	unique = slices.Compact(unique)
	if len(unique) == 0 {
		return []int32{}, nil
	}
	if most := limit.From(ctx).StrategySegments; len(unique) > most {
		return nil, fault.New(fault.Invalid, "Strategies may not have more than %d segments", most)
	}
	rows, err := q.FeatureSegmentLock(ctx, tx, unique)
	if err != nil {
		return nil, fmt.Errorf("read segments: %w", err)
	}
	for _, id := range unique {
		usable := slices.ContainsFunc(rows, func(row queries.FeatureSegmentLockRow) bool {
			return row.ID == id && (row.Project == nil || *row.Project == project)
		})
		if !usable {
			return nil, fault.New(fault.NotFound, "No segment exists with ID \"%d\"", id)
		}
	}
	return unique, nil
}

// withDefaultParameters fills in what a new gradual rollout cannot do without. A rollout that is given stays even when it
// is empty, and an update fills in nothing: making it 100 would open the flag to everyone.
func withDefaultParameters(
	ctx context.Context, tx pgx.Tx, row queries.Feature, given map[string]string,
) (map[string]string, error) {
	parameters := map[string]string{parameterRollout: "100"}
	maps.Copy(parameters, given)
	if parameters[parameterGroupID] == "" {
		parameters[parameterGroupID] = row.Name
	}
	if parameters[parameterStickiness] == "" {
		project, err := q.FeatureProjectGet(ctx, tx, row.Project)
		if err != nil {
			return nil, fmt.Errorf("read project: %w", err)
		}
		parameters[parameterStickiness] = project.DefaultStickiness
	}
	return parameters, nil
}

// decodeStrategy reads a row. Plain SQL may have stored parameters that are no strings; they are shown as text.
func decodeStrategy(row queries.FeatureStrategyListRow) (Strategy, error) {
	stored := row.FeatureStrategy
	s := Strategy{
		ID: stored.ID, Name: stored.StrategyName, Title: stored.Title, Disabled: stored.Disabled,
		SortOrder: stored.SortOrder, Segments: row.Segments, Feature: stored.Feature, Environment: stored.Environment,
		Constraints: []constraint.Constraint{},
	}
	var err error
	if err = json.Unmarshal(stored.Constraints, &s.Constraints); err != nil {
		return s, fmt.Errorf("decode constraints of strategy %s: %w", s.ID, err)
	}
	for i := range s.Constraints {
		if s.Constraints[i].Values == nil {
			s.Constraints[i].Values = []string{}
		}
	}
	if s.Variants, err = decodeVariants(stored.Variants); err != nil {
		return s, err
	}
	if s.Segments == nil {
		s.Segments = []int32{}
	}
	s.Parameters, err = decodeParameters(stored.Parameters)
	return s, err
}

func encodeStrategy(s Strategy) (parameters, constraints, variants json.RawMessage, err error) {
	for _, part := range []struct {
		value any
		into  *json.RawMessage
	}{{s.Parameters, &parameters}, {s.Constraints, &constraints}, {s.Variants, &variants}} {
		if *part.into, err = json.Marshal(part.value); err != nil {
			return nil, nil, nil, fmt.Errorf("encode strategy: %w", err)
		}
	}
	return parameters, constraints, variants, nil
}

// decodeParameters reads stored parameters. Their values are strings; what plain SQL stored otherwise is shown as text.
func decodeParameters(stored json.RawMessage) (map[string]string, error) {
	parameters := map[string]string{}
	if len(stored) == 0 {
		return parameters, nil
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(stored, &values); err != nil {
		return nil, fmt.Errorf("decode parameters: %w", err)
	}
	for name, value := range values {
		parameters[name] = ParameterText(value)
	}
	return parameters, nil
}

// ParameterText is the text that a JSON value is stored as: parameter values are strings on the wire, but clients send
// numbers and booleans too. Null is the empty string.
func ParameterText(value json.RawMessage) string {
	var text *string
	if err := json.Unmarshal(value, &text); err != nil {
		return string(value)
	}
	if text == nil {
		return ""
	}
	return *text
}

func noStrategy(err error, id string) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.New(fault.NotFound, "Could not find strategy with id: %s", id)
	}
	return fmt.Errorf("read strategy: %w", err)
}

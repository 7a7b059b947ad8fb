package feature

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/oklog/ulid/v2"

	"github.com/pennonhq/pennon/control/constraint"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Strategy is an activation strategy of a flag in an environment, as audit events show it.
type Strategy struct {
	ID          string                  `json:"id"`
	Name        string                  `json:"name"`
	Title       *string                 `json:"title"`
	Disabled    bool                    `json:"disabled"`
	Constraints []constraint.Constraint `json:"constraints"`
	Parameters  map[string]string       `json:"parameters"`
	Variants    []Variant               `json:"variants"`
	SortOrder   int32                   `json:"sortOrder"`
	Segments    []int32                 `json:"segments"`

	Feature     string `json:"-"`
	Environment string `json:"-"`
}

// StrategyInput is what callers say of a strategy. A nil SortOrder puts it last.
type StrategyInput struct {
	Name        string                  `json:"name"`
	Title       *string                 `json:"title"`
	Disabled    bool                    `json:"disabled"`
	SortOrder   *int32                  `json:"sortOrder"`
	Parameters  map[string]string       `json:"parameters"`
	Constraints []constraint.Constraint `json:"constraints"`
	Variants    []Variant               `json:"variants"`
	Segments    []int32                 `json:"segments"`
}

// StrategyOrder gives a strategy its place among the others.
type StrategyOrder struct {
	ID        string
	SortOrder int32
}

// strategyIDs is what audit events hold of an order.
type strategyIDs struct {
	StrategyIDs []string `json:"strategyIds"`
}

// Strategies reads the strategies of a flag in one environment of its project, in the order they are tried.
func Strategies(ctx context.Context, tx queries.DBTX, place Place) ([]Strategy, error) {
	if _, err := environmentState(ctx, tx, place); err != nil {
		return nil, err
	}
	return listStrategies(ctx, tx, place.Feature, place.Environment)
}

// AllStrategies reads the strategies of a flag in all environments, ordered by environment.
func AllStrategies(ctx context.Context, tx queries.DBTX, name string) ([]Strategy, error) {
	return listStrategies(ctx, tx, name, "")
}

// GetStrategy reads one strategy.
func GetStrategy(ctx context.Context, tx queries.DBTX, place Place, id string) (Strategy, error) {
	strategies, err := Strategies(ctx, tx, place)
	if err != nil {
		return Strategy{}, err
	}
	if i := indexStrategy(strategies, id); i >= 0 {
		return strategies[i], nil
	}
	return Strategy{}, fault.New(fault.NotFound, "Could not find strategy with id: %s", id)
}

// AddStrategy adds a strategy to an active flag. It does not turn the flag on.
func AddStrategy(ctx context.Context, tx pgx.Tx, place Place, in StrategyInput) (Strategy, error) {
	row, err := lockActive(ctx, tx, place.Project, place.Feature)
	if err != nil {
		return Strategy{}, err
	}
	if _, err := lockEnvironment(ctx, tx, row.Name, place.Environment); err != nil {
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.Invalid, "You have not added the current environment to the project")
		}
		return Strategy{}, err
	}
	existing, err := listStrategies(ctx, tx, row.Name, place.Environment)
	if err != nil {
		return Strategy{}, err
	}
	return addStrategy(ctx, tx, row, place.Environment, in, existing)
}

func addStrategy(
	ctx context.Context, tx pgx.Tx, row queries.Feature, environment string, in StrategyInput, existing []Strategy,
) (Strategy, error) {
	if err := limit.Room("strategy", int64(len(existing)), limit.From(ctx).Strategies); err != nil {
		return Strategy{}, err
	}
	strategy := Strategy{
		ID: ulid.Make().String(), Name: in.Name, Title: in.Title, Disabled: in.Disabled, Constraints: in.Constraints,
		Parameters: in.Parameters, Variants: in.Variants, SortOrder: nextSortOrder(existing), Segments: in.Segments,
		Feature: row.Name, Environment: environment,
	}
	if in.SortOrder != nil {
		strategy.SortOrder = *in.SortOrder
	}
	strategy, err := checkStrategy(ctx, tx, row, nil, strategy)
	if err != nil {
		return Strategy{}, err
	}
	return insertStrategy(ctx, tx, row, strategy)
}

// insertStrategy stores a checked strategy and tells of it.
func insertStrategy(ctx context.Context, tx pgx.Tx, row queries.Feature, s Strategy) (Strategy, error) {
	parameters, constraints, variants, err := encodeStrategy(s)
	if err != nil {
		return s, err
	}
	_, err = q.FeatureStrategyInsert(ctx, tx, queries.FeatureStrategyInsertParams{
		ID: s.ID, Feature: s.Feature, Environment: s.Environment, StrategyName: s.Name, Title: s.Title, Disabled: s.Disabled,
		SortOrder: s.SortOrder, Parameters: parameters, Constraints: constraints, Variants: variants,
	})
	if err != nil {
		return s, fmt.Errorf("insert strategy: %w", err)
	}
	if err := setSegments(ctx, tx, s.ID, s.Segments); err != nil {
		return s, err
	}
	return s, strategyEvent(ctx, tx, event.FeatureStrategyAdd, row, s.Environment, s, nil)
}

// UpdateStrategy lets change edit a strategy of an active flag and stores what differs. Disabling the last enabled
// strategy turns the flag off in the environment.
func UpdateStrategy(ctx context.Context, tx pgx.Tx, place Place, id string, change func(*Strategy) error) (Strategy, error) {
	row, state, old, err := lockStrategy(ctx, tx, place, id)
	if err != nil {
		return Strategy{}, err
	}
	changed := old
	if err := change(&changed); err != nil {
		return Strategy{}, err
	}
	// What a change cannot touch.
	changed.ID, changed.Feature, changed.Environment = old.ID, old.Feature, old.Environment
	stored, err := storeStrategy(ctx, tx, row, old, changed)
	if err != nil {
		return Strategy{}, err
	}
	return stored, disableWithoutStrategies(ctx, tx, row, place.Environment, state.Enabled)
}

// storeStrategy checks and stores a changed strategy, unless nothing differs.
func storeStrategy(ctx context.Context, tx pgx.Tx, row queries.Feature, old, changed Strategy) (Strategy, error) {
	changed, err := checkStrategy(ctx, tx, row, &old, changed)
	if err != nil {
		return changed, err
	}
	return replaceStrategy(ctx, tx, row, old, changed)
}

// replaceStrategy stores a strategy that needs no checking, unless nothing differs.
func replaceStrategy(ctx context.Context, tx pgx.Tx, row queries.Feature, old, changed Strategy) (Strategy, error) {
	if equalJSON(old, changed) {
		return old, nil
	}
	parameters, constraints, variants, err := encodeStrategy(changed)
	if err != nil {
		return changed, err
	}
	_, err = q.FeatureStrategyUpdate(ctx, tx, queries.FeatureStrategyUpdateParams{
		ID: changed.ID, StrategyName: changed.Name, Title: changed.Title, Disabled: changed.Disabled,
		SortOrder: changed.SortOrder, Parameters: parameters, Constraints: constraints, Variants: variants,
	})
	if err != nil {
		return changed, fmt.Errorf("update strategy: %w", err)
	}
	if err := setSegments(ctx, tx, changed.ID, changed.Segments); err != nil {
		return changed, err
	}
	return changed, strategyEvent(ctx, tx, event.FeatureStrategyUpdate, row, changed.Environment, changed, old)
}

// DeleteStrategy removes a strategy of an active flag. Deleting the last enabled one turns the flag off in the
// environment.
func DeleteStrategy(ctx context.Context, tx pgx.Tx, place Place, id string) error {
	row, state, old, err := lockStrategy(ctx, tx, place, id)
	if err != nil {
		return err
	}
	if err := q.FeatureStrategyDelete(ctx, tx, id); err != nil {
		return fmt.Errorf("delete strategy: %w", err)
	}
	if err := strategyEvent(ctx, tx, event.FeatureStrategyRemove, row, place.Environment, nil, old); err != nil {
		return err
	}
	return disableWithoutStrategies(ctx, tx, row, place.Environment, state.Enabled)
}

// OrderStrategies gives strategies of an active flag new places. Those not named keep theirs.
func OrderStrategies(ctx context.Context, tx pgx.Tx, place Place, order []StrategyOrder) error {
	row, err := lockActive(ctx, tx, place.Project, place.Feature)
	if err != nil {
		return err
	}
	if _, err := lockEnvironment(ctx, tx, row.Name, place.Environment); err != nil {
		return err
	}
	before, err := listStrategies(ctx, tx, row.Name, place.Environment)
	if err != nil {
		return err
	}
	changed := false
	for _, item := range order {
		i := indexStrategy(before, item.ID)
		if i < 0 {
			return fault.New(fault.Invalid, "trying to change strategies for environment via update sortOrder")
		}
		if err := checkSortOrder(item.SortOrder); err != nil {
			return err
		}
		changed = changed || before[i].SortOrder != item.SortOrder
		err := q.FeatureStrategySetSortOrder(ctx, tx, queries.FeatureStrategySetSortOrderParams{ID: item.ID, SortOrder: item.SortOrder})
		if err != nil {
			return fmt.Errorf("set sort order: %w", err)
		}
	}
	if !changed {
		return nil
	}
	after, err := listStrategies(ctx, tx, row.Name, place.Environment)
	if err != nil {
		return err
	}
	return strategyEvent(ctx, tx, event.StrategyOrderChanged, row, place.Environment, idsOf(after), idsOf(before))
}

// SetStrategySegments gives a strategy of an active flag other segments.
func SetStrategySegments(ctx context.Context, tx pgx.Tx, project, environment, id string, segments []int32) (Strategy, error) {
	name, err := q.FeatureStrategyFeature(ctx, tx, id)
	if err != nil {
		return Strategy{}, noStrategy(err, id)
	}
	place := Place{Project: project, Feature: name, Environment: environment}
	return UpdateStrategy(ctx, tx, place, id, func(s *Strategy) error {
		s.Segments = segments
		return nil
	})
}

// lockStrategy locks an active flag and reads its state in an environment and one strategy there.
func lockStrategy(
	ctx context.Context, tx pgx.Tx, place Place, id string,
) (row queries.Feature, state queries.FeatureEnvironmentLockRow, strategy Strategy, err error) {
	if row, err = lockActive(ctx, tx, place.Project, place.Feature); err != nil {
		return row, state, strategy, err
	}
	if state, err = lockEnvironment(ctx, tx, row.Name, place.Environment); err != nil {
		return row, state, strategy, err
	}
	strategies, err := listStrategies(ctx, tx, row.Name, place.Environment)
	if err != nil {
		return row, state, strategy, err
	}
	i := indexStrategy(strategies, id)
	if i < 0 {
		return row, state, strategy, fault.New(fault.NotFound, "Could not find strategy with id=%s", id)
	}
	return row, state, strategies[i], nil
}

// listStrategies reads the strategies of a flag in one environment, or in all when environment is empty.
func listStrategies(ctx context.Context, tx queries.DBTX, name, environment string) ([]Strategy, error) {
	params := queries.FeatureStrategyListParams{Feature: name}
	if environment != "" {
		params.Environment = &environment
	}
	rows, err := q.FeatureStrategyList(ctx, tx, params)
	if err != nil {
		return nil, fmt.Errorf("read strategies: %w", err)
	}
	strategies := make([]Strategy, 0, len(rows))
	for _, row := range rows {
		strategy, err := decodeStrategy(row)
		if err != nil {
			return nil, err
		}
		strategies = append(strategies, strategy)
	}
	return strategies, nil
}

// setSegments makes a strategy refer to exactly these segments.
func setSegments(ctx context.Context, tx pgx.Tx, id string, segments []int32) error {
	err := q.FeatureStrategySegmentDelete(ctx, tx, queries.FeatureStrategySegmentDeleteParams{StrategyID: id, Keep: segments})
	if err != nil {
		return fmt.Errorf("delete strategy segments: %w", err)
	}
	if len(segments) == 0 {
		return nil
	}
	err = q.FeatureStrategySegmentInsert(ctx, tx, queries.FeatureStrategySegmentInsertParams{StrategyID: id, SegmentIds: segments})
	if err != nil {
		return fmt.Errorf("insert strategy segments: %w", err)
	}
	return nil
}

func strategyEvent(
	ctx context.Context, tx pgx.Tx, kind event.Type, row queries.Feature, environment string, data, preData any,
) error {
	return event.Append(ctx, tx, event.Event{
		Type: kind, Project: row.Project, Environment: environment, Feature: row.Name, Data: data, PreData: preData,
	})
}

func indexStrategy(strategies []Strategy, id string) int {
	return slices.IndexFunc(strategies, func(s Strategy) bool { return s.ID == id })
}

func idsOf(strategies []Strategy) strategyIDs {
	ids := make([]string, len(strategies))
	for i, s := range strategies {
		ids[i] = s.ID
	}
	return strategyIDs{ids}
}

// nextSortOrder puts a strategy behind those there are.
func nextSortOrder(strategies []Strategy) int32 {
	next := int32(0)
	for _, s := range strategies {
		next = max(next, s.SortOrder+1)
	}
	return min(next, maxSortOrder)
}

// equalJSON compares values by what would be stored of them.
func equalJSON(a, b any) bool {
	left, leftErr := json.Marshal(a)
	right, rightErr := json.Marshal(b)
	return leftErr == nil && rightErr == nil && string(left) == string(right)
}

package playground

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/db"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/queries"
)

const (
	// maxFlags is how many flags are read at most, those that others depend on included.
	maxFlags = 2 * MaxAnswers

	// What an answer takes besides the documents it repeats, in bytes: for the flag and for each strategy.
	answerBytes, strategyBytes = 300, 400
)

func (s *State) load(ctx context.Context, tx pgx.Tx, query Query) error {
	rows, err := q.PlaygroundFeatureList(ctx, tx, queries.PlaygroundFeatureListParams{Projects: query.Projects, Max: maxFlags})
	if err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row.Name
		if query.Projects == nil || slices.Contains(query.Projects, row.Project) {
			s.Flags = append(s.Flags, Flag(row))
		}
	}
	if len(rows) == maxFlags {
		return CheckAnswers(maxFlags, len(query.Environments), query.Contexts)
	}
	if err := CheckAnswers(len(s.Flags), len(query.Environments), query.Contexts); err != nil {
		return err
	}
	for _, name := range query.Environments {
		s.environments[name] = newEnvironment(rows)
	}
	if err := s.loadDependencies(ctx, tx, names); err != nil {
		return err
	}
	if err := s.loadEnvironments(ctx, tx, names, query.Environments); err != nil {
		return err
	}
	segments, sizes, err := loadSegments(ctx, tx, names, query.Environments)
	if err != nil {
		return err
	}
	if err := s.loadStrategies(ctx, tx, names, query.Environments, sizes); err != nil {
		return err
	}
	for _, in := range s.environments {
		in.explainer = in.compile(query.Strategies, segments).Explainer()
	}
	return nil
}

func newEnvironment(rows []queries.PlaygroundFeatureListRow) *environment {
	in := &environment{
		features: make(map[string]*eval.Feature, len(rows)), stored: map[string][]Strategy{}, bytes: make(map[string]int, len(rows)),
	}
	for _, row := range rows {
		in.features[row.Name] = &eval.Feature{Name: row.Name, Project: row.Project}
		in.bytes[row.Name] = answerBytes
	}
	return in
}

func (in *environment) compile(custom eval.Strategies, segments []eval.Segment) *eval.Snapshot {
	features := make([]eval.Feature, 0, len(in.features))
	for _, name := range slices.Sorted(maps.Keys(in.features)) {
		features = append(features, *in.features[name])
	}
	return custom.Compile(features, segments)
}

func (s *State) loadDependencies(ctx context.Context, tx pgx.Tx, names []string) error {
	rows, err := q.PlaygroundDependencyList(ctx, tx, names)
	if err != nil {
		return fmt.Errorf("read dependencies: %w", err)
	}
	for _, row := range rows {
		for _, in := range s.environments {
			feature := in.features[row.Child]
			feature.Dependencies = append(feature.Dependencies, db.ReadDependency(row))
		}
	}
	return nil
}

func (s *State) loadEnvironments(ctx context.Context, tx pgx.Tx, names, environments []string) error {
	rows, err := q.PlaygroundFeatureEnvironmentList(ctx, tx, queries.PlaygroundFeatureEnvironmentListParams{
		Features: names, Environments: environments,
	})
	if err != nil {
		return fmt.Errorf("read flags in environments: %w", err)
	}
	for _, row := range rows {
		in := s.environments[row.Environment]
		in.bytes[row.Feature] += len(row.Variants)
		in.features[row.Feature].Enabled, in.features[row.Feature].Variants = row.Enabled, db.ReadVariants(row.Variants)
	}
	return nil
}

func (s *State) loadStrategies(ctx context.Context, tx pgx.Tx, names, environments []string, segmentBytes map[int32]int) error {
	rows, err := q.PlaygroundStrategyList(ctx, tx, queries.PlaygroundStrategyListParams{Features: names, Environments: environments})
	if err != nil {
		return fmt.Errorf("read strategies: %w", err)
	}
	for _, row := range rows {
		in := s.environments[row.Environment]
		stored := Strategy{ID: row.ID}
		if row.Title != nil {
			stored.Title = *row.Title
		}
		strategy := eval.Strategy{
			Name: row.StrategyName, Disabled: row.Disabled, Constraints: db.ReadConstraints(row.Constraints),
			Parameters: db.ReadParameters(row.Parameters), Variants: db.ReadVariants(row.Variants),
		}
		bytes := strategyBytes + len(stored.Title) + len(row.Parameters) + answerSize(row.Constraints) + 2*len(row.Variants)
		for _, id := range row.Segments {
			strategy.Segments = append(strategy.Segments, int(id))
			bytes += segmentBytes[id]
		}
		feature := in.features[row.Feature]
		feature.Strategies = append(feature.Strategies, strategy)
		in.stored[row.Feature] = append(in.stored[row.Feature], stored)
		in.bytes[row.Feature] += bytes
	}
	return nil
}

// loadSegments reads segments, and about what each takes in an answer.
func loadSegments(ctx context.Context, tx pgx.Tx, names, environments []string) ([]eval.Segment, map[int32]int, error) {
	rows, err := q.PlaygroundSegmentList(ctx, tx, queries.PlaygroundSegmentListParams{Features: names, Environments: environments})
	if err != nil {
		return nil, nil, fmt.Errorf("read segments: %w", err)
	}
	segments, bytes := make([]eval.Segment, len(rows)), make(map[int32]int, len(rows))
	for i, row := range rows {
		segments[i] = eval.Segment{ID: int(row.ID), Name: row.Name, Constraints: db.ReadConstraints(row.Constraints)}
		bytes[row.ID] = len(row.Name) + answerSize(row.Constraints)
	}
	return segments, bytes, nil
}

// answerSize is about what constraints take in an answer, with their results and everything spelled out.
func answerSize(constraints json.RawMessage) int { return 2 * len(constraints) }

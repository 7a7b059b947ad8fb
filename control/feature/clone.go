package feature

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/oklog/ulid/v2"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/queries"
)

// Clone creates a flag with the properties, tags, strategies, variants and dependencies of another one in the same
// project, off in every environment. With replaceGroupID the strategies' group ids become the new name, so that the two
// flags reach different users.
func Clone(ctx context.Context, tx pgx.Tx, project, name, newName string, replaceGroupID bool) (queries.Feature, error) {
	source, err := lockActive(ctx, tx, project, name)
	if err != nil {
		return source, err
	}
	row, err := insert(ctx, tx, New{
		Project: project, Name: newName, Type: source.Type, Description: source.Description, ImpressionData: source.ImpressionData,
	}, source.Stale)
	if err != nil {
		return row, err
	}
	if err := appendEvent(ctx, tx, event.FeatureCreated, row, Describe(row), nil); err != nil {
		return row, err
	}
	for _, copyPart := range []func(context.Context, pgx.Tx, string, queries.Feature) error{cloneTags, cloneVariants, cloneDependencies} {
		if err := copyPart(ctx, tx, name, row); err != nil {
			return row, err
		}
	}
	return row, cloneStrategies(ctx, tx, name, row, replaceGroupID)
}

func cloneTags(ctx context.Context, tx pgx.Tx, source string, row queries.Feature) error {
	tags, err := q.FeatureTagList(ctx, tx, source)
	if err != nil {
		return fmt.Errorf("read tags: %w", err)
	}
	for _, tag := range tags {
		if err := addTag(ctx, tx, row, Tag{Type: tag.Type, Value: tag.Value}); err != nil {
			return err
		}
	}
	return nil
}

func cloneStrategies(ctx context.Context, tx pgx.Tx, source string, row queries.Feature, replaceGroupID bool) error {
	strategies, err := AllStrategies(ctx, tx, source)
	if err != nil {
		return err
	}
	for _, s := range strategies {
		s.ID, s.Feature = ulid.Make().String(), row.Name
		if _, grouped := s.Parameters[parameterGroupID]; grouped && replaceGroupID {
			s.Parameters[parameterGroupID] = row.Name
		}
		if _, err := insertStrategy(ctx, tx, row, s); err != nil {
			return err
		}
	}
	return nil
}

func cloneVariants(ctx context.Context, tx pgx.Tx, source string, row queries.Feature) error {
	states, err := q.FeatureEnvironmentList(ctx, tx, queries.FeatureEnvironmentListParams{Feature: source})
	if err != nil {
		return fmt.Errorf("read feature environments: %w", err)
	}
	for _, state := range states {
		variants, err := decodeVariants(state.Variants)
		if err != nil {
			return err
		}
		if len(variants) == 0 {
			continue
		}
		_, err = setVariants(ctx, tx, row, state.Name, func([]Variant) ([]Variant, error) { return variants, nil })
		if err != nil {
			return err
		}
	}
	return nil
}

func cloneDependencies(ctx context.Context, tx pgx.Tx, source string, row queries.Feature) error {
	dependencies, err := q.FeatureDependencyList(ctx, tx, source)
	if err != nil {
		return fmt.Errorf("read dependencies: %w", err)
	}
	for _, d := range dependencies {
		added := Dependency{Parent: d.Parent, Enabled: d.Enabled}
		if err := json.Unmarshal(d.Variants, &added.Variants); err != nil {
			return fmt.Errorf("decode dependency variants: %w", err)
		}
		err := q.FeatureDependencyUpsert(ctx, tx, queries.FeatureDependencyUpsertParams{
			Child: row.Name, Parent: d.Parent, Enabled: d.Enabled, Variants: d.Variants,
		})
		if err != nil {
			return fmt.Errorf("store dependency: %w", err)
		}
		if err := appendEvent(ctx, tx, event.FeatureDependencyAdded, row, added, nil); err != nil {
			return err
		}
	}
	return nil
}

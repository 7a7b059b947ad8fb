package feature

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Dependency lets a child be on only where its parent is on (Enabled), off (not Enabled), or gives one of Variants.
type Dependency struct {
	Parent   string   `json:"feature"`
	Enabled  bool     `json:"enabled"`
	Variants []string `json:"variants,omitempty"`
}

// parentName is what audit events hold of a removed dependency.
type parentName struct {
	Feature string `json:"feature"`
}

// Dependencies reads the parents of a flag, ordered by name.
func Dependencies(ctx context.Context, tx queries.DBTX, child string) ([]Dependency, error) {
	rows, err := q.FeatureDependencyList(ctx, tx, child)
	if err != nil {
		return nil, fmt.Errorf("read dependencies: %w", err)
	}
	dependencies := make([]Dependency, 0, len(rows))
	for _, row := range rows {
		d := Dependency{Parent: row.Parent, Enabled: row.Enabled}
		if err := json.Unmarshal(row.Variants, &d.Variants); err != nil {
			return nil, fmt.Errorf("decode dependency variants: %w", err)
		}
		dependencies = append(dependencies, d)
	}
	return dependencies, nil
}

// AddDependency makes child depend on d.Parent. As in Unleash a flag has one parent, so a new one replaces the old one,
// unless keepOthers is set: SDKs honour several. Dependencies are one level deep: a parent has no parents, which also
// rules out cycles.
func AddDependency(ctx context.Context, tx pgx.Tx, project, child string, d Dependency, keepOthers bool) error {
	row, err := lockFamily(ctx, tx, project, child, d.Parent)
	if err != nil {
		return err
	}
	if len(d.Variants) > maxDependencyVariants {
		return limit.Exceeded("variants of a dependency", maxDependencyVariants)
	}
	existing, err := Dependencies(ctx, tx, child)
	if err != nil {
		return err
	}
	unchanged := false
	for _, other := range existing {
		if other.Parent == d.Parent {
			unchanged = other.Enabled == d.Enabled && slices.Equal(other.Variants, d.Variants)
			continue
		}
		if keepOthers {
			continue
		}
		if _, err := removeDependency(ctx, tx, row, other.Parent); err != nil {
			return err
		}
	}
	if unchanged {
		return nil
	}
	variants, err := json.Marshal(append([]string{}, d.Variants...))
	if err != nil {
		return fmt.Errorf("encode dependency variants: %w", err)
	}
	err = q.FeatureDependencyUpsert(ctx, tx, queries.FeatureDependencyUpsertParams{
		Child: child, Parent: d.Parent, Enabled: d.Enabled, Variants: variants,
	})
	if err != nil {
		return fmt.Errorf("store dependency: %w", err)
	}
	return appendEvent(ctx, tx, event.FeatureDependencyAdded, row, d, nil)
}

// lockFamily locks child and parent and checks that one may depend on the other. It returns the child.
func lockFamily(ctx context.Context, tx pgx.Tx, project, child, parent string) (queries.Feature, error) {
	// Both in one statement: it locks in name order, whichever depends on which.
	rows, err := q.FeatureLock(ctx, tx, []string{child, parent})
	if err != nil {
		return queries.Feature{}, fmt.Errorf("lock features: %w", err)
	}
	row, err := lockActive(ctx, tx, project, child)
	if err != nil {
		return row, err
	}
	if child == parent {
		return row, fault.New(fault.Refused, "A feature flag cannot depend on itself.")
	}
	children, err := q.FeatureDependencyListChildren(ctx, tx, child)
	if err != nil {
		return row, fmt.Errorf("read children: %w", err)
	}
	if len(children) > 0 {
		return row, fault.New(fault.Refused, "Transitive dependency detected. Cannot add a dependency to the feature that other features depend on.")
	}
	active := slices.ContainsFunc(rows, func(f queries.Feature) bool { return f.Name == parent && f.ArchivedAt == nil })
	if !active {
		return row, fault.New(fault.Refused, "No active feature %s exists", parent)
	}
	if !slices.ContainsFunc(rows, func(f queries.Feature) bool { return f.Name == parent && f.Project == project }) {
		return row, fault.New(fault.Refused, "A feature can only depend on features of its own project.")
	}
	grandparents, err := q.FeatureDependencyList(ctx, tx, parent)
	if err != nil {
		return row, fmt.Errorf("read dependencies: %w", err)
	}
	if len(grandparents) > 0 {
		return row, fault.New(fault.Refused, "Transitive dependency detected. Cannot add a dependency to the feature that has parent dependency.")
	}
	return row, nil
}

// RemoveDependency makes child no longer depend on parent.
func RemoveDependency(ctx context.Context, tx pgx.Tx, project, child, parent string) error {
	row, err := lockActive(ctx, tx, project, child)
	if err != nil {
		return err
	}
	removed, err := removeDependency(ctx, tx, row, parent)
	if err == nil && !removed {
		err = fault.New(fault.NotFound, "No dependency on \"%s\" for feature \"%s\" in project \"%s\".", parent, child, project)
	}
	return err
}

// RemoveDependencies makes child depend on nothing.
func RemoveDependencies(ctx context.Context, tx pgx.Tx, project, child string) error {
	row, err := lockActive(ctx, tx, project, child)
	if err != nil {
		return err
	}
	removed, err := removeDependencies(ctx, tx, row)
	if err == nil && !removed {
		err = fault.New(fault.NotFound, "Feature \"%s\" has no dependencies to remove in project \"%s\".", child, project)
	}
	return err
}

func removeDependency(ctx context.Context, tx pgx.Tx, row queries.Feature, parent string) (bool, error) {
	removed, err := q.FeatureDependencyDelete(ctx, tx, queries.FeatureDependencyDeleteParams{Child: row.Name, Parent: parent})
	if err != nil {
		return false, fmt.Errorf("delete dependency: %w", err)
	}
	if removed == 0 {
		return false, nil
	}
	return true, appendEvent(ctx, tx, event.FeatureDependencyRemoved, row, parentName{parent}, nil)
}

func removeDependencies(ctx context.Context, tx pgx.Tx, row queries.Feature) (bool, error) {
	removed, err := q.FeatureDependencyDeleteAll(ctx, tx, row.Name)
	if err != nil {
		return false, fmt.Errorf("delete dependencies: %w", err)
	}
	if removed == 0 {
		return false, nil
	}
	return true, appendEvent(ctx, tx, event.FeatureDependenciesRemoved, row, nil, nil)
}

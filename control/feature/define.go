package feature

import (
	"context"
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

// Define makes a flag what d says, dependencies apart (see DefineDependencies), and creates it if need be. What is so
// already leaves no event. A flag that is on gets a strategy if it would have none that is enabled: see Enable.
func Define(ctx context.Context, tx pgx.Tx, d Definition) error {
	rows, err := q.FeatureLock(ctx, tx, []string{d.Name})
	if err != nil {
		return fmt.Errorf("lock feature: %w", err)
	}
	var row queries.Feature
	if len(rows) == 0 {
		row, err = createDefined(ctx, tx, d)
	} else {
		row, err = updateDefined(ctx, tx, rows[0], d)
	}
	if err != nil {
		return err
	}
	if d.Tags != nil {
		if err := replaceTags(ctx, tx, row, d.Tags); err != nil {
			return err
		}
	}
	if d.Links != nil {
		if err := replaceLinks(ctx, tx, row, d.Links); err != nil {
			return err
		}
	}
	for _, e := range d.Environments {
		if err := defineEnvironment(ctx, tx, row, e); err != nil {
			return err
		}
	}
	return nil
}

func createDefined(ctx context.Context, tx pgx.Tx, d Definition) (queries.Feature, error) {
	row, err := insert(ctx, tx, New{
		Project: d.Project, Name: d.Name, Type: d.Type, Description: d.Description, ImpressionData: d.ImpressionData,
	}, d.Stale)
	if err != nil {
		return row, err
	}
	return row, appendEvent(ctx, tx, event.FeatureCreated, row, Describe(row), nil)
}

func updateDefined(ctx context.Context, tx pgx.Tx, row queries.Feature, d Definition) (queries.Feature, error) {
	if row.Project != d.Project {
		return row, elsewhere(d.Project, row)
	}
	if err := refuseArchived([]queries.Feature{row}); err != nil {
		return row, err
	}
	if d.Type != row.Type {
		if err := checkType(ctx, tx, d.Type); err != nil {
			return row, err
		}
	}
	return store(ctx, tx, row, Properties{Type: d.Type, Description: d.Description, Stale: d.Stale, ImpressionData: d.ImpressionData})
}

// replaceTags gives a locked flag exactly these tags.
func replaceTags(ctx context.Context, tx pgx.Tx, row queries.Feature, tags []Tag) error {
	current, err := q.FeatureTagList(ctx, tx, row.Name)
	if err != nil {
		return fmt.Errorf("read tags: %w", err)
	}
	var missing []Tag
	for _, tag := range tags {
		if !slices.Contains(current, queries.FeatureTagListRow(tag)) {
			missing = append(missing, tag)
		}
	}
	for _, have := range current {
		tag := Tag(have)
		if slices.Contains(tags, tag) {
			continue
		}
		_, err := q.TransferTagRemove(ctx, tx, queries.TransferTagRemoveParams{Feature: row.Name, Type: tag.Type, Value: tag.Value})
		if err != nil {
			return fmt.Errorf("remove tag: %w", err)
		}
		if err := appendEvent(ctx, tx, event.FeatureUntagged, row, nil, tag); err != nil {
			return err
		}
	}
	return addTags(ctx, tx, row, missing)
}

// replaceLinks gives a locked flag exactly these links. Those that stay keep their ids.
func replaceLinks(ctx context.Context, tx pgx.Tx, row queries.Feature, links []Link) error {
	current, err := q.FeatureLinkList(ctx, tx, row.Name)
	if err != nil {
		return fmt.Errorf("read links: %w", err)
	}
	kept := map[string]bool{}
	for _, have := range current {
		link := Link{URL: have.Url, Title: have.Title}
		key := linkKey(link)
		if !kept[key] && slices.ContainsFunc(links, func(l Link) bool { return linkKey(l) == key }) {
			kept[key] = true
			continue
		}
		if err := DeleteLink(ctx, tx, row.Project, row.Name, have.ID); err != nil {
			return err
		}
	}
	for _, link := range links {
		if kept[linkKey(link)] {
			continue
		}
		kept[linkKey(link)] = true
		if err := AddLink(ctx, tx, row.Project, row.Name, link); err != nil {
			return err
		}
	}
	return nil
}

// defineEnvironment makes a locked flag's part in one environment what e says. Strategies are compared by their place, so
// that those that stay keep their ids.
func defineEnvironment(ctx context.Context, tx pgx.Tx, row queries.Feature, e EnvironmentDefinition) error {
	if _, err := lockEnvironment(ctx, tx, row.Name, e.Environment); err != nil {
		return err
	}
	old, err := listStrategies(ctx, tx, row.Name, e.Environment)
	if err != nil {
		return err
	}
	if most := limit.From(ctx).Strategies; len(e.Strategies) > max(most, len(old)) {
		return limit.Exceeded("strategy", most)
	}
	for i, strategy := range e.Strategies {
		strategy.Feature, strategy.Environment = row.Name, e.Environment
		if i < len(old) {
			strategy.ID = old[i].ID
			_, err = storeStrategy(ctx, tx, row, old[i], complete(strategy))
		} else {
			err = insertDefined(ctx, tx, row, strategy)
		}
		if err != nil {
			return err
		}
	}
	for _, surplus := range old[min(len(e.Strategies), len(old)):] {
		if err := q.FeatureStrategyDelete(ctx, tx, surplus.ID); err != nil {
			return fmt.Errorf("delete strategy: %w", err)
		}
		if err := strategyEvent(ctx, tx, event.FeatureStrategyRemove, row, e.Environment, nil, surplus); err != nil {
			return err
		}
	}
	_, err = setVariants(ctx, tx, row, e.Environment, func([]Variant) ([]Variant, error) { return slices.Clone(e.Variants), nil })
	if err != nil {
		return err
	}
	if e.Enabled {
		return enable(ctx, tx, row, e.Environment, false)
	}
	return disable(ctx, tx, row, e.Environment)
}

// insertDefined adds a strategy as it is: unlike AddStrategy it fills in no parameters, since what the strategy was
// exported with is what its users had.
func insertDefined(ctx context.Context, tx pgx.Tx, row queries.Feature, s Strategy) error {
	s.ID = ulid.Make().String()
	nothing := Strategy{SortOrder: -1} // everything differs from it, so everything is checked
	checked, err := checkStrategy(ctx, tx, row, &nothing, complete(s))
	if err != nil {
		return err
	}
	_, err = insertStrategy(ctx, tx, row, checked)
	return err
}

// complete gives a strategy empty parts instead of missing ones, as stored strategies have.
func complete(s Strategy) Strategy {
	if s.Parameters == nil {
		s.Parameters = map[string]string{}
	}
	s.Constraints = append([]constraint.Constraint{}, s.Constraints...)
	for i := range s.Constraints {
		if s.Constraints[i].Values == nil {
			s.Constraints[i].Values = []string{}
		}
	}
	s.Variants = append([]Variant{}, s.Variants...)
	s.Segments = append([]int32{}, s.Segments...)
	slices.Sort(s.Segments)
	return s
}

// RemoveOtherDependencies makes a flag depend on none but the parents that d lists. It comes before DefineDependencies
// for all flags of a batch, since an old dependency may stand in the way of a new one.
func RemoveOtherDependencies(ctx context.Context, tx pgx.Tx, d Definition) error {
	if d.Dependencies == nil {
		return nil
	}
	row, err := lockActive(ctx, tx, d.Project, d.Name)
	if err != nil {
		return err
	}
	existing, err := Dependencies(ctx, tx, d.Name)
	if err != nil {
		return err
	}
	for _, have := range existing {
		if slices.ContainsFunc(d.Dependencies, func(w Dependency) bool { return w.Parent == have.Parent }) {
			continue
		}
		if _, err := removeDependency(ctx, tx, row, have.Parent); err != nil {
			return err
		}
	}
	return nil
}

// DefineDependencies makes a flag depend on what d lists.
func DefineDependencies(ctx context.Context, tx pgx.Tx, d Definition) error {
	for _, dependency := range d.Dependencies {
		err := AddDependency(ctx, tx, d.Project, d.Name, dependency, true)
		if fault.Is(err, fault.Refused) {
			return fault.Wrap(fault.Invalid, err, "%s cannot depend on %s: %s", d.Name, dependency.Parent, fault.As(err).Message)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

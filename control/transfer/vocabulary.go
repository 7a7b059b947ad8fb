package transfer

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/control/tag"
	"github.com/pennonhq/pennon/queries"
)

// checkContextFields finds the fields to create. One that is there already is kept.
func (p *plan) checkContextFields(ctx context.Context, tx pgx.Tx) error {
	var names []string
	for _, f := range p.request.Document.ContextFields {
		names = append(names, f.Name)
	}
	rows, err := q.TransferContextFieldList(ctx, tx, names)
	if err != nil {
		return fmt.Errorf("read context fields: %w", err)
	}
	for _, f := range p.request.Document.ContextFields {
		if !slices.ContainsFunc(rows, func(row queries.ContextField) bool { return row.Name == f.Name }) {
			p.contextFields = append(p.contextFields, f)
		}
	}
	return nil
}

// checkTagTypes finds the types to create and those that nobody describes.
func (p *plan) checkTagTypes(ctx context.Context, tx pgx.Tx) error {
	var names []string
	for _, d := range p.definitions {
		for _, t := range d.Tags {
			names = append(names, t.Type)
		}
	}
	rows, err := q.TransferTagTypeList(ctx, tx, names)
	if err != nil {
		return fmt.Errorf("read tag types: %w", err)
	}
	slices.Sort(names)
	var missing []string
	for _, name := range slices.Compact(names) {
		if slices.ContainsFunc(rows, func(row queries.TagType) bool { return row.Name == name }) {
			continue
		}
		i := slices.IndexFunc(p.request.Document.TagTypes, func(t tag.Type) bool { return t.Name == name })
		if i < 0 {
			missing = append(missing, name)
			continue
		}
		p.tagTypes = append(p.tagTypes, p.request.Document.TagTypes[i])
	}
	p.report.error("The following tag types do not exist, and the document does not hold them:", missing)
	return nil
}

// checkStrategyTypes finds the types to create and those that nobody describes.
func (p *plan) checkStrategyTypes(ctx context.Context, tx pgx.Tx) error {
	var names []string
	p.eachStrategy(func(_ feature.Definition, _ string, s feature.Strategy) { names = append(names, s.Name) })
	rows, err := q.TransferStrategyTypeList(ctx, tx, names)
	if err != nil {
		return fmt.Errorf("read strategy types: %w", err)
	}
	slices.Sort(names)
	var missing []string
	for _, name := range slices.Compact(names) {
		if slices.ContainsFunc(rows, func(row queries.StrategyType) bool { return row.Name == name }) {
			continue
		}
		i := slices.IndexFunc(p.request.Document.StrategyTypes, func(t StrategyType) bool { return t.Name == name })
		if i < 0 {
			missing = append(missing, name)
			continue
		}
		p.strategyTypes = append(p.strategyTypes, p.request.Document.StrategyTypes[i])
	}
	p.report.error("The following strategy types do not exist, and the document does not hold them:", missing)
	return nil
}

// checkParents finds dependencies on flags that are neither in the document nor in the instance.
func (p *plan) checkParents(ctx context.Context, tx pgx.Tx) error {
	own := p.names()
	var parents []string
	for _, d := range p.definitions {
		for _, dependency := range d.Dependencies {
			if _, found := slices.BinarySearch(own, dependency.Parent); !found {
				parents = append(parents, dependency.Parent)
			}
		}
	}
	if len(parents) == 0 {
		return nil
	}
	rows, err := q.TransferFeatureList(ctx, tx, queries.TransferFeatureListParams{ByName: true, Names: parents})
	if err != nil {
		return fmt.Errorf("read parents: %w", err)
	}
	parents = slices.DeleteFunc(parents, func(name string) bool {
		return slices.ContainsFunc(rows, func(row queries.Feature) bool { return row.Name == name })
	})
	p.report.error("Features depend on the following ones, which neither exist nor are in the document:", parents)
	return nil
}

// checkPermissions finds what the actor may not do of what the import would. It asks only for what the document needs.
func (p *plan) checkPermissions(actor access.Actor) {
	missing := map[access.Permission]bool{}
	need := func(permission access.Permission, project, environment string) {
		if !missing[permission] && !actor.May(permission, project, environment) {
			missing[permission] = true
		}
	}
	for _, d := range p.definitions {
		if p.creates[d.Name] {
			need(access.CreateFeature, d.Project, "")
		} else {
			need(access.UpdateFeature, d.Project, "")
		}
		if len(d.Dependencies) > 0 {
			need(access.UpdateFeatureDependency, d.Project, "")
		}
		for _, e := range d.Environments {
			need(access.UpdateFeatureEnvironment, d.Project, e.Environment)
			need(access.CreateFeatureStrategy, d.Project, e.Environment)
			if !p.creates[d.Name] {
				need(access.UpdateFeatureStrategy, d.Project, e.Environment)
				need(access.DeleteFeatureStrategy, d.Project, e.Environment)
			}
			if len(e.Variants) > 0 {
				need(access.UpdateFeatureEnvironmentVariants, d.Project, e.Environment)
			}
		}
	}
	for id := range p.segments {
		if _, exists := p.segmentIDs[id]; !exists {
			need(access.CreateSegment, "", "")
		}
	}
	for permission, needed := range map[access.Permission]bool{
		access.CreateContextField: len(p.contextFields) > 0,
		access.CreateTagType:      len(p.tagTypes) > 0,
		access.CreateStrategy:     len(p.strategyTypes) > 0,
	} {
		if needed {
			need(permission, "", "")
		}
	}
	var names []string
	for permission := range missing {
		names = append(names, permission.Names()...)
	}
	p.report.Permissions = note(p.report.Permissions, "You are missing the following permissions:", names)
}

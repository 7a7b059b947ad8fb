package transfer

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/constraint"
	"github.com/pennonhq/pennon/control/contextfield"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/control/strategytype"
	"github.com/pennonhq/pennon/control/tag"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Query selects active flags: those in Features, of Project, or with the tag Tag (a value, or type:value), whatever of
// these is given; all of them when nothing is. Environment may be All.
type Query struct {
	Environment string   `json:"environment"`
	Features    []string `json:"features,omitempty"`
	Project     string   `json:"project,omitempty"`
	Tag         string   `json:"tag,omitempty"`
	Strict      bool     `json:"strict,omitempty"` // only what Unleash takes, which refuses properties it does not know
}

// Export reads a document, and leaves an audit event with the query. A flag that does not exist is left out.
func Export(ctx context.Context, tx pgx.Tx, query Query) (Document, error) {
	if err := q.TransferSnapshot(ctx, tx); err != nil {
		return Document{}, fmt.Errorf("take a snapshot: %w", err)
	}
	if query.Strict && all(query.Environment) {
		return Document{}, fault.New(fault.Invalid, "A document for Unleash is of one environment. Name it.")
	}
	if !all(query.Environment) {
		if err := requireEnvironment(ctx, tx, query.Environment); err != nil {
			return Document{}, err
		}
	}
	if !all(query.Project) {
		if err := requireProjects(ctx, tx, []string{query.Project}); err != nil {
			return Document{}, err
		}
	}
	params := queries.TransferFeatureListParams{ByName: query.Features != nil, Names: query.Features}
	if project := orNone(query.Project); project != "" {
		params.Project = &project
	}
	if query.Tag != "" {
		params.Tag = &query.Tag
	}
	rows, err := q.TransferFeatureList(ctx, tx, params)
	if err != nil {
		return Document{}, fmt.Errorf("read features: %w", err)
	}
	definitions, err := feature.Definitions(ctx, tx, rows, orNone(query.Environment))
	if err != nil {
		return Document{}, err
	}
	document := flatten(definitions, all(query.Environment))
	if err := addVocabulary(ctx, tx, &document); err != nil {
		return Document{}, err
	}
	if query.Strict {
		document.StrategyTypes = nil
		for i, s := range document.Segments {
			document.Segments[i] = Segment{ID: s.ID, Name: s.Name}
		}
	}
	return document, event.Append(ctx, tx, event.Event{
		Type: event.FeaturesExported, Project: orNone(query.Project), Environment: orNone(query.Environment), Data: query,
	})
}

func flatten(definitions []feature.Definition, manyEnvironments bool) Document {
	document := Document{
		Features: []Feature{}, Environments: []FeatureEnvironment{}, Strategies: []feature.Strategy{}, Tags: []FeatureTag{},
		Links: []FeatureLinks{}, Dependencies: []FeatureDependencies{},
	}
	for _, d := range definitions {
		document.Features = append(document.Features, Feature{
			Name: d.Name, Description: d.Description, Type: d.Type, Project: d.Project, Stale: d.Stale, ImpressionData: d.ImpressionData,
		})
		for _, e := range d.Environments {
			document.Environments = append(document.Environments, FeatureEnvironment{
				Feature: d.Name, Environment: e.Environment, Enabled: e.Enabled, Variants: e.Variants,
			})
			for _, strategy := range e.Strategies {
				if !manyEnvironments {
					strategy.Environment = ""
				}
				document.Strategies = append(document.Strategies, strategy)
			}
		}
		for _, tag := range d.Tags {
			document.Tags = append(document.Tags, FeatureTag{Feature: d.Name, Tag: tag})
		}
		if len(d.Links) > 0 {
			document.Links = append(document.Links, FeatureLinks{Feature: d.Name, Links: d.Links})
		}
		if len(d.Dependencies) > 0 {
			document.Dependencies = append(document.Dependencies, FeatureDependencies{Feature: d.Name, Parents: d.Dependencies})
		}
	}
	return document
}

// addVocabulary adds what the flags of a document refer to: segments, context fields, tag types and strategy types.
func addVocabulary(ctx context.Context, tx pgx.Tx, document *Document) error {
	segments, fields, tagTypes, types := map[int32]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, s := range document.Strategies {
		types[s.Name] = true
		fields[s.Parameters["stickiness"]] = true
		for _, id := range s.Segments {
			segments[id] = true
		}
		addFields(fields, s.Constraints)
		addStickiness(fields, s.Variants)
	}
	for _, e := range document.Environments {
		addStickiness(fields, e.Variants)
	}
	for _, t := range document.Tags {
		tagTypes[t.Tag.Type] = true
	}
	for _, read := range []func() error{
		func() error { return addSegments(ctx, tx, document, slices.Sorted(maps.Keys(segments)), fields) },
		func() error { return addContextFields(ctx, tx, document, slices.Sorted(maps.Keys(fields))) },
		func() error { return addTagTypes(ctx, tx, document, slices.Sorted(maps.Keys(tagTypes))) },
		func() error { return addStrategyTypes(ctx, tx, document, slices.Sorted(maps.Keys(types))) },
	} {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

func addFields(fields map[string]bool, constraints []constraint.Constraint) {
	for _, c := range constraints {
		fields[c.ContextName] = true
	}
}

func addStickiness(fields map[string]bool, variants []feature.Variant) {
	for _, v := range variants {
		fields[v.Stickiness] = true
		for _, override := range v.Overrides {
			fields[override.ContextName] = true
		}
	}
}

func addSegments(ctx context.Context, tx pgx.Tx, document *Document, ids []int32, fields map[string]bool) error {
	document.Segments = []Segment{}
	rows, err := q.TransferSegmentList(ctx, tx, queries.TransferSegmentListParams{Ids: ids})
	if err != nil {
		return fmt.Errorf("read segments: %w", err)
	}
	for _, row := range rows {
		constraints, err := constraintsOf(row)
		if err != nil {
			return err
		}
		addFields(fields, constraints)
		document.Segments = append(document.Segments, Segment{
			ID: row.ID, Name: row.Name, Description: row.Description, Project: row.Project, Constraints: constraints,
		})
	}
	return nil
}

func constraintsOf(row queries.Segment) ([]constraint.Constraint, error) {
	constraints := []constraint.Constraint{}
	if err := json.Unmarshal(row.Constraints, &constraints); err != nil {
		return nil, fmt.Errorf("decode constraints of segment %d: %w", row.ID, err)
	}
	return constraints, nil
}

func addContextFields(ctx context.Context, tx pgx.Tx, document *Document, names []string) error {
	document.ContextFields = []ContextField{}
	rows, err := q.TransferContextFieldList(ctx, tx, names)
	if err != nil {
		return fmt.Errorf("read context fields: %w", err)
	}
	for _, row := range rows {
		field := ContextField{
			Name: row.Name, Description: row.Description, Stickiness: row.Stickiness, SortOrder: row.SortOrder,
			LegalValues: []contextfield.LegalValue{},
		}
		if err := json.Unmarshal(row.LegalValues, &field.LegalValues); err != nil {
			return fmt.Errorf("decode legal values of %s: %w", row.Name, err)
		}
		document.ContextFields = append(document.ContextFields, field)
	}
	return nil
}

func addTagTypes(ctx context.Context, tx pgx.Tx, document *Document, names []string) error {
	document.TagTypes = []tag.Type{}
	rows, err := q.TransferTagTypeList(ctx, tx, names)
	if err != nil {
		return fmt.Errorf("read tag types: %w", err)
	}
	for _, row := range rows {
		document.TagTypes = append(document.TagTypes, tag.TypeOf(row))
	}
	return nil
}

func addStrategyTypes(ctx context.Context, tx pgx.Tx, document *Document, names []string) error {
	document.StrategyTypes = []StrategyType{}
	rows, err := q.TransferStrategyTypeList(ctx, tx, names)
	if err != nil {
		return fmt.Errorf("read strategy types: %w", err)
	}
	for _, row := range rows {
		if row.BuiltIn {
			continue
		}
		parameters := []strategytype.Parameter{}
		if err := json.Unmarshal(row.Parameters, &parameters); err != nil {
			return fmt.Errorf("decode parameters of strategy type %s: %w", row.Name, err)
		}
		document.StrategyTypes = append(document.StrategyTypes, StrategyType{
			Name: row.Name, Description: row.Description, Parameters: parameters,
		})
	}
	return nil
}

func requireEnvironment(ctx context.Context, tx pgx.Tx, name string) error {
	known, err := q.EnvironmentExists(ctx, tx, name)
	if err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	if !known {
		return fault.New(fault.NotFound, "Could not find environment with name: %s", name)
	}
	return nil
}

// requireProjects fails unless all of them exist and are active.
func requireProjects(ctx context.Context, tx pgx.Tx, ids []string) error {
	rows, err := q.TransferProjectList(ctx, tx, ids)
	if err != nil {
		return fmt.Errorf("read projects: %w", err)
	}
	for _, id := range ids {
		if !slices.ContainsFunc(rows, func(p queries.Project) bool { return p.ID == id && p.ArchivedAt == nil }) {
			return fault.New(fault.NotFound, "Active project with id %s does not exist", id)
		}
	}
	return nil
}

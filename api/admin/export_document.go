package admin

import (
	"github.com/pennonhq/pennon/control/contextfield"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/control/strategytype"
	"github.com/pennonhq/pennon/control/tag"
	"github.com/pennonhq/pennon/control/transfer"
)

func exportResultSchema(d transfer.Document) ExportResultSchema {
	return ExportResultSchema{
		Features: mapped(d.Features, func(f transfer.Feature) ExportedFeature {
			return ExportedFeature{
				Name: f.Name, Description: f.Description, Type: f.Type, Project: f.Project, Stale: f.Stale, ImpressionData: f.ImpressionData,
			}
		}),
		FeatureStrategies: mapped(d.Strategies, exportedStrategy),
		FeatureEnvironments: mapped(d.Environments, func(e transfer.FeatureEnvironment) ExportedEnvironment {
			return ExportedEnvironment{
				Name: e.Feature, FeatureName: e.Feature, Environment: e.Environment, Enabled: e.Enabled, Variants: variantSchemas(e.Variants),
			}
		}),
		ContextFields: mapped(d.ContextFields, func(f transfer.ContextField) CreateContextFieldSchema {
			values := mapped(f.LegalValues, func(v contextfield.LegalValue) LegalValueSchema { return LegalValueSchema(v) })
			return CreateContextFieldSchema{
				Name: f.Name, Description: f.Description, Stickiness: &f.Stickiness, SortOrder: &f.SortOrder, LegalValues: &values,
			}
		}),
		FeatureTags: mapped(d.Tags, func(t transfer.FeatureTag) FeatureTagSchema {
			return FeatureTagSchema{FeatureName: t.Feature, TagType: t.Tag.Type, TagValue: t.Tag.Value}
		}),
		Segments: mapped(d.Segments, func(s transfer.Segment) ExportedSegment {
			segment := ExportedSegment{ID: s.ID, Name: s.Name, Description: s.Description, Project: s.Project}
			if s.Constraints != nil {
				segment.Constraints = constraintSchemas(s.Constraints)
			}
			return segment
		}),
		TagTypes: mapped(d.TagTypes, func(t tag.Type) TagTypeSchema { return TagTypeSchema(t) }),
		Dependencies: mapped(d.Dependencies, func(f transfer.FeatureDependencies) ExportedFeatureDependencies {
			return ExportedFeatureDependencies{Feature: f.Feature, Dependencies: mapped(f.Parents, func(p feature.Dependency) ExportedDependency {
				return ExportedDependency{Feature: p.Parent, Enabled: &p.Enabled, Variants: p.Variants}
			})}
		}),
		Links: mapped(d.Links, func(f transfer.FeatureLinks) ExportedFeatureLinks {
			return ExportedFeatureLinks{Feature: f.Feature, Links: mapped(f.Links,
				func(l feature.Link) ExportedLink { return ExportedLink{URL: l.URL, Title: l.Title} })}
		}),
		StrategyTypes: mapped(d.StrategyTypes, func(t transfer.StrategyType) CreateStrategySchema {
			return CreateStrategySchema{Name: t.Name, Description: t.Description, Parameters: mapped(t.Parameters,
				func(p strategytype.Parameter) StrategyParameterSchema { return StrategyParameterSchema(p) })}
		}),
	}
}

func exportedStrategy(s feature.Strategy) ExportedStrategy {
	return ExportedStrategy{
		Name: s.Name, ID: s.ID, FeatureName: s.Feature, Environment: s.Environment, Title: s.Title,
		Parameters: parametersSchema(s.Parameters), Constraints: constraintSchemas(s.Constraints),
		Variants: strategyVariantSchemas(s.Variants), Disabled: &s.Disabled, SortOrder: &s.SortOrder, Segments: s.Segments,
	}
}

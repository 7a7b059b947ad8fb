package admin

import (
	"github.com/pennonhq/pennon/control/contextfield"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/control/strategytype"
	"github.com/pennonhq/pennon/control/tag"
	"github.com/pennonhq/pennon/control/transfer"
)

// ExportResultSchema is a set of flags with what they need to work elsewhere. It is read as leniently as it can be, since
// documents come from other versions of Unleash and from people.
type ExportResultSchema struct {
	Features            []ExportedFeature             `json:"features"`
	FeatureStrategies   []ExportedStrategy            `json:"featureStrategies"`
	FeatureEnvironments []ExportedEnvironment         `json:"featureEnvironments,omitzero"`
	ContextFields       []CreateContextFieldSchema    `json:"contextFields,omitzero"`
	FeatureTags         []FeatureTagSchema            `json:"featureTags,omitzero" doc:"Left out: flags keep their tags"`
	Segments            []ExportedSegment             `json:"segments,omitzero"`
	TagTypes            []TagTypeSchema               `json:"tagTypes"`
	Dependencies        []ExportedFeatureDependencies `json:"dependencies,omitzero" doc:"Left out: flags keep their dependencies"`
	Links               []ExportedFeatureLinks        `json:"links,omitzero" doc:"Left out: flags keep their links"`
	StrategyTypes       []CreateStrategySchema        `json:"strategyTypes,omitempty" doc:"Custom strategy types"`
}

// ExportedFeature holds a flag's own properties.
type ExportedFeature struct {
	Name           string  `json:"name"`
	Description    *string `json:"description" required:"false" nullable:"true"`
	Type           string  `json:"type" required:"false"`
	Project        string  `json:"project" required:"false"`
	Stale          bool    `json:"stale" required:"false"`
	ImpressionData bool    `json:"impressionData" required:"false"`
	Archived       bool    `json:"archived" required:"false"`
}

// ExportedStrategy is an activation strategy.
type ExportedStrategy struct {
	Name        string                  `json:"name"`
	ID          string                  `json:"id,omitempty" doc:"Not kept: an import gives new ones"`
	FeatureName string                  `json:"featureName"`
	Environment string                  `json:"environment,omitempty" doc:"Where the document is of several environments"`
	Title       *string                 `json:"title" required:"false" nullable:"true"`
	Parameters  ParametersSchema        `json:"parameters" required:"false"`
	Constraints []ConstraintSchema      `json:"constraints" required:"false"`
	Variants    []StrategyVariantSchema `json:"variants" required:"false"`
	Disabled    *bool                   `json:"disabled" required:"false" nullable:"true"`
	SortOrder   *int32                  `json:"sortOrder,omitempty" minimum:"0" maximum:"1000000"`
	Segments    []int32                 `json:"segments" required:"false" doc:"Ids within the document"`
}

// ExportedEnvironment is the state of a flag in an environment.
type ExportedEnvironment struct {
	Name        string          `json:"name" required:"false" doc:"The flag's name again, as in Unleash"`
	FeatureName string          `json:"featureName"`
	Environment string          `json:"environment,omitempty"`
	Enabled     bool            `json:"enabled"`
	Variants    []VariantSchema `json:"variants" required:"false"`
}

// FeatureTagSchema is a tag of a flag.
type FeatureTagSchema struct {
	FeatureName string `json:"featureName"`
	TagType     string `json:"tagType" required:"false"`
	TagValue    string `json:"tagValue"`
}

// ExportedSegment is a segment. Documents of Unleash have its id and name only.
type ExportedSegment struct {
	ID          int32              `json:"id"`
	Name        string             `json:"name"`
	Description *string            `json:"description,omitempty" nullable:"true"`
	Project     *string            `json:"project,omitempty" nullable:"true"`
	Constraints []ConstraintSchema `json:"constraints,omitzero"`
}

// ExportedFeatureDependencies lists the parents of a flag.
type ExportedFeatureDependencies struct {
	Feature      string               `json:"feature"`
	Dependencies []ExportedDependency `json:"dependencies"`
}

// ExportedDependency is a parent of a flag.
type ExportedDependency struct {
	Feature  string   `json:"feature"`
	Enabled  *bool    `json:"enabled,omitempty" doc:"Default: true"`
	Variants []string `json:"variants,omitempty"`
}

// ExportedFeatureLinks lists the links kept with a flag.
type ExportedFeatureLinks struct {
	Feature string         `json:"feature"`
	Links   []ExportedLink `json:"links"`
}

// ExportedLink is a page outside that belongs to a flag.
type ExportedLink struct {
	ID    string  `json:"id,omitempty" doc:"Not kept: an import gives new ones"`
	URL   string  `json:"url"`
	Title *string `json:"title" required:"false" nullable:"true"`
}

// defaultTagType is what a tag without a type is of.
const defaultTagType = "simple"

func (s ExportResultSchema) document() transfer.Document {
	d := transfer.Document{
		Features:     mapped(s.Features, ExportedFeature.feature),
		Strategies:   mapped(s.FeatureStrategies, ExportedStrategy.strategy),
		Environments: mapped(s.FeatureEnvironments, ExportedEnvironment.environment),
		Segments:     mapped(s.Segments, ExportedSegment.segment),
		TagTypes:     mapped(s.TagTypes, func(t TagTypeSchema) tag.Type { return tag.Type(t) }),
		StrategyTypes: mapped(s.StrategyTypes, func(t CreateStrategySchema) transfer.StrategyType {
			return transfer.StrategyType{Name: t.Name, Description: t.Description, Parameters: mapped(t.Parameters,
				func(p StrategyParameterSchema) strategytype.Parameter { return strategytype.Parameter(p) })}
		}),
		ContextFields: mapped(s.ContextFields, exportedContextField),
		Tags:          mapped(s.FeatureTags, FeatureTagSchema.tag),
		Links: mapped(s.Links, func(f ExportedFeatureLinks) transfer.FeatureLinks {
			return transfer.FeatureLinks{Feature: f.Feature, Links: mapped(f.Links,
				func(l ExportedLink) feature.Link { return feature.Link{URL: l.URL, Title: l.Title} })}
		}),
		Dependencies: mapped(s.Dependencies, ExportedFeatureDependencies.dependencies),
	}
	return d
}

// mapped keeps nil nil: a part that is missing says nothing.
func mapped[A, B any](list []A, f func(A) B) []B {
	if list == nil {
		return nil
	}
	result := make([]B, len(list))
	for i, item := range list {
		result[i] = f(item)
	}
	return result
}

func (s ExportedFeature) feature() transfer.Feature {
	return transfer.Feature{
		Name: s.Name, Description: s.Description, Type: s.Type, Project: s.Project, Stale: s.Stale, ImpressionData: s.ImpressionData,
	}
}

func (s ExportedStrategy) strategy() feature.Strategy {
	strategy := feature.Strategy{
		Name: s.Name, Title: s.Title, Disabled: s.Disabled != nil && *s.Disabled, Parameters: s.Parameters.texts(),
		Constraints: constraintsOf(s.Constraints), Variants: strategyVariants(s.Variants), Segments: s.Segments,
		Feature: s.FeatureName, Environment: s.Environment,
	}
	if s.SortOrder != nil {
		strategy.SortOrder = *s.SortOrder
	}
	return strategy
}

func (s ExportedEnvironment) environment() transfer.FeatureEnvironment {
	return transfer.FeatureEnvironment{
		Feature: s.FeatureName, Environment: s.Environment, Enabled: s.Enabled, Variants: variantsOf(s.Variants),
	}
}

func (s FeatureTagSchema) tag() transfer.FeatureTag {
	kind := s.TagType
	if kind == "" {
		kind = defaultTagType
	}
	return transfer.FeatureTag{Feature: s.FeatureName, Tag: feature.Tag{Type: kind, Value: s.TagValue}}
}

func (s ExportedSegment) segment() transfer.Segment {
	segment := transfer.Segment{ID: s.ID, Name: s.Name, Description: s.Description, Project: s.Project}
	if s.Constraints != nil {
		segment.Constraints = constraintsOf(s.Constraints)
	}
	return segment
}

func (s ExportedFeatureDependencies) dependencies() transfer.FeatureDependencies {
	return transfer.FeatureDependencies{Feature: s.Feature, Parents: mapped(s.Dependencies, func(d ExportedDependency) feature.Dependency {
		return feature.Dependency{Parent: d.Feature, Enabled: d.Enabled == nil || *d.Enabled, Variants: d.Variants}
	})}
}

func exportedContextField(s CreateContextFieldSchema) transfer.ContextField {
	field := transfer.ContextField{Name: s.Name, Description: s.Description, Stickiness: s.Stickiness != nil && *s.Stickiness}
	if s.SortOrder != nil {
		field.SortOrder = *s.SortOrder
	}
	if s.LegalValues != nil {
		field.LegalValues = mapped(*s.LegalValues, func(v LegalValueSchema) contextfield.LegalValue { return contextfield.LegalValue(v) })
	}
	return field
}

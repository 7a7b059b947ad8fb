// Package transfer carries flags between projects, environments and instances: it exports them as a document and makes
// an instance what a document says.
//
// The document is Unleash's, which is of one environment and holds segments by name only, with additions that make it
// complete: several environments at once, and segments and strategy types with their bodies. Unleash refuses documents
// with properties it does not know (measured with 8.2); Query.Strict leaves the additions out. Imports are all or nothing
// and repeatable: what is so already is left alone. The rules of flags stay in control/feature.
//
// It imports queries, fault and control/{access,constraint,contextfield,event,feature,segment,strategytype,tag}.
package transfer

import (
	"github.com/pennonhq/pennon/control/constraint"
	"github.com/pennonhq/pennon/control/contextfield"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/control/strategytype"
	"github.com/pennonhq/pennon/control/tag"
	"github.com/pennonhq/pennon/queries"
)

// All stands for every environment, or for each flag's own project. The empty string means the same.
const All = "*"

var q = queries.New()

// Document is a set of flags with what they need to work elsewhere. Nil Tags, Links or Dependencies say nothing about them.
type Document struct {
	Features      []Feature
	Environments  []FeatureEnvironment
	Strategies    []feature.Strategy // each with its Feature and, in a document of several environments, its Environment
	Tags          []FeatureTag
	Links         []FeatureLinks
	Dependencies  []FeatureDependencies
	Segments      []Segment
	ContextFields []ContextField
	TagTypes      []tag.Type
	StrategyTypes []StrategyType // custom ones
}

// Feature holds a flag's own properties.
type Feature struct {
	Name           string
	Description    *string
	Type           string
	Project        string
	Stale          bool
	ImpressionData bool
}

// FeatureEnvironment is the state of a flag in an environment. Without one a flag is off.
type FeatureEnvironment struct {
	Feature     string
	Environment string
	Enabled     bool
	Variants    []feature.Variant
}

// FeatureTag is a tag of a flag.
type FeatureTag struct {
	Feature string
	Tag     feature.Tag
}

// FeatureLinks lists the links of a flag.
type FeatureLinks struct {
	Feature string
	Links   []feature.Link
}

// FeatureDependencies lists the parents of a flag.
type FeatureDependencies struct {
	Feature string
	Parents []feature.Dependency
}

// Segment is a segment that strategies refer to by its ID in the document. Nil Constraints say that its body is not
// known, as in documents of Unleash.
type Segment struct {
	ID          int32
	Name        string
	Description *string
	Project     *string // the only one that may use it
	Constraints []constraint.Constraint
}

// ContextField is a context field that constraints or stickiness refer to.
type ContextField struct {
	Name        string
	Description *string
	Stickiness  bool
	SortOrder   int32
	LegalValues []contextfield.LegalValue
}

// StrategyType is a custom strategy type.
type StrategyType struct {
	Name        string
	Description string
	Parameters  []strategytype.Parameter
}

// Item is one finding about a document.
type Item struct {
	Message       string
	AffectedItems []string
}

// Report is what an import would meet: errors that it would fail with, warnings, and permissions the caller lacks.
type Report struct {
	Errors      []Item
	Warnings    []Item
	Permissions []Item
}

func all(name string) bool { return name == "" || name == All }

// orNone is the name for a query or an event: none for all of them.
func orNone(name string) string {
	if all(name) {
		return ""
	}
	return name
}

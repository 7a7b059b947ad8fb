package admin

import (
	"github.com/pennonhq/pennon/control/playground"
	"github.com/pennonhq/pennon/eval"
)

// PlaygroundFeatureSchema says how a flag is evaluated and why.
type PlaygroundFeatureSchema struct {
	IsEnabled                     bool                 `json:"isEnabled" doc:"What SDKs answer; what is unknown counts as false in it"`
	IsEnabledInCurrentEnvironment bool                 `json:"isEnabledInCurrentEnvironment" doc:"Whether the flag is switched on in the environment"`
	HasUnsatisfiedDependency      bool                 `json:"hasUnsatisfiedDependency" required:"false"`
	Variant                       PlaygroundVariant    `json:"variant"`
	Variants                      []VariantSchema      `json:"variants" nullable:"false" doc:"The variants to choose from"`
	Name                          string               `json:"name"`
	ProjectID                     string               `json:"projectId"`
	Strategies                    PlaygroundStrategies `json:"strategies"`
}

// AdvancedPlaygroundEnvironmentFeatureSchema says how a flag is evaluated in an environment for a context, and why.
type AdvancedPlaygroundEnvironmentFeatureSchema struct {
	IsEnabled                     bool                 `json:"isEnabled" doc:"What SDKs answer; what is unknown counts as false in it"`
	IsEnabledInCurrentEnvironment bool                 `json:"isEnabledInCurrentEnvironment" doc:"Whether the flag is switched on in the environment"`
	HasUnsatisfiedDependency      bool                 `json:"hasUnsatisfiedDependency" required:"false"`
	Variant                       PlaygroundVariant    `json:"variant"`
	Context                       SdkFlatContextSchema `json:"context"`
	Variants                      []VariantSchema      `json:"variants" nullable:"false" doc:"The variants to choose from"`
	Name                          string               `json:"name"`
	Environment                   string               `json:"environment"`
	ProjectID                     string               `json:"projectId"`
	Strategies                    PlaygroundStrategies `json:"strategies"`
}

// PlaygroundVariant is a variant as SDKs give it. The one named disabled stands for none.
type PlaygroundVariant struct {
	Name           string        `json:"name"`
	Enabled        bool          `json:"enabled"`
	Payload        *VariantValue `json:"payload,omitempty"`
	FeatureEnabled *bool         `json:"feature_enabled,omitempty" doc:"Whether the flag is on"`
}

// PlaygroundStrategies is what the strategies of a flag answer together and each.
type PlaygroundStrategies struct {
	Result truth                      `json:"result" doc:"unknown when only an application can tell"`
	Data   []PlaygroundStrategySchema `json:"data" nullable:"false"`
}

// PlaygroundStrategySchema says what a strategy answers and why.
type PlaygroundStrategySchema struct {
	Name        string                       `json:"name"`
	ID          string                       `json:"id"`
	Title       string                       `json:"title,omitempty"`
	Disabled    bool                         `json:"disabled"`
	Parameters  map[string]string            `json:"parameters"`
	Result      PlaygroundStrategyResult     `json:"result"`
	Constraints []PlaygroundConstraintSchema `json:"constraints" nullable:"false"`
	Segments    []PlaygroundSegmentSchema    `json:"segments" nullable:"false"`
	Links       PlaygroundLinks              `json:"links"`
}

// PlaygroundStrategyResult is what a strategy answers.
type PlaygroundStrategyResult struct {
	Enabled          truth              `json:"enabled"`
	EvaluationStatus string             `json:"evaluationStatus" enum:"complete,incomplete,unevaluated" doc:"incomplete when only an application can tell, unevaluated when disabled"`
	Variant          *PlaygroundVariant `json:"variant,omitempty" doc:"What the strategy gives when it is the first that is on"`
	Variants         []VariantSchema    `json:"variants,omitempty"`
}

// PlaygroundLinks are paths in the Admin UI.
type PlaygroundLinks struct {
	Edit string `json:"edit"`
}

// PlaygroundConstraintSchema is a constraint with its result.
type PlaygroundConstraintSchema struct {
	Inverted        bool     `json:"inverted" required:"false"`
	Values          []string `json:"values" nullable:"false" required:"false"`
	Value           *string  `json:"value,omitempty"`
	Operator        string   `json:"operator"`
	ContextName     string   `json:"contextName"`
	CaseInsensitive bool     `json:"caseInsensitive" required:"false"`
	Result          bool     `json:"result"`
}

// PlaygroundSegmentSchema is a segment with its result.
type PlaygroundSegmentSchema struct {
	Name        string                       `json:"name"`
	ID          int                          `json:"id"`
	Result      bool                         `json:"result"`
	Constraints []PlaygroundConstraintSchema `json:"constraints" nullable:"false"`
}

func playgroundFeature(a playground.Answer) PlaygroundFeatureSchema {
	return PlaygroundFeatureSchema{
		Name: a.Flag.Name, ProjectID: a.Flag.Project, IsEnabled: a.Enabled, IsEnabledInCurrentEnvironment: a.Feature.Enabled,
		HasUnsatisfiedDependency: !a.DependenciesSatisfied(), Variant: playgroundFeatureVariant(a.Result),
		Variants: evalVariantSchemas(a.Variants), Strategies: playgroundStrategies(a),
	}
}

func advancedPlaygroundFeature(a playground.Answer, flat SdkFlatContextSchema) AdvancedPlaygroundEnvironmentFeatureSchema {
	return AdvancedPlaygroundEnvironmentFeatureSchema{
		Name: a.Flag.Name, ProjectID: a.Flag.Project, IsEnabled: a.Enabled, IsEnabledInCurrentEnvironment: a.Feature.Enabled,
		HasUnsatisfiedDependency: !a.DependenciesSatisfied(), Variant: playgroundFeatureVariant(a.Result),
		Variants: evalVariantSchemas(a.Variants), Strategies: playgroundStrategies(a), Environment: a.Environment, Context: flat,
	}
}

func playgroundFeatureVariant(result eval.Result) PlaygroundVariant {
	v := result.VariantResult()
	return PlaygroundVariant{Name: v.Name, Enabled: v.Enabled, Payload: (*VariantValue)(v.Payload), FeatureEnabled: &v.FeatureEnabled}
}

func playgroundStrategies(a playground.Answer) PlaygroundStrategies {
	strategies := PlaygroundStrategies{Result: truth(eval.False), Data: make([]PlaygroundStrategySchema, len(a.Strategies))}
	open := false
	for i, explained := range a.Strategies {
		strategies.Data[i] = playgroundStrategy(a, i, explained)
		open = open || eval.Truth(strategies.Data[i].Result.Enabled) == eval.Unknown
	}
	switch {
	case len(a.Strategies) == 0: // without any, the flag is on for everybody, where it is on
		if a.Feature.Enabled {
			strategies.Result = truth(eval.True)
		}
	case a.Outcome == eval.False && open: // Unleash counts a disabled strategy as unknown
		strategies.Result = truth(eval.Unknown)
	default:
		strategies.Result = truth(a.Outcome)
	}
	return strategies
}

func playgroundStrategy(a playground.Answer, i int, explained eval.StrategyExplanation) PlaygroundStrategySchema {
	source, stored := &a.Feature.Strategies[i], a.Stored[i]
	s := PlaygroundStrategySchema{
		Name: source.Name, ID: stored.ID, Title: stored.Title, Disabled: source.Disabled, Parameters: source.Parameters,
		Result:      playgroundStrategyResult(source, explained),
		Constraints: playgroundConstraints(source.Constraints, explained.Constraints),
		Segments:    make([]PlaygroundSegmentSchema, len(explained.Segments)),
		Links: PlaygroundLinks{Edit: "/projects/" + a.Flag.Project + "/features/" + a.Flag.Name +
			"/strategies/edit?environmentId=" + a.Environment + "&strategyId=" + stored.ID},
	}
	for j, segment := range explained.Segments {
		s.Segments[j] = PlaygroundSegmentSchema{
			Name: segment.Segment.Name, ID: segment.Segment.ID, Result: segment.Result,
			Constraints: playgroundConstraints(segment.Segment.Constraints, segment.Constraints),
		}
	}
	return s
}

func playgroundStrategyResult(source *eval.Strategy, explained eval.StrategyExplanation) PlaygroundStrategyResult {
	result := PlaygroundStrategyResult{Enabled: truth(explained.Result), EvaluationStatus: "complete"}
	switch {
	case source.Disabled:
		result.Enabled, result.EvaluationStatus = truth(eval.Unknown), "unevaluated"
	case !explained.Evaluated:
		result.EvaluationStatus = "incomplete"
	case explained.Variant != nil:
		v := explained.Variant
		result.Variant = &PlaygroundVariant{Name: v.Name, Enabled: true, Payload: (*VariantValue)(v.Payload)}
		result.Variants = evalVariantSchemas(source.Variants)
	}
	return result
}

func playgroundConstraints(constraints []eval.Constraint, results []bool) []PlaygroundConstraintSchema {
	schemas := make([]PlaygroundConstraintSchema, len(constraints))
	for i, c := range constraints {
		schemas[i] = PlaygroundConstraintSchema{
			ContextName: c.ContextName, Operator: c.Operator, Values: c.Values, Inverted: c.Inverted,
			CaseInsensitive: c.CaseInsensitive, Result: results[i],
		}
		if c.Value != nil && *c.Value != "" { // the wire has no empty value
			schemas[i].Value = c.Value
		}
	}
	return schemas
}

func evalVariantSchemas(variants []eval.Variant) []VariantSchema {
	schemas := make([]VariantSchema, len(variants))
	for i, v := range variants {
		schemas[i] = VariantSchema{
			Name: v.Name, Weight: v.Weight, WeightType: v.WeightType, Stickiness: v.Stickiness, Payload: (*VariantValue)(v.Payload),
		}
		for _, o := range v.Overrides {
			schemas[i].Overrides = append(schemas[i].Overrides, OverrideSchema(o))
		}
	}
	return schemas
}

package admin

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
)

// CreateFeatureStrategySchema describes a strategy to add.
type CreateFeatureStrategySchema struct {
	Name        string                        `json:"name" doc:"The strategy type"`
	Title       *string                       `json:"title,omitempty" nullable:"true"`
	Disabled    *bool                         `json:"disabled,omitempty" nullable:"true"`
	SortOrder   *int32                        `json:"sortOrder,omitempty" minimum:"0" maximum:"1000000" doc:"Place among the strategies; last when left out"`
	Constraints []ConstraintSchema            `json:"constraints,omitempty"`
	Variants    []CreateStrategyVariantSchema `json:"variants,omitempty"`
	Parameters  ParametersSchema              `json:"parameters,omitempty"`
	Segments    []int32                       `json:"segments,omitempty"`
}

// UpdateFeatureStrategySchema replaces a strategy. Constraints, variants and parameters that are left out are removed;
// anything else that is left out, or null, stays as it was.
type UpdateFeatureStrategySchema struct {
	Name        string                  `json:"name,omitempty"`
	SortOrder   *int32                  `json:"sortOrder,omitempty" minimum:"0" maximum:"1000000"`
	Constraints []ConstraintSchema      `json:"constraints,omitempty"`
	Title       *string                 `json:"title,omitempty" nullable:"true"`
	Disabled    *bool                   `json:"disabled,omitempty" nullable:"true"`
	Variants    []StrategyVariantSchema `json:"variants,omitempty"`
	Segments    []int32                 `json:"segments,omitempty"`
	Parameters  ParametersSchema        `json:"parameters,omitempty"`
}

// FeatureStrategySchema is an activation strategy.
type FeatureStrategySchema struct {
	ID          string                  `json:"id"`
	Name        string                  `json:"name"`
	FeatureName string                  `json:"featureName,omitempty"`
	Constraints []ConstraintSchema      `json:"constraints"`
	Parameters  ParametersSchema        `json:"parameters"`
	Variants    []StrategyVariantSchema `json:"variants"`
	Segments    []int32                 `json:"segments"`
	Title       *string                 `json:"title" nullable:"true"`
	Disabled    bool                    `json:"disabled"`
	SortOrder   int32                   `json:"sortOrder"`
}

// SetStrategySortOrderSchema gives strategies new places.
type SetStrategySortOrderSchema []StrategySortOrder

// StrategySortOrder is the place of one strategy.
type StrategySortOrder struct {
	ID        string `json:"id"`
	SortOrder int32  `json:"sortOrder" minimum:"0" maximum:"1000000"`
}

// ParametersSchema holds what a strategy type is configured with. Values are strings; numbers and booleans are taken for
// their text.
type ParametersSchema map[string]parameterValue

type parameterValue string

var errParameterType = errors.New("a parameter must be a string, a number or a boolean")

// UnmarshalJSON reads any scalar.
func (v *parameterValue) UnmarshalJSON(data []byte) error {
	if data[0] == '{' || data[0] == '[' {
		return errParameterType
	}
	*v = parameterValue(feature.ParameterText(json.RawMessage(data)))
	return nil
}

// Schema tells of the scalars that are accepted.
func (parameterValue) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{{Type: huma.TypeString, Nullable: true}, {Type: huma.TypeNumber}, {Type: huma.TypeBoolean}}}
}

// StrategyPath is the path of a strategy.
type StrategyPath struct {
	PlacePath
	ID string `path:"strategyId" doc:"The strategy's id"`
}

type (
	addStrategyInput struct {
		PlacePath
		Body CreateFeatureStrategySchema
	}
	strategyInput       struct{ StrategyPath }
	updateStrategyInput struct {
		StrategyPath
		Body UpdateFeatureStrategySchema
	}
	patchStrategyInput struct {
		StrategyPath
		Body PatchesSchema
	}
	orderStrategiesInput struct {
		PlacePath
		Body SetStrategySortOrderSchema
	}
	strategyOutput   struct{ Body FeatureStrategySchema }
	strategiesOutput struct{ Body []FeatureStrategySchema }
)

func (a *API) registerFeatureStrategies() {
	const tag, ok = "Features", http.StatusOK
	const all = "/projects/{projectId}/features/{featureName}/environments/{environment}/strategies"
	const one = all + "/{strategyId}"
	const update = access.UpdateFeatureStrategy
	read(a, access.Anyone, op(get, all, "getFeatureStrategies", tag), a.getFeatureStrategies)
	write(a, access.CreateFeatureStrategy, op(post, all, "addFeatureStrategy", tag), a.addFeatureStrategy)
	write(a, update, op(post, all+"/set-sort-order", "setStrategySortOrder", tag, status(ok)), a.setStrategySortOrder)
	read(a, access.Anyone, op(get, one, "getFeatureStrategy", tag), a.getFeatureStrategy)
	write(a, update, op(put, one, "updateFeatureStrategy", tag), a.updateFeatureStrategy)
	write(a, update, op(patch, one, "patchFeatureStrategy", tag), a.patchFeatureStrategy)
	write(a, access.DeleteFeatureStrategy, op(remove, one, "deleteFeatureStrategy", tag, status(ok)), a.deleteFeatureStrategy)
}

func (a *API) getFeatureStrategies(ctx context.Context, in *placeInput) (*strategiesOutput, error) {
	strategies, err := feature.Strategies(ctx, a.pool, in.place())
	out := &strategiesOutput{make([]FeatureStrategySchema, len(strategies))}
	for i, s := range strategies {
		out.Body[i] = featureStrategySchema(s)
	}
	return out, err
}

func (a *API) getFeatureStrategy(ctx context.Context, in *strategyInput) (*strategyOutput, error) {
	strategy, err := feature.GetStrategy(ctx, a.pool, in.place(), in.ID)
	return &strategyOutput{featureStrategySchema(strategy)}, err
}

func (a *API) addFeatureStrategy(ctx context.Context, tx pgx.Tx, in *addStrategyInput) (*strategyOutput, error) {
	strategy, err := feature.AddStrategy(ctx, tx, in.place(), in.Body.input())
	return &strategyOutput{featureStrategySchema(strategy)}, err
}

func (a *API) updateFeatureStrategy(ctx context.Context, tx pgx.Tx, in *updateStrategyInput) (*strategyOutput, error) {
	strategy, err := feature.UpdateStrategy(ctx, tx, in.place(), in.ID, func(s *feature.Strategy) error {
		in.Body.apply(s)
		return nil
	})
	return &strategyOutput{featureStrategySchema(strategy)}, err
}

func (a *API) patchFeatureStrategy(ctx context.Context, tx pgx.Tx, in *patchStrategyInput) (*strategyOutput, error) {
	strategy, err := feature.UpdateStrategy(ctx, tx, in.place(), in.ID, func(s *feature.Strategy) error {
		patched, err := applyPatch(featureStrategySchema(*s), in.Body)
		patched.replace(s)
		return err
	})
	return &strategyOutput{featureStrategySchema(strategy)}, err
}

func (a *API) deleteFeatureStrategy(ctx context.Context, tx pgx.Tx, in *strategyInput) (*struct{}, error) {
	return nil, feature.DeleteStrategy(ctx, tx, in.place(), in.ID)
}

func (a *API) setStrategySortOrder(ctx context.Context, tx pgx.Tx, in *orderStrategiesInput) (*struct{}, error) {
	order := make([]feature.StrategyOrder, len(in.Body))
	for i, item := range in.Body {
		order[i] = feature.StrategyOrder(item)
	}
	return nil, feature.OrderStrategies(ctx, tx, in.place(), order)
}

func (s CreateFeatureStrategySchema) input() feature.StrategyInput {
	return feature.StrategyInput{
		Name: s.Name, Title: s.Title, Disabled: s.Disabled != nil && *s.Disabled, SortOrder: s.SortOrder,
		Parameters: s.Parameters.texts(), Constraints: constraintsOf(s.Constraints), Variants: createdStrategyVariants(s.Variants),
		Segments: s.Segments,
	}
}

func (s UpdateFeatureStrategySchema) apply(strategy *feature.Strategy) {
	strategy.Constraints, strategy.Variants = constraintsOf(s.Constraints), strategyVariants(s.Variants)
	strategy.Parameters = s.Parameters.texts()
	if s.Name != "" {
		strategy.Name = s.Name
	}
	if s.SortOrder != nil {
		strategy.SortOrder = *s.SortOrder
	}
	if s.Disabled != nil {
		strategy.Disabled = *s.Disabled
	}
	if s.Title != nil {
		strategy.Title = s.Title
	}
	if s.Segments != nil {
		strategy.Segments = s.Segments
	}
}

// replace takes over everything that a patch may have changed.
func (s FeatureStrategySchema) replace(strategy *feature.Strategy) {
	strategy.Name, strategy.Title, strategy.Disabled, strategy.SortOrder = s.Name, s.Title, s.Disabled, s.SortOrder
	strategy.Constraints, strategy.Variants = constraintsOf(s.Constraints), strategyVariants(s.Variants)
	strategy.Parameters, strategy.Segments = s.Parameters.texts(), s.Segments
}

func (p ParametersSchema) texts() map[string]string {
	texts := make(map[string]string, len(p))
	for name, value := range p {
		texts[name] = string(value)
	}
	return texts
}

func parametersSchema(parameters map[string]string) ParametersSchema {
	schema := make(ParametersSchema, len(parameters))
	for name, value := range parameters {
		schema[name] = parameterValue(value)
	}
	return schema
}

func featureStrategySchema(s feature.Strategy) FeatureStrategySchema {
	return FeatureStrategySchema{
		ID: s.ID, Name: s.Name, Constraints: constraintSchemas(s.Constraints), Parameters: parametersSchema(s.Parameters),
		Variants: strategyVariantSchemas(s.Variants), Segments: s.Segments, Title: s.Title, Disabled: s.Disabled, SortOrder: s.SortOrder,
	}
}

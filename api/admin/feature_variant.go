package admin

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
)

// VariantSchema is a variant of a flag in an environment.
type VariantSchema struct {
	Name       string           `json:"name"`
	Weight     int              `json:"weight" minimum:"0" maximum:"1000" doc:"Thousandths; shared out again among variable ones"`
	WeightType string           `json:"weightType,omitempty" enum:"variable,fix"`
	Stickiness string           `json:"stickiness,omitempty"`
	Payload    *VariantValue    `json:"payload,omitempty"`
	Overrides  []OverrideSchema `json:"overrides,omitempty"`
}

// StrategyVariantSchema is a variant of a strategy.
type StrategyVariantSchema struct {
	Name       string        `json:"name"`
	Weight     int           `json:"weight" minimum:"0" maximum:"1000" doc:"Thousandths; shared out again among variable ones"`
	WeightType string        `json:"weightType,omitempty" enum:"variable,fix"`
	Stickiness string        `json:"stickiness,omitempty"`
	Payload    *VariantValue `json:"payload,omitempty"`
}

// CreateStrategyVariantSchema is a variant of a strategy to be added.
type CreateStrategyVariantSchema StrategyVariantSchema

// VariantValue is what a variant carries.
type VariantValue struct {
	Type  string `json:"type" enum:"json,csv,string,number"`
	Value string `json:"value"`
}

// OverrideSchema pins a variant for contexts whose field has one of the values.
type OverrideSchema struct {
	ContextName string   `json:"contextName"`
	Values      []string `json:"values"`
}

// VariantsSchema replaces the variants of a flag in an environment.
type VariantsSchema []VariantSchema

// FeatureVariantsSchema lists the variants of a flag in an environment.
type FeatureVariantsSchema struct {
	Version  int             `json:"version"`
	Variants []VariantSchema `json:"variants"`
}

// PushVariantsSchema gives several environments of a flag the same variants.
type PushVariantsSchema struct {
	Variants     []VariantSchema `json:"variants,omitempty"`
	Environments []string        `json:"environments,omitempty" maxItems:"1000"`
}

type (
	overwriteVariantsInput struct {
		PlacePath
		Body VariantsSchema
	}
	patchVariantsInput struct {
		PlacePath
		Body PatchesSchema
	}
	pushVariantsInput struct {
		FeaturePath
		Body PushVariantsSchema
	}
	variantsOutput struct{ Body FeatureVariantsSchema }
)

// Unleash 8 answers 403 to new environment variants, in favour of strategy variants. Pennon takes both: SDKs honour both,
// and an imported flag must stay editable.
func (a *API) registerFeatureVariants() {
	const tag = "Features"
	const one = "/projects/{projectId}/features/{featureName}"
	const variants = one + "/environments/{environment}/variants"
	const may = access.UpdateFeatureEnvironmentVariants
	read(a, access.Anyone, op(get, variants, "getEnvironmentFeatureVariants", tag), a.getEnvironmentVariants)
	write(a, may, op(put, variants, "overwriteEnvironmentFeatureVariants", tag), a.overwriteEnvironmentVariants)
	write(a, may, op(patch, variants, "patchEnvironmentsFeatureVariants", tag), a.patchEnvironmentVariants)
	// The environments are in the body: the control function asks for the permission in each.
	write(a, access.Anyone, op(put, one+"/variants-batch", "overwriteFeatureVariantsOnEnvironments", tag), a.pushVariants)
}

func (a *API) getEnvironmentVariants(ctx context.Context, in *placeInput) (*variantsOutput, error) {
	variants, err := feature.Variants(ctx, a.pool, in.place())
	return featureVariants(variants), err
}

func (a *API) overwriteEnvironmentVariants(ctx context.Context, tx pgx.Tx, in *overwriteVariantsInput) (*variantsOutput, error) {
	stored, err := feature.SetVariants(ctx, tx, in.place(), func([]feature.Variant) ([]feature.Variant, error) {
		return variantsOf(in.Body), nil
	})
	return featureVariants(stored), err
}

func (a *API) patchEnvironmentVariants(ctx context.Context, tx pgx.Tx, in *patchVariantsInput) (*variantsOutput, error) {
	stored, err := feature.SetVariants(ctx, tx, in.place(), func(variants []feature.Variant) ([]feature.Variant, error) {
		patched, err := applyPatch(VariantsSchema(variantSchemas(variants)), in.Body)
		return variantsOf(patched), err
	})
	return featureVariants(stored), err
}

func (a *API) pushVariants(ctx context.Context, tx pgx.Tx, in *pushVariantsInput) (*variantsOutput, error) {
	stored, err := feature.SetVariantsIn(ctx, tx, in.Project, in.Name, in.Body.Environments, variantsOf(in.Body.Variants))
	return featureVariants(stored), err
}

func featureVariants(variants []feature.Variant) *variantsOutput {
	return &variantsOutput{FeatureVariantsSchema{Version: 1, Variants: variantSchemas(variants)}}
}

func variantSchemas(variants []feature.Variant) []VariantSchema {
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

func variantsOf(schemas []VariantSchema) []feature.Variant {
	variants := make([]feature.Variant, len(schemas))
	for i, s := range schemas {
		variants[i] = feature.Variant{
			Name: s.Name, Weight: s.Weight, WeightType: s.WeightType, Stickiness: s.Stickiness, Payload: (*feature.Payload)(s.Payload),
		}
		for _, o := range s.Overrides {
			variants[i].Overrides = append(variants[i].Overrides, feature.Override(o))
		}
	}
	return variants
}

func strategyVariantSchemas(variants []feature.Variant) []StrategyVariantSchema {
	schemas := make([]StrategyVariantSchema, len(variants))
	for i, v := range variants {
		schemas[i] = StrategyVariantSchema{
			Name: v.Name, Weight: v.Weight, WeightType: v.WeightType, Stickiness: v.Stickiness, Payload: (*VariantValue)(v.Payload),
		}
	}
	return schemas
}

func strategyVariants(schemas []StrategyVariantSchema) []feature.Variant {
	variants := make([]feature.Variant, len(schemas))
	for i, s := range schemas {
		variants[i] = feature.Variant{
			Name: s.Name, Weight: s.Weight, WeightType: s.WeightType, Stickiness: s.Stickiness, Payload: (*feature.Payload)(s.Payload),
		}
	}
	return variants
}

func createdStrategyVariants(schemas []CreateStrategyVariantSchema) []feature.Variant {
	converted := make([]StrategyVariantSchema, len(schemas))
	for i, s := range schemas {
		converted[i] = StrategyVariantSchema(s)
	}
	return strategyVariants(converted)
}

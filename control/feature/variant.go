package feature

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// The ways a variant gets its weight: as given, or an equal share of what the fixed ones leave.
const (
	WeightFixed    = "fix"
	WeightVariable = "variable"
)

// totalWeight is the sum of the weights of all variants, in thousandths.
const totalWeight = 1000

const defaultStickiness = "default"

var payloadTypes = []string{"json", "csv", "string", "number"}

// Variant is one weighted answer of a strategy or of a flag in an environment, in its stored form. Weight is in
// thousandths.
type Variant struct {
	Name       string     `json:"name"`
	Weight     int        `json:"weight"`
	WeightType string     `json:"weightType"`
	Stickiness string     `json:"stickiness"`
	Payload    *Payload   `json:"payload,omitempty"`
	Overrides  []Override `json:"overrides,omitempty"`
}

// Payload is the value a variant carries. Type is json, csv, string or number; Value is always text.
type Payload struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Override pins a variant for contexts whose field has one of the values. Strategy variants have none.
type Override struct {
	ContextName string   `json:"contextName"`
	Values      []string `json:"values"`
}

// environmentVariants is what audit events hold of a flag's variants.
type environmentVariants struct {
	Variants []Variant `json:"variants"`
}

// Variants reads the variants of an active or archived flag in one environment of its project.
func Variants(ctx context.Context, tx queries.DBTX, place Place) ([]Variant, error) {
	row, err := environmentState(ctx, tx, place)
	if err != nil {
		return nil, err
	}
	return decodeVariants(row.Variants)
}

// SetVariants lets change edit the variants of a flag in one environment, and stores them with their weights normalised.
// Unlike Unleash 8, which refuses new environment variants in favour of strategy variants, Pennon supports both.
func SetVariants(ctx context.Context, tx pgx.Tx, place Place, change func([]Variant) ([]Variant, error)) ([]Variant, error) {
	row, err := lockActive(ctx, tx, place.Project, place.Feature)
	if err != nil {
		return nil, err
	}
	return setVariants(ctx, tx, row, place.Environment, change)
}

// SetVariantsIn stores the same variants in several environments of one flag. The caller needs the permission in each.
func SetVariantsIn(
	ctx context.Context, tx pgx.Tx, project, name string, environments []string, variants []Variant,
) ([]Variant, error) {
	for _, environment := range environments {
		if err := access.Require(ctx, access.UpdateFeatureEnvironmentVariants, project, environment); err != nil {
			return nil, err
		}
	}
	row, err := lockActive(ctx, tx, project, name)
	if err != nil {
		return nil, err
	}
	stored, err := checkVariants(variants)
	if err != nil {
		return nil, err
	}
	for _, environment := range environments {
		_, err := setVariants(ctx, tx, row, environment, func([]Variant) ([]Variant, error) { return variants, nil })
		if err != nil {
			return nil, err
		}
	}
	return stored, nil
}

func setVariants(
	ctx context.Context, tx pgx.Tx, row queries.Feature, environment string, change func([]Variant) ([]Variant, error),
) ([]Variant, error) {
	state, err := lockEnvironment(ctx, tx, row.Name, environment)
	if err != nil {
		return nil, err
	}
	old, err := decodeVariants(state.Variants)
	if err != nil {
		return nil, err
	}
	changed, err := change(slices.Clone(old))
	if err != nil {
		return nil, err
	}
	variants, err := checkVariants(changed)
	if err != nil {
		return nil, err
	}
	if equalJSON(old, variants) {
		return variants, nil
	}
	encoded, err := json.Marshal(variants)
	if err != nil {
		return nil, fmt.Errorf("encode variants: %w", err)
	}
	err = q.FeatureEnvironmentSetVariants(ctx, tx, queries.FeatureEnvironmentSetVariantsParams{
		Feature: row.Name, Environment: environment, Variants: encoded,
	})
	if err != nil {
		return nil, fmt.Errorf("set variants: %w", err)
	}
	return variants, event.Append(ctx, tx, event.Event{
		Type: event.FeatureEnvironmentVariantsUpdated, Project: row.Project, Environment: environment, Feature: row.Name,
		Data: environmentVariants{variants}, PreData: environmentVariants{old},
	})
}

// checkVariants validates variants and returns them with defaults filled in and weights that add up to 1000.
func checkVariants(variants []Variant) ([]Variant, error) {
	if len(variants) > MaxVariants {
		return nil, limit.Exceeded("variants", MaxVariants)
	}
	checked := make([]Variant, 0, len(variants))
	for i, variant := range variants {
		variant = withVariantDefaults(variant)
		if problem := variantProblem(i, variant); problem != "" {
			return nil, invalid(problem)
		}
		if slices.ContainsFunc(checked, func(v Variant) bool { return v.Name == variant.Name }) {
			text, err := json.Marshal(variant)
			if err != nil {
				return nil, fmt.Errorf("encode variant: %w", err)
			}
			return nil, invalid(fmt.Sprintf("\"[%d]\" contains a duplicate value. You provided %s.", i, text))
		}
		checked = append(checked, variant)
	}
	return normalise(checked)
}

func withVariantDefaults(v Variant) Variant {
	if v.WeightType == "" {
		v.WeightType = WeightVariable
	}
	if v.Stickiness == "" {
		v.Stickiness = defaultStickiness
	}
	return v
}

func variantProblem(i int, v Variant) string {
	if problem := nameProblem(fmt.Sprintf("[%d].name", i), v.Name); problem != "" {
		return problem
	}
	switch {
	case v.Weight < 0 || v.Weight > totalWeight:
		return fmt.Sprintf("\"[%d].weight\" must be between 0 and %d. You provided %d.", i, totalWeight, v.Weight)
	case v.WeightType != WeightFixed && v.WeightType != WeightVariable:
		return fmt.Sprintf("\"[%d].weightType\" must be one of [%s, %s]. You provided \"%s\".", i, WeightVariable, WeightFixed, v.WeightType)
	case v.Payload != nil && !slices.Contains(payloadTypes, v.Payload.Type):
		return fmt.Sprintf("\"[%d].payload.type\" must be one of [json, csv, string, number]. You provided \"%s\".", i, v.Payload.Type)
	case v.Payload != nil && v.Payload.Type == "json" && !json.Valid([]byte(v.Payload.Value)):
		return fmt.Sprintf("'value' must be a valid json string when 'type' is json. You provided \"%s\".", v.Payload.Value)
	}
	for j, override := range v.Overrides {
		if override.ContextName == "" {
			return fmt.Sprintf("\"[%d].overrides[%d].contextName\" is not allowed to be empty.", i, j)
		}
	}
	return ""
}

// normalise keeps fixed weights and shares the rest of 1000 equally among the variable ones, so that the stored weights
// are shares no matter how they were given. The first ones take what an equal share leaves over.
func normalise(variants []Variant) ([]Variant, error) {
	fixed, variable := 0, 0
	for _, v := range variants {
		if v.WeightType == WeightFixed {
			fixed += v.Weight
		} else {
			variable++
		}
	}
	switch {
	case len(variants) == 0:
		return variants, nil
	case variable == 0:
		return nil, fault.New(fault.Invalid, "There must be at least one \"%s\" variant", WeightVariable)
	case fixed > totalWeight:
		return nil, fault.New(fault.Invalid, "The traffic distribution total must equal 100%%")
	}
	share, left := (totalWeight-fixed)/variable, (totalWeight-fixed)%variable
	for i := range variants {
		if variants[i].WeightType == WeightFixed {
			continue
		}
		variants[i].Weight = share
		if left > 0 {
			variants[i].Weight++
			left--
		}
	}
	return variants, nil
}

func decodeVariants(stored json.RawMessage) ([]Variant, error) {
	variants := []Variant{}
	if err := json.Unmarshal(stored, &variants); err != nil {
		return nil, fmt.Errorf("decode variants: %w", err)
	}
	return variants, nil
}

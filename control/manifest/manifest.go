// Package manifest holds the rules of writing flags as OpenFeature's tools see them: a key, a type and a default value.
//
// A flag of a type other than boolean gets, in every environment of its project, a strategy for everybody with one variant,
// named default, whose payload is the default value: so it evaluates to values of its type as soon as it is switched on. A
// boolean flag needs that only where its default is true. Nothing is switched on here. It may import openfeature, eval,
// queries, fault and control/{access,feature}.
package manifest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/openfeature"
	"github.com/pennonhq/pennon/queries"
)

var q = queries.New()

// Flag is what a caller says of a flag. A nil Default of an update leaves it as it is.
type Flag struct {
	Key         string
	Type        string
	Description *string
	Default     json.RawMessage
}

// Create adds a flag to a project. It conflicts with any flag of that name, archived ones included.
func Create(ctx context.Context, tx pgx.Tx, project, environment string, in Flag) (openfeature.ManifestFlagSchema, error) {
	none := openfeature.ManifestFlagSchema{}
	if err := access.Require(ctx, access.CreateFeature, project, ""); err != nil {
		return none, err
	}
	payload, err := payloadOf(in.Type, in.Default)
	if err != nil {
		return none, err
	}
	if held, err := q.FeatureGet(ctx, tx, in.Key); err == nil && held.ArchivedAt != nil {
		return none, fault.New(fault.Conflict, "The flag %q is archived. Revive it to use its key again.", in.Key)
	} else if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return none, fmt.Errorf("read feature: %w", err)
	}
	row, err := feature.Create(ctx, tx, feature.New{Project: project, Name: in.Key, Description: in.Description})
	if err != nil {
		return none, err
	}
	d, err := definition(ctx, tx, row)
	if err != nil {
		return none, err
	}
	if payload != nil {
		for _, e := range d.Environments {
			if err := addDefault(ctx, tx, row, e.Environment, payload); err != nil {
				return none, err
			}
		}
	}
	return view(ctx, tx, row, environment)
}

func addDefault(ctx context.Context, tx pgx.Tx, row queries.Feature, environment string, payload *feature.Payload) error {
	if err := access.Require(ctx, access.CreateFeatureStrategy, row.Project, environment); err != nil {
		return err
	}
	place := feature.Place{Project: row.Project, Feature: row.Name, Environment: environment}
	_, err := feature.AddStrategy(ctx, tx, place, feature.StrategyInput{
		Name:     feature.FlexibleRollout,
		Variants: []feature.Variant{{Name: openfeature.DefaultVariant, Weight: 1000, Payload: payload}},
	})
	return err
}

// Update changes the description of a flag, and the value of its variants named default. Its type stays what it is.
func Update(ctx context.Context, tx pgx.Tx, environment string, in Flag) (openfeature.ManifestFlagSchema, error) {
	none := openfeature.ManifestFlagSchema{}
	row, err := active(ctx, tx, in.Key, access.UpdateFeature)
	if err != nil {
		return none, err
	}
	current, err := view(ctx, tx, row, environment)
	if err != nil {
		return none, err
	}
	if current.Type != in.Type {
		return none, fault.New(fault.Conflict, "The type of a flag cannot be changed from %s to %s.", current.Type, in.Type)
	}
	row, err = feature.Update(ctx, tx, row.Project, row.Name, func(p *feature.Properties) error {
		p.Description = in.Description
		return nil
	})
	if err != nil {
		return none, err
	}
	if in.Default != nil && !equal(in.Default, current.DefaultValue) {
		payload, err := payloadOf(in.Type, in.Default)
		if err != nil {
			return none, err
		}
		if payload == nil { // a switch whose default was true
			payload = &feature.Payload{Type: "json", Value: "false"}
		}
		if err := setDefault(ctx, tx, row, payload); err != nil {
			return none, err
		}
	}
	return view(ctx, tx, row, environment)
}

// setDefault gives all variants named default the payload. A flag that has none and is a switch gets them.
func setDefault(ctx context.Context, tx pgx.Tx, row queries.Feature, payload *feature.Payload) error {
	d, err := definition(ctx, tx, row)
	if err != nil {
		return err
	}
	found := false
	for _, e := range d.Environments {
		place := feature.Place{Project: row.Project, Feature: row.Name, Environment: e.Environment}
		for _, s := range e.Strategies {
			if !holdsDefault(s.Variants) {
				continue
			}
			found = true
			if err := access.Require(ctx, access.UpdateFeatureStrategy, row.Project, e.Environment); err != nil {
				return err
			}
			_, err := feature.UpdateStrategy(ctx, tx, place, s.ID, func(s *feature.Strategy) error {
				s.Variants = withDefault(s.Variants, payload)
				return nil
			})
			if err != nil {
				return err
			}
		}
	}
	if !found {
		return fault.New(fault.Invalid, "The flag has no strategy variant named %q that could hold the default value.", openfeature.DefaultVariant).
			With(fault.Detail{Path: "/body/defaultValue", Message: "Add a variant named default, or leave the default value out."})
	}
	return nil
}

func holdsDefault(variants []feature.Variant) bool {
	for _, v := range variants {
		if v.Name == openfeature.DefaultVariant && v.Payload != nil {
			return true
		}
	}
	return false
}

func withDefault(variants []feature.Variant, payload *feature.Payload) []feature.Variant {
	changed := append([]feature.Variant(nil), variants...)
	for i := range changed {
		if changed[i].Name == openfeature.DefaultVariant {
			changed[i].Payload = payload
		}
	}
	return changed
}

// Archive takes a flag out of the manifest, and from SDKs.
func Archive(ctx context.Context, tx pgx.Tx, key string) (queries.Feature, error) {
	row, err := active(ctx, tx, key, access.DeleteFeature)
	if err != nil {
		return row, err
	}
	if err := feature.Archive(ctx, tx, row.Project, []string{key}); err != nil {
		return row, err
	}
	return q.FeatureGet(ctx, tx, key)
}

// active reads a flag that is not archived, for a caller with the permission in its project.
func active(ctx context.Context, tx pgx.Tx, key string, permission access.Permission) (queries.Feature, error) {
	if _, err := feature.ProjectOf(ctx, tx, key, permission, ""); err != nil {
		if fault.Is(err, fault.NotFound) {
			err = fault.New(fault.NotFound, "The flag %q was not found.", key)
		}
		return queries.Feature{}, err
	}
	row, err := q.FeatureGet(ctx, tx, key)
	switch {
	case err != nil:
		return row, fmt.Errorf("read feature: %w", err)
	case row.ArchivedAt != nil:
		return row, fault.New(fault.Conflict, "The flag %q is archived. Revive it before changing it.", key)
	}
	return row, nil
}

func definition(ctx context.Context, tx pgx.Tx, row queries.Feature) (feature.Definition, error) {
	definitions, err := feature.Definitions(ctx, tx, []queries.Feature{row}, "")
	if err != nil {
		return feature.Definition{}, err
	}
	return definitions[0], nil
}

// view is the flag as the manifest of the environment lists it; where the flag is not in that, as of its first one.
func view(ctx context.Context, tx pgx.Tx, row queries.Feature, environment string) (openfeature.ManifestFlagSchema, error) {
	d, err := definition(ctx, tx, row)
	if err != nil {
		return openfeature.ManifestFlagSchema{}, err
	}
	f := eval.Feature{Name: row.Name, Description: row.Description}
	for i, e := range d.Environments {
		if i > 0 && e.Environment != environment {
			continue
		}
		f.Variants, f.Strategies = variantsOf(e.Variants), nil
		for _, s := range e.Strategies {
			if !s.Disabled { // SDKs don't see the others
				f.Strategies = append(f.Strategies, eval.Strategy{Name: s.Name, Variants: variantsOf(s.Variants)})
			}
		}
		if e.Environment == environment {
			break
		}
	}
	return openfeature.Describe(&f), nil
}

func variantsOf(stored []feature.Variant) []eval.Variant {
	variants := make([]eval.Variant, len(stored))
	for i, v := range stored {
		variants[i] = eval.Variant{Name: v.Name, Weight: v.Weight}
		if v.Payload != nil {
			variants[i].Payload = &eval.Payload{Type: v.Payload.Type, Value: v.Payload.Value}
		}
	}
	return variants
}

// equal compares values as JSON.
func equal(a, b json.RawMessage) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

package admin

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/control/project"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// LegacyFeatureSchema is a flag with its state in the environment "default".
type LegacyFeatureSchema struct {
	FeatureSchema
	Enabled    bool                    `json:"enabled"`
	Strategies []FeatureStrategySchema `json:"strategies" nullable:"false"`
	Variants   []VariantSchema         `json:"variants" nullable:"false"`
}

// LegacyFeaturesSchema lists the active flags of all projects.
type LegacyFeaturesSchema struct {
	Version  int                   `json:"version"`
	Features []LegacyFeatureSchema `json:"features" nullable:"false"`
}

// WriteLegacyFeatureSchema is a flag to create, or what a flag is to become. Strategies that are left out stay.
type WriteLegacyFeatureSchema struct {
	Name           string                        `json:"name,omitempty"`
	Type           string                        `json:"type,omitempty"`
	Project        string                        `json:"project,omitempty" doc:"Of new flags; by default the project default"`
	Description    *string                       `json:"description,omitempty" nullable:"true"`
	Stale          bool                          `json:"stale,omitempty"`
	ImpressionData bool                          `json:"impressionData,omitempty"`
	Enabled        *bool                         `json:"enabled,omitempty"`
	Strategies     []CreateFeatureStrategySchema `json:"strategies,omitempty" maxItems:"30"`
}

// Legacy are the headers of operations that are there for old clients only.
type Legacy struct {
	Deprecation string `header:"Deprecation" doc:"When the operation was deprecated (RFC 9745)"`
	Link        string `header:"Link" doc:"What to use instead"`
}

type (
	listLegacyInput struct {
		Project string `query:"project" doc:"Only flags of this project"`
	}
	listLegacyOutput struct {
		Legacy
		Body LegacyFeaturesSchema
	}
	legacyInput struct {
		Name string `path:"featureName" doc:"The flag's name"`
	}
	legacyOutput struct {
		Legacy
		Body LegacyFeatureSchema
	}
	emptyLegacyOutput struct{ Legacy }
	createLegacyInput struct{ Body WriteLegacyFeatureSchema }
	updateLegacyInput struct {
		Name string `path:"featureName" doc:"The flag's name"`
		Body WriteLegacyFeatureSchema
	}
)

// legacy says since when the operations are deprecated, and what replaces them.
var legacy = Legacy{Deprecation: "@1635724800", Link: `</api/admin/projects/{projectId}/features>; rel="successor-version"`}

// registerLegacyFeatures registers the operations of Unleash 4, from before there were environments. Paths have no project:
// the control functions ask for the permissions in the flag's own.
func (a *API) registerLegacyFeatures() {
	const tag, ok = "Features", http.StatusOK
	const features, one = "/features", "/features/{featureName}"
	read(a, access.Anyone, op(get, features, "getAllToggles", tag, deprecated), a.listLegacy)
	write(a, access.Anyone, op(post, features, "createLegacyFeature", tag, deprecated, mayBeNotFound, status(http.StatusCreated)), a.createLegacy)
	read(a, access.Anyone, op(get, one, "getLegacyFeature", tag, deprecated), a.getLegacy)
	write(a, access.Anyone, op(put, one, "updateLegacyFeature", tag, deprecated), a.updateLegacy)
	write(a, access.Anyone, op(remove, one, "archiveLegacyFeature", tag, deprecated, status(ok)), a.archiveLegacy)
	write(a, access.Anyone, op(post, one+"/toggle", "toggleLegacyFeature", tag, deprecated, status(ok)), a.toggleLegacy(nil))
	for on, word := range map[bool]string{true: "On", false: "Off"} {
		path := map[bool]string{true: "/on", false: "/off"}[on]
		write(a, access.Anyone, op(post, one+"/toggle"+path, "toggleLegacyFeature"+word, tag, deprecated, status(ok)), a.toggleLegacy(&on))
		write(a, access.Anyone, op(post, one+"/stale"+path, "staleLegacyFeature"+word, tag, deprecated, status(ok)), a.staleLegacy(on))
	}
}

func (a *API) listLegacy(ctx context.Context, in *listLegacyInput) (*listLegacyOutput, error) {
	params := queries.FeatureLegacyListParams{Environment: feature.LegacyEnvironment, Max: maxListed}
	if in.Project != "" {
		params.Project = &in.Project
	}
	rows, err := q.FeatureLegacyList(ctx, a.pool, params)
	if err != nil {
		return nil, err
	}
	out := &listLegacyOutput{legacy, LegacyFeaturesSchema{Version: 1, Features: make([]LegacyFeatureSchema, len(rows))}}
	for i, row := range rows {
		if out.Body.Features[i], err = legacyFeatureSchema(row); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (a *API) getLegacy(ctx context.Context, in *legacyInput) (*legacyOutput, error) {
	return legacyFeature(ctx, a.pool, in.Name)
}

func (a *API) createLegacy(ctx context.Context, tx pgx.Tx, in *createLegacyInput) (*legacyOutput, error) {
	b := in.Body
	err := feature.CreateLegacy(ctx, tx, feature.New{
		Project: cmp.Or(b.Project, project.Default), Name: b.Name, Type: b.Type, Description: b.Description, ImpressionData: b.ImpressionData,
	}, b.Stale, b.state())
	if err != nil {
		return nil, err
	}
	return legacyFeature(ctx, tx, b.Name)
}

func (a *API) updateLegacy(ctx context.Context, tx pgx.Tx, in *updateLegacyInput) (*legacyOutput, error) {
	b := in.Body
	err := feature.UpdateLegacy(ctx, tx, in.Name, feature.Properties{
		Type: cmp.Or(b.Type, feature.DefaultType), Description: b.Description, Stale: b.Stale, ImpressionData: b.ImpressionData,
	}, b.state())
	if err != nil {
		return nil, err
	}
	return legacyFeature(ctx, tx, in.Name)
}

func (a *API) archiveLegacy(ctx context.Context, tx pgx.Tx, in *legacyInput) (*emptyLegacyOutput, error) {
	project, err := feature.ProjectOf(ctx, tx, in.Name, access.DeleteFeature, "")
	if err != nil {
		return nil, err
	}
	return &emptyLegacyOutput{legacy}, feature.ArchiveOne(ctx, tx, project, in.Name)
}

func (a *API) toggleLegacy(enabled *bool) func(context.Context, pgx.Tx, *legacyInput) (*legacyOutput, error) {
	return func(ctx context.Context, tx pgx.Tx, in *legacyInput) (*legacyOutput, error) {
		if err := feature.ToggleLegacy(ctx, tx, in.Name, enabled); err != nil {
			return nil, err
		}
		return legacyFeature(ctx, tx, in.Name)
	}
}

func (a *API) staleLegacy(stale bool) func(context.Context, pgx.Tx, *legacyInput) (*legacyOutput, error) {
	return func(ctx context.Context, tx pgx.Tx, in *legacyInput) (*legacyOutput, error) {
		project, err := feature.ProjectOf(ctx, tx, in.Name, access.UpdateFeature, "")
		if err != nil {
			return nil, err
		}
		if err := feature.SetStale(ctx, tx, project, []string{in.Name}, stale); err != nil {
			return nil, err
		}
		return legacyFeature(ctx, tx, in.Name)
	}
}

func legacyFeature(ctx context.Context, db queries.DBTX, name string) (*legacyOutput, error) {
	rows, err := q.FeatureLegacyList(ctx, db, queries.FeatureLegacyListParams{Environment: feature.LegacyEnvironment, Name: &name, Max: 1})
	switch {
	case err != nil:
		return nil, err
	case len(rows) == 0:
		return nil, fault.New(fault.NotFound, "Could not find feature flag with name %s", name)
	}
	schema, err := legacyFeatureSchema(rows[0])
	return &legacyOutput{legacy, schema}, err
}

func legacyFeatureSchema(row queries.FeatureLegacyListRow) (LegacyFeatureSchema, error) {
	schema := LegacyFeatureSchema{FeatureSchema: featureSchema(row.Feature), Enabled: row.Enabled}
	if err := json.Unmarshal(row.Strategies, &schema.Strategies); err != nil {
		return schema, fmt.Errorf("decode strategies: %w", err)
	}
	if err := json.Unmarshal(row.Variants, &schema.Variants); err != nil {
		return schema, fmt.Errorf("decode variants: %w", err)
	}
	return schema, nil
}

func (s WriteLegacyFeatureSchema) state() feature.LegacyState {
	state := feature.LegacyState{Enabled: s.Enabled}
	if s.Strategies != nil {
		state.Strategies = make([]feature.StrategyInput, len(s.Strategies))
	}
	for i, strategy := range s.Strategies {
		state.Strategies[i] = strategy.input()
	}
	return state
}

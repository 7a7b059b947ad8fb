package admin

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/featuretype"
	"github.com/pennonhq/pennon/queries"
)

// FeatureTypeSchema is a kind of flag.
type FeatureTypeSchema struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Description  string `json:"description"`
	LifetimeDays *int32 `json:"lifetimeDays" nullable:"true" doc:"After how many days it may be stale; null: never"`
}

// FeatureTypesSchema is a list of kinds of flags.
type FeatureTypesSchema struct {
	Version int                 `json:"version"`
	Types   []FeatureTypeSchema `json:"types" nullable:"false"`
}

// UpdateFeatureTypeLifetimeSchema changes how long flags of a type are expected to live.
type UpdateFeatureTypeLifetimeSchema struct {
	LifetimeDays *int32 `json:"lifetimeDays" nullable:"true" minimum:"0" maximum:"2147483647"`
}

type (
	featureTypesOutput  struct{ Body FeatureTypesSchema }
	featureTypeOutput   struct{ Body FeatureTypeSchema }
	updateLifetimeInput struct {
		ID   string `path:"id"`
		Body UpdateFeatureTypeLifetimeSchema
	}
)

func (a *API) registerFeatureTypes() {
	const tag = "Feature Types"
	read(a, access.Anyone, op(get, "/feature-types", "getAllFeatureTypes", tag), a.featureTypes)
	write(a, access.Admin, op(put, "/feature-types/{id}/lifetime", "updateFeatureTypeLifetime", tag), a.updateFeatureTypeLifetime)
}

func (a *API) featureTypes(ctx context.Context, _ *struct{}) (*featureTypesOutput, error) {
	rows, err := q.FeatureTypeList(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	out := &featureTypesOutput{Body: FeatureTypesSchema{Version: 1, Types: []FeatureTypeSchema{}}}
	for _, row := range rows {
		out.Body.Types = append(out.Body.Types, featureTypeSchema(row))
	}
	return out, nil
}

func (a *API) updateFeatureTypeLifetime(ctx context.Context, tx pgx.Tx, in *updateLifetimeInput) (*featureTypeOutput, error) {
	row, err := featuretype.SetLifetime(ctx, tx, in.ID, in.Body.LifetimeDays)
	return &featureTypeOutput{Body: featureTypeSchema(row)}, err
}

func featureTypeSchema(row queries.FeatureType) FeatureTypeSchema { return FeatureTypeSchema(row) }

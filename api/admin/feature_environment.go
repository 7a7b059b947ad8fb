package admin

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/queries"
)

// FeatureEnvironmentSchema is a flag in one environment. Name is the environment's within a flag, and the flag's when the
// environment was asked for alone.
type FeatureEnvironmentSchema struct {
	Name        string                  `json:"name"`
	Environment string                  `json:"environment,omitempty"`
	LastSeenAt  *api.Time               `json:"lastSeenAt" nullable:"true"`
	Enabled     bool                    `json:"enabled"`
	Yes         *int64                  `json:"yes,omitempty" doc:"Evaluations to on in the last hour"`
	No          *int64                  `json:"no,omitempty" doc:"Evaluations to off in the last hour"`
	Type        string                  `json:"type,omitempty"`
	SortOrder   *int32                  `json:"sortOrder,omitempty"`
	Variants    []VariantSchema         `json:"variants,omitempty"`
	Strategies  []FeatureStrategySchema `json:"strategies"`
}

// BulkToggleFeaturesSchema names flags of one project.
type BulkToggleFeaturesSchema struct {
	Features []string `json:"features" maxItems:"5000"`
}

// PlacePath is the path of a flag in an environment.
type PlacePath struct {
	FeaturePath
	Environment string `path:"environment" doc:"The environment's name"`
}

func (p PlacePath) place() feature.Place {
	return feature.Place{Project: p.Project, Feature: p.Name, Environment: p.Environment}
}

type (
	placeInput struct {
		PlacePath
	}
	enableInput struct {
		PlacePath
		ActivateDisabled bool `query:"shouldActivateDisabledStrategies" doc:"Enables disabled strategies instead of adding one"`
	}
	bulkToggleInput struct {
		ProjectPath
		Environment      string `path:"environment" doc:"The environment's name"`
		ActivateDisabled bool   `query:"shouldActivateDisabledStrategies" doc:"Enables disabled strategies instead of adding one"`
		Body             BulkToggleFeaturesSchema
	}
	featureEnvironmentOutput struct{ Body FeatureEnvironmentSchema }
)

func (a *API) registerFeatureEnvironments() {
	const tag, ok = "Features", http.StatusOK
	const one = "/projects/{projectId}/features/{featureName}/environments/{environment}"
	const bulk = "/projects/{projectId}/bulk_features/environments/{environment}"
	const may = access.UpdateFeatureEnvironment
	read(a, access.Anyone, op(get, one, "getFeatureEnvironment", tag), a.getFeatureEnvironment)
	write(a, may, op(post, one+"/on", "toggleFeatureEnvironmentOn", tag, status(ok)), a.toggleFeatureEnvironmentOn)
	write(a, may, op(post, one+"/off", "toggleFeatureEnvironmentOff", tag, status(ok)), a.toggleFeatureEnvironmentOff)
	write(a, may, op(post, bulk+"/on", "bulkToggleFeaturesEnvironmentOn", tag, status(ok)), a.bulkToggleOn)
	write(a, may, op(post, bulk+"/off", "bulkToggleFeaturesEnvironmentOff", tag, status(ok)), a.bulkToggleOff)
}

func (a *API) getFeatureEnvironment(ctx context.Context, in *placeInput) (*featureEnvironmentOutput, error) {
	enabled, strategies, err := feature.State(ctx, a.pool, in.place())
	body := FeatureEnvironmentSchema{Name: in.Name, Environment: in.Environment, Enabled: enabled, Strategies: []FeatureStrategySchema{}}
	for _, s := range strategies {
		schema := featureStrategySchema(s)
		schema.FeatureName = in.Name
		body.Strategies = append(body.Strategies, schema)
	}
	return &featureEnvironmentOutput{body}, err
}

func (a *API) toggleFeatureEnvironmentOn(ctx context.Context, tx pgx.Tx, in *enableInput) (*struct{}, error) {
	return nil, feature.Enable(ctx, tx, in.place(), in.ActivateDisabled)
}

func (a *API) toggleFeatureEnvironmentOff(ctx context.Context, tx pgx.Tx, in *placeInput) (*struct{}, error) {
	return nil, feature.Disable(ctx, tx, in.place())
}

func (a *API) bulkToggleOn(ctx context.Context, tx pgx.Tx, in *bulkToggleInput) (*struct{}, error) {
	return nil, feature.EnableAll(ctx, tx, in.Project, in.Body.Features, in.Environment, in.ActivateDisabled)
}

func (a *API) bulkToggleOff(ctx context.Context, tx pgx.Tx, in *bulkToggleInput) (*struct{}, error) {
	return nil, feature.DisableAll(ctx, tx, in.Project, in.Body.Features, in.Environment)
}

// featureEnvironmentOf shows an environment within its flag.
func featureEnvironmentOf(
	row queries.FeatureEnvironmentListRow, strategies []FeatureStrategySchema, asked queries.FeatureUsageLastHourRow,
) FeatureEnvironmentSchema {
	if strategies == nil {
		strategies = []FeatureStrategySchema{}
	}
	return FeatureEnvironmentSchema{
		Name: row.Name, LastSeenAt: api.AtOrNil(row.LastSeenAt), Enabled: row.Enabled, Yes: &asked.Yes, No: &asked.No, Type: row.Type,
		SortOrder: &row.SortOrder, Strategies: strategies,
	}
}

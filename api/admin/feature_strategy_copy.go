package admin

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
)

// CopyFeatureStrategiesSchema says where to copy strategies from.
type CopyFeatureStrategiesSchema struct {
	FromEnvironment string `json:"fromEnvironment" doc:"The environment whose strategies are copied"`
	Replace         bool   `json:"replace,omitempty" doc:"Removes the strategies that are there now; otherwise the copies come after them"`
}

type (
	copyStrategiesInput struct {
		FeaturePath
		Environment string `path:"environment" doc:"The environment to copy to"`
		Body        CopyFeatureStrategiesSchema
	}
	copyStrategiesOutput struct{ Body []FeatureStrategySchema }
)

// Unleash has no such operation: its UI adds one strategy after the other.
func (a *API) registerFeatureStrategyCopy() {
	const path = "/projects/{projectId}/features/{featureName}/environments/{environment}/strategies/copy"
	write(a, access.CreateFeatureStrategy, op(post, path, "copyFeatureStrategies", "Features", status(http.StatusOK)), a.copyStrategies)
}

func (a *API) copyStrategies(ctx context.Context, tx pgx.Tx, in *copyStrategiesInput) (*copyStrategiesOutput, error) {
	target := feature.Place{Project: in.Project, Feature: in.Name, Environment: in.Environment}
	strategies, err := feature.CopyStrategies(ctx, tx, target, in.Body.FromEnvironment, in.Body.Replace)
	out := &copyStrategiesOutput{make([]FeatureStrategySchema, len(strategies))}
	for i, s := range strategies {
		out.Body[i] = featureStrategySchema(s)
	}
	return out, err
}

package admin

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/environment"
)

// CloneEnvironmentSchema describes a copy of an environment.
type CloneEnvironmentSchema struct {
	Name             string   `json:"name"`
	Type             string   `json:"type"`
	Projects         []string `json:"projects,omitzero" maxItems:"10000" doc:"Which projects use it; all that use the original when left out or *"`
	ClonePermissions *bool    `json:"clonePermissions,omitempty" doc:"Permissions in single environments do not exist yet, so there is nothing to copy"`
}

type cloneEnvironmentInput struct {
	EnvironmentPath
	Body CloneEnvironmentSchema
}

func (a *API) registerEnvironmentClone() {
	write(a, access.Admin, op(post, "/environments/{name}/clone", "cloneEnvironment", "Environments", status(http.StatusOK)), a.cloneEnvironment)
}

func (a *API) cloneEnvironment(ctx context.Context, tx pgx.Tx, in *cloneEnvironmentInput) (*environmentOutput, error) {
	row, err := environment.Clone(ctx, tx, in.Name, environment.CloneInput{
		Name: in.Body.Name, Type: in.Body.Type, Projects: in.Body.Projects,
	})
	if err != nil {
		return nil, err
	}
	schema, err := environmentNamed(ctx, tx, row.Name)
	return &environmentOutput{Body: schema}, err
}

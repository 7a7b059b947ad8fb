package admin

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
)

// ChangeProjectSchema names the project that a flag is to move to.
type ChangeProjectSchema struct {
	NewProjectID string `json:"newProjectId"`
}

type changeProjectInput struct {
	FeaturePath
	Body ChangeProjectSchema
}

func (a *API) registerFeatureMove() {
	const path = "/projects/{projectId}/features/{featureName}/changeProject"
	// The control function asks for the permission in the new project too.
	write(a, access.MoveFeature, op(post, path, "changeProject", "Features", status(http.StatusOK)), a.changeProject)
}

func (a *API) changeProject(ctx context.Context, tx pgx.Tx, in *changeProjectInput) (*struct{}, error) {
	return nil, feature.Move(ctx, tx, in.Project, in.Name, in.Body.NewProjectID)
}

package admin

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/project"
)

// UpdateProjectEnterpriseSettingsSchema changes a project's settings. What is left out stays.
type UpdateProjectEnterpriseSettingsSchema struct {
	Mode          string                            `json:"mode,omitempty" enum:"open,protected,private"`
	FeatureNaming *CreateFeatureNamingPatternSchema `json:"featureNaming,omitempty"`
}

// CreateFeatureNamingPatternSchema is what the names of a project's new flags must look like.
type CreateFeatureNamingPatternSchema struct {
	Pattern     *string `json:"pattern" nullable:"true" doc:"RE2, for the whole name; null: any name"`
	Example     *string `json:"example,omitempty" nullable:"true"`
	Description *string `json:"description,omitempty" nullable:"true"`
}

type updateProjectSettingsInput struct {
	ProjectPath
	Body UpdateProjectEnterpriseSettingsSchema
}

func (a *API) registerProjectSettings() {
	writing := access.OneOf(access.UpdateProject, access.WriteProjectSettings)
	write(a, writing, op(put, "/projects/{projectId}/settings", "updateProjectEnterpriseSettings", "Projects", status(http.StatusOK)),
		a.updateProjectSettings)
}

func (a *API) updateProjectSettings(ctx context.Context, tx pgx.Tx, in *updateProjectSettingsInput) (*struct{}, error) {
	return nil, project.UpdateSettings(ctx, tx, in.Project, project.Settings{Mode: in.Body.Mode, Naming: in.Body.FeatureNaming.naming()})
}

func (s *CreateFeatureNamingPatternSchema) naming() *project.Naming {
	if s == nil {
		return nil
	}
	return &project.Naming{Pattern: orEmpty(s.Pattern), Example: orEmpty(s.Example), Description: orEmpty(s.Description)}
}

func namingSchema(n project.Naming) *CreateFeatureNamingPatternSchema {
	if n.Pattern == "" {
		return nil
	}
	return &CreateFeatureNamingPatternSchema{Pattern: &n.Pattern, Example: &n.Example, Description: &n.Description}
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

package admin

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/control/project"
)

// UpdateProjectEnterpriseSettingsSchema changes a project's settings. What is left out stays.
type UpdateProjectEnterpriseSettingsSchema struct {
	Mode          string                            `json:"mode,omitempty" enum:"open,protected,private"`
	FeatureNaming *CreateFeatureNamingPatternSchema `json:"featureNaming,omitempty"`
	LinkTemplates *[]ProjectLinkTemplateSchema      `json:"linkTemplates,omitempty" nullable:"false" doc:"Links that new flags of the project get"`
}

// ProjectLinkTemplateSchema is a link that new flags of a project get.
type ProjectLinkTemplateSchema struct {
	Title       *string `json:"title" required:"false" nullable:"true"`
	URLTemplate string  `json:"urlTemplate" doc:"An http or https URL in which {{project}} and {{feature}} stand for their names" example:"https://issues.example.com/{{project}}/{{feature}}"`
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
	settings := project.Settings{Mode: in.Body.Mode, Naming: in.Body.FeatureNaming.naming()}
	if in.Body.LinkTemplates != nil {
		templates := make([]feature.LinkTemplate, len(*in.Body.LinkTemplates))
		for i, s := range *in.Body.LinkTemplates {
			templates[i] = feature.LinkTemplate{Title: s.Title, URL: s.URLTemplate}
		}
		settings.LinkTemplates = &templates
	}
	return nil, project.UpdateSettings(ctx, tx, in.Project, settings)
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

func linkTemplateSchemas(stored json.RawMessage) ([]ProjectLinkTemplateSchema, error) {
	templates, err := project.LinkTemplates(stored)
	schemas := make([]ProjectLinkTemplateSchema, len(templates))
	for i, t := range templates {
		schemas[i] = ProjectLinkTemplateSchema{Title: t.Title, URLTemplate: t.URL}
	}
	return schemas, err
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

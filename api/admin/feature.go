package admin

import (
	"cmp"
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// maxListed bounds lists of flags. It is far above feature.MaxFeatures, which imports and plain SQL may pass.
const maxListed = 100_000

// CreateFeatureSchema describes a flag to create.
type CreateFeatureSchema struct {
	Name           string      `json:"name" doc:"URL friendly, at most 100 characters, unique over all projects"`
	Type           string      `json:"type,omitempty" doc:"experiment, kill-switch, release (default), operational, permission or sunset"`
	Description    *string     `json:"description,omitempty" nullable:"true"`
	ImpressionData bool        `json:"impressionData,omitempty" doc:"SDKs report each evaluation of the flag"`
	Tags           []TagSchema `json:"tags,omitempty"`
}

// UpdateFeatureSchema replaces what can be changed of a flag. What it leaves out goes back to its default.
type UpdateFeatureSchema struct {
	Description    *string `json:"description,omitempty" nullable:"true"`
	Type           string  `json:"type,omitempty" doc:"experiment, kill-switch, release (default), operational, permission or sunset"`
	Stale          bool    `json:"stale,omitempty"`
	Archived       bool    `json:"archived,omitempty" doc:"Archives the flag; false does not revive it"`
	ImpressionData bool    `json:"impressionData,omitempty"`
}

// CloneFeatureSchema names the copy of a flag.
type CloneFeatureSchema struct {
	Name           string `json:"name" doc:"URL friendly, at most 100 characters, unique over all projects"`
	ReplaceGroupID *bool  `json:"replaceGroupId,omitempty" doc:"Uses the new name as the group id of the copied strategies; default true"`
}

// ValidateFeatureSchema is a name to check.
type ValidateFeatureSchema struct {
	Name      string  `json:"name"`
	ProjectID *string `json:"projectId,omitempty" nullable:"true" doc:"Checks the naming pattern of this project too"`
}

// FeatureSchema is a flag. What follows archivedAt comes with a single flag only.
type FeatureSchema struct {
	Name           string     `json:"name"`
	Description    *string    `json:"description" nullable:"true"`
	Type           string     `json:"type"`
	Project        string     `json:"project"`
	Stale          bool       `json:"stale"`
	CreatedAt      api.Time   `json:"createdAt"`
	ImpressionData bool       `json:"impressionData"`
	Archived       bool       `json:"archived"`
	ArchivedAt     *api.Time  `json:"archivedAt,omitempty"`
	Favorite       *bool      `json:"favorite,omitempty"`
	CreatedBy      *UserBrief `json:"createdBy,omitempty"`

	Environments  []FeatureEnvironmentSchema   `json:"environments,omitzero"`
	Dependencies  []DependentFeatureSchema     `json:"dependencies,omitzero"`
	Children      []string                     `json:"children,omitzero"`
	Tags          []TagSchema                  `json:"tags,omitzero"`
	Links         []FeatureLinkBrief           `json:"links,omitzero"`
	Collaborators *FeatureCollaboratorsSchema  `json:"collaborators,omitempty"`
	Lifecycle     *FeatureLifecycleStageSchema `json:"lifecycle,omitempty"`
}

// FeatureLinkBrief is a link kept with a flag.
type FeatureLinkBrief struct {
	ID      string  `json:"id"`
	URL     string  `json:"url"`
	Title   *string `json:"title" required:"false" nullable:"true"`
	Feature string  `json:"feature" required:"false"`
}

// FeatureCollaboratorsSchema lists who worked on a flag.
type FeatureCollaboratorsSchema struct {
	Users []UserBrief `json:"users"`
}

// TagSchema labels a flag.
type TagSchema struct {
	Type  string `json:"type" minLength:"2" maxLength:"50"`
	Value string `json:"value" minLength:"2" maxLength:"50"`
}

// ProjectPath is the path of what a project holds. It is exported because huma looks into exported fields only.
type ProjectPath struct {
	Project string `path:"projectId" doc:"The project's id"`
}

// FeaturePath is the path of a flag.
type FeaturePath struct {
	ProjectPath
	Name string `path:"featureName" doc:"The flag's name"`
}

type (
	createFeatureInput struct {
		ProjectPath
		Body CreateFeatureSchema
	}
	featureInput struct {
		FeaturePath
	}
	updateFeatureInput struct {
		FeaturePath
		Body UpdateFeatureSchema
	}
	patchFeatureInput struct {
		FeaturePath
		Body PatchesSchema
	}
	cloneFeatureInput struct {
		FeaturePath
		Body CloneFeatureSchema
	}
	validateFeatureInput struct{ Body ValidateFeatureSchema }
	featureOutput        struct{ Body FeatureSchema }
)

func (a *API) registerFeatures() {
	const features, tag = "/projects/{projectId}/features", "Features"
	const one = features + "/{featureName}"
	read(a, access.Anyone, op(get, features, "getFeatures", tag), a.getFeatures)
	write(a, access.CreateFeature, op(post, features, "createFeature", tag, status(http.StatusCreated)), a.createFeature)
	read(a, access.Anyone, op(get, one, "getFeature", tag), a.getFeature)
	write(a, access.UpdateFeature, op(put, one, "updateFeature", tag), a.updateFeature)
	write(a, access.UpdateFeature, op(patch, one, "patchFeature", tag), a.patchFeature)
	write(a, access.CreateFeature, op(post, one+"/clone", "cloneFeature", tag, status(http.StatusCreated)), a.cloneFeature)
	read(a, access.Anyone, op(post, "/features/validate", "validateFeature", tag, status(http.StatusOK)), a.validateFeature)
}

func (a *API) createFeature(ctx context.Context, tx pgx.Tx, in *createFeatureInput) (*featureOutput, error) {
	row, err := feature.Create(ctx, tx, feature.New{
		Project: in.Project, Name: in.Body.Name, Type: in.Body.Type, Description: in.Body.Description,
		ImpressionData: in.Body.ImpressionData, Tags: tagsOf(in.Body.Tags),
	})
	return &featureOutput{featureSchema(row)}, err
}

func (a *API) updateFeature(ctx context.Context, tx pgx.Tx, in *updateFeatureInput) (*featureOutput, error) {
	row, err := feature.Update(ctx, tx, in.Project, in.Name, func(p *feature.Properties) error {
		*p = in.Body.properties()
		return nil
	})
	return &featureOutput{featureSchema(row)}, err
}

func (a *API) patchFeature(ctx context.Context, tx pgx.Tx, in *patchFeatureInput) (*featureOutput, error) {
	row, err := feature.Update(ctx, tx, in.Project, in.Name, func(p *feature.Properties) error {
		before := patchableFeature{
			Name: in.Name, Project: in.Project, Type: p.Type, Description: p.Description, Stale: p.Stale, ImpressionData: p.ImpressionData,
		}
		after, err := applyPatch(before, in.Body)
		if err != nil {
			return err
		}
		return after.apply(before, p)
	})
	return &featureOutput{featureSchema(row)}, err
}

func (a *API) cloneFeature(ctx context.Context, tx pgx.Tx, in *cloneFeatureInput) (*featureOutput, error) {
	replaceGroupID := in.Body.ReplaceGroupID == nil || *in.Body.ReplaceGroupID
	row, err := feature.Clone(ctx, tx, in.Project, in.Name, in.Body.Name, replaceGroupID)
	return &featureOutput{featureSchema(row)}, err
}

func (a *API) validateFeature(ctx context.Context, in *validateFeatureInput) (*struct{}, error) {
	project := ""
	if in.Body.ProjectID != nil {
		project = *in.Body.ProjectID
	}
	return nil, feature.CheckName(ctx, a.pool, in.Body.Name, project)
}

func (s UpdateFeatureSchema) properties() feature.Properties {
	return feature.Properties{
		Type: cmp.Or(s.Type, feature.DefaultType), Description: s.Description, Stale: s.Stale, ImpressionData: s.ImpressionData, Archived: s.Archived,
	}
}

// patchableFeature is the document that a patch of a flag applies to.
type patchableFeature struct {
	Name           string  `json:"name"`
	Project        string  `json:"project"`
	Type           string  `json:"type"`
	Description    *string `json:"description"`
	Stale          bool    `json:"stale"`
	ImpressionData bool    `json:"impressionData"`
	Archived       bool    `json:"archived"`
}

func (s patchableFeature) apply(before patchableFeature, p *feature.Properties) error {
	if s.Name != before.Name || s.Project != before.Project {
		return fault.New(fault.Invalid, "A patch cannot change the name or the project of a feature.")
	}
	*p = feature.Properties{
		Type: s.Type, Description: s.Description, Stale: s.Stale, ImpressionData: s.ImpressionData, Archived: s.Archived,
	}
	return nil
}

// featureSchema shows a row without its environments.
func featureSchema(row queries.Feature) FeatureSchema {
	return FeatureSchema{
		Name: row.Name, Description: row.Description, Type: row.Type, Project: row.Project, Stale: row.Stale,
		CreatedAt: api.At(row.CreatedAt), ImpressionData: row.ImpressionData,
		Archived: row.ArchivedAt != nil, ArchivedAt: api.AtOrNil(row.ArchivedAt),
	}
}

func tagsOf(schemas []TagSchema) []feature.Tag {
	tags := make([]feature.Tag, len(schemas))
	for i, s := range schemas {
		tags[i] = feature.Tag(s)
	}
	return tags
}

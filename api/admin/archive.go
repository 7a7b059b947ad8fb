package admin

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/queries"
)

// ArchivedFeaturesSchema lists archived flags.
type ArchivedFeaturesSchema struct {
	Version  int             `json:"version"`
	Features []FeatureSchema `json:"features"`
}

type (
	archivedFeatureInput struct {
		Name string `path:"featureName" doc:"The flag's name"`
	}
	archivedFeaturesOutput struct{ Body ArchivedFeaturesSchema }
)

// The two lists are those of Unleash up to 6; later ones have no list of archived flags but search.
func (a *API) registerArchive() {
	const tag, ok = "Archive", http.StatusOK
	const archive = "/archive"
	read(a, access.Anyone, op(get, archive+"/features", "getArchivedFeatures", tag), a.getArchivedFeatures)
	read(a, access.Anyone, op(get, archive+"/features/{projectId}", "getArchivedFeaturesByProjectId", tag), a.getProjectArchive)
	const one = "/projects/{projectId}/features/{featureName}"
	write(a, access.DeleteFeature, op(remove, one, "archiveFeature", "Features", status(http.StatusAccepted)), a.archiveFeature)
	// These paths name no project: the control functions ask for the permission in the flag's own.
	write(a, access.Anyone, op(post, archive+"/revive/{featureName}", "reviveFeature", tag, status(ok)), a.reviveFeature)
	write(a, access.Anyone, op(remove, archive+"/{featureName}", "deleteFeature", tag, status(ok)), a.deleteFeature)
}

func (a *API) getArchivedFeatures(ctx context.Context, _ *struct{}) (*archivedFeaturesOutput, error) {
	return a.archived(ctx, nil)
}

func (a *API) getProjectArchive(ctx context.Context, in *featureProjectInput) (*archivedFeaturesOutput, error) {
	return a.archived(ctx, &in.Project)
}

func (a *API) archived(ctx context.Context, project *string) (*archivedFeaturesOutput, error) {
	rows, err := q.FeatureListArchived(ctx, a.pool, queries.FeatureListArchivedParams{Project: project, Max: maxListed})
	out := &archivedFeaturesOutput{ArchivedFeaturesSchema{Version: 2, Features: make([]FeatureSchema, len(rows))}}
	for i, row := range rows {
		out.Body.Features[i] = featureSchema(row)
	}
	return out, err
}

func (a *API) archiveFeature(ctx context.Context, tx pgx.Tx, in *featureInput) (*struct{}, error) {
	return nil, feature.ArchiveOne(ctx, tx, in.Project, in.Name)
}

func (a *API) reviveFeature(ctx context.Context, tx pgx.Tx, in *archivedFeatureInput) (*struct{}, error) {
	return nil, feature.ReviveByName(ctx, tx, in.Name)
}

func (a *API) deleteFeature(ctx context.Context, tx pgx.Tx, in *archivedFeatureInput) (*struct{}, error) {
	return nil, feature.DeleteByName(ctx, tx, in.Name)
}

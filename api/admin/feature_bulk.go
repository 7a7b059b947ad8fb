package admin

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
)

// BatchFeaturesSchema names flags of one project.
type BatchFeaturesSchema struct {
	Features []string `json:"features" maxItems:"5000"`
}

// BatchStaleSchema marks flags of one project as stale or not.
type BatchStaleSchema struct {
	Features []string `json:"features" maxItems:"5000"`
	Stale    bool     `json:"stale"`
}

// ValidateArchiveFeaturesSchema says what archiving flags would meet.
type ValidateArchiveFeaturesSchema struct {
	ParentsWithChildFeatures []string `json:"parentsWithChildFeatures" doc:"Flags that others depend on, which stand against it"`
	HasDeletedDependencies   bool     `json:"hasDeletedDependencies" doc:"Dependencies would be removed"`
}

type (
	batchInput struct {
		ProjectPath
		Body BatchFeaturesSchema
	}
	batchStaleInput struct {
		ProjectPath
		Body BatchStaleSchema
	}
	validateArchiveOutput struct{ Body ValidateArchiveFeaturesSchema }
)

// A batch is done as a whole or not at all.
func (a *API) registerFeatureBulk() {
	const tag, ok, accepted = "Features", http.StatusOK, http.StatusAccepted
	const project = "/projects/{projectId}"
	write(a, access.DeleteFeature, op(post, project+"/archive", "archiveFeatures", tag, status(accepted)), a.archiveFeatures)
	read(a, access.DeleteFeature, op(post, project+"/archive/validate", "validateArchiveFeatures", tag, status(ok)), a.validateArchive)
	write(a, access.UpdateFeature, op(post, project+"/revive", "reviveFeatures", "Archive", status(ok)), a.reviveFeatures)
	write(a, access.DeleteFeature, op(post, project+"/delete", "deleteFeatures", "Archive", status(ok)), a.deleteFeatures)
	write(a, access.UpdateFeature, op(post, project+"/stale", "staleFeatures", tag, status(accepted)), a.staleFeatures)
}

func (a *API) archiveFeatures(ctx context.Context, tx pgx.Tx, in *batchInput) (*struct{}, error) {
	return nil, feature.Archive(ctx, tx, in.Project, in.Body.Features)
}

func (a *API) validateArchive(ctx context.Context, in *batchInput) (*validateArchiveOutput, error) {
	check, err := feature.CheckArchive(ctx, a.pool, in.Body.Features)
	return &validateArchiveOutput{ValidateArchiveFeaturesSchema{
		ParentsWithChildFeatures: check.ParentsWithChildren, HasDeletedDependencies: check.DeletesDependencies,
	}}, err
}

func (a *API) reviveFeatures(ctx context.Context, tx pgx.Tx, in *batchInput) (*struct{}, error) {
	return nil, feature.Revive(ctx, tx, in.Project, in.Body.Features)
}

func (a *API) deleteFeatures(ctx context.Context, tx pgx.Tx, in *batchInput) (*struct{}, error) {
	return nil, feature.Delete(ctx, tx, in.Project, in.Body.Features)
}

func (a *API) staleFeatures(ctx context.Context, tx pgx.Tx, in *batchStaleInput) (*struct{}, error) {
	return nil, feature.SetStale(ctx, tx, in.Project, in.Body.Features, in.Body.Stale)
}

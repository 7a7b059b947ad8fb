package admin

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
)

// LinkSchema is a page outside that belongs to a flag.
type LinkSchema struct {
	URL   string  `json:"url" doc:"An http or https URL" example:"https://issues.example/42"`
	Title *string `json:"title,omitempty" nullable:"true" doc:"Shown instead of the URL"`
}

// LinkPath is the path of a link.
type LinkPath struct {
	FeaturePath
	ID string `path:"linkId" doc:"The link's id"`
}

type (
	createLinkInput struct {
		FeaturePath
		Body LinkSchema
	}
	updateLinkInput struct {
		LinkPath
		Body LinkSchema
	}
)

func (a *API) registerFeatureLinks() {
	const group, none = "Features", http.StatusNoContent
	const link = "/projects/{projectId}/features/{featureName}/link"
	write(a, access.UpdateFeature, op(post, link, "createFeatureLink", group, status(none)), a.createLink)
	write(a, access.UpdateFeature, op(put, link+"/{linkId}", "updateFeatureLink", group, status(none)), a.updateLink)
	write(a, access.UpdateFeature, op(remove, link+"/{linkId}", "deleteFeatureLink", group, status(none)), a.deleteLink)
}

func (a *API) createLink(ctx context.Context, tx pgx.Tx, in *createLinkInput) (*struct{}, error) {
	return nil, feature.AddLink(ctx, tx, in.Project, in.Name, feature.Link(in.Body))
}

func (a *API) updateLink(ctx context.Context, tx pgx.Tx, in *updateLinkInput) (*struct{}, error) {
	return nil, feature.UpdateLink(ctx, tx, in.Project, in.Name, in.ID, feature.Link(in.Body))
}

func (a *API) deleteLink(ctx context.Context, tx pgx.Tx, in *LinkPath) (*struct{}, error) {
	return nil, feature.DeleteLink(ctx, tx, in.Project, in.Name, in.ID)
}

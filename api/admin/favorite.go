package admin

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/control/project"
)

// Favourites are the caller's own, so no permission is asked for.
func (a *API) registerFavorites() {
	const group, ok = "Features", http.StatusOK
	const ofProject, ofFeature = "/projects/{projectId}/favorites", "/projects/{projectId}/features/{featureName}/favorites"
	write(a, access.Anyone, op(post, ofFeature, "addFavoriteFeature", group, status(ok)), a.addFavoriteFeature)
	write(a, access.Anyone, op(remove, ofFeature, "removeFavoriteFeature", group, status(ok)), a.removeFavoriteFeature)
	write(a, access.Anyone, op(post, ofProject, "addFavoriteProject", group, status(ok)), a.addFavoriteProject)
	write(a, access.Anyone, op(remove, ofProject, "removeFavoriteProject", group, status(ok)), a.removeFavoriteProject)
}

func (a *API) addFavoriteFeature(ctx context.Context, tx pgx.Tx, in *featureInput) (*struct{}, error) {
	return nil, feature.Favorite(ctx, tx, in.Project, in.Name)
}

func (a *API) removeFavoriteFeature(ctx context.Context, tx pgx.Tx, in *featureInput) (*struct{}, error) {
	return nil, feature.Unfavorite(ctx, tx, in.Project, in.Name)
}

func (a *API) addFavoriteProject(ctx context.Context, tx pgx.Tx, in *featureProjectInput) (*struct{}, error) {
	return nil, project.Favorite(ctx, tx, in.Project)
}

func (a *API) removeFavoriteProject(ctx context.Context, tx pgx.Tx, in *featureProjectInput) (*struct{}, error) {
	return nil, project.Unfavorite(ctx, tx, in.Project)
}

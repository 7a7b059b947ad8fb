package feature

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// favoriteFlag is what audit events hold of a favourite.
type favoriteFlag struct {
	Feature string `json:"feature"`
}

// Favorer is the id that the favourites of ctx's actor are kept under. Actors that are no users have one too: all admin
// tokens share access.AdminTokenUserID, as in Unleash.
func Favorer(ctx context.Context) (int32, error) {
	id := access.ActorFrom(ctx).UserID
	if id == nil {
		return 0, fault.New(fault.Refused, "Only users and tokens can have favorites.")
	}
	return *id, nil
}

// Favorite makes an active flag a favourite of the actor, and Unfavorite takes it off the list. Neither changes the flag, so
// neither locks it.
func Favorite(ctx context.Context, tx pgx.Tx, project, name string) error {
	row, err := GetActive(ctx, tx, project, name)
	if err != nil {
		return err
	}
	user, err := Favorer(ctx)
	if err != nil {
		return err
	}
	added, err := q.FeatureFavoriteInsert(ctx, tx, queries.FeatureFavoriteInsertParams{UserID: user, Feature: name})
	if err != nil {
		return fmt.Errorf("insert favorite: %w", err)
	}
	if added == 0 {
		return nil
	}
	return appendEvent(ctx, tx, event.FeatureFavorited, row, favoriteFlag{name}, nil)
}

// Unfavorite is the opposite of Favorite. Archived flags can be taken off too.
func Unfavorite(ctx context.Context, tx pgx.Tx, project, name string) error {
	row, err := Get(ctx, tx, project, name)
	if err != nil {
		return err
	}
	user, err := Favorer(ctx)
	if err != nil {
		return err
	}
	dropped, err := q.FeatureFavoriteDelete(ctx, tx, queries.FeatureFavoriteDeleteParams{UserID: user, Feature: name})
	if err != nil {
		return fmt.Errorf("delete favorite: %w", err)
	}
	if dropped == 0 {
		return nil
	}
	return appendEvent(ctx, tx, event.FeatureUnfavorited, row, favoriteFlag{name}, nil)
}

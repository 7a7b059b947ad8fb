package project

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/queries"
)

// favoriteProject is what audit events hold of a favourite.
type favoriteProject struct {
	Project string `json:"project"`
}

// Favorite makes a project a favourite of the actor.
func Favorite(ctx context.Context, tx pgx.Tx, id string) error {
	row, err := Get(ctx, tx, id)
	if err != nil {
		return err
	}
	user, err := feature.Favorer(ctx)
	if err != nil {
		return err
	}
	added, err := q.ProjectFavoriteInsert(ctx, tx, queries.ProjectFavoriteInsertParams{UserID: user, Project: row.ID})
	if err != nil {
		return fmt.Errorf("insert favorite: %w", err)
	}
	if added == 0 {
		return nil
	}
	return event.Append(ctx, tx, event.Event{Type: event.ProjectFavorited, Project: id, Data: favoriteProject{id}})
}

// Unfavorite is the opposite of Favorite.
func Unfavorite(ctx context.Context, tx pgx.Tx, id string) error {
	if _, err := Get(ctx, tx, id); err != nil {
		return err
	}
	user, err := feature.Favorer(ctx)
	if err != nil {
		return err
	}
	dropped, err := q.ProjectFavoriteDelete(ctx, tx, queries.ProjectFavoriteDeleteParams{UserID: user, Project: id})
	if err != nil {
		return fmt.Errorf("delete favorite: %w", err)
	}
	if dropped == 0 {
		return nil
	}
	return event.Append(ctx, tx, event.Event{Type: event.ProjectUnfavorited, Project: id, Data: favoriteProject{id}})
}

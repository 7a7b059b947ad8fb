// Package featuretype changes how long flags of a type are expected to live.
//
// It imports queries, fault and control/event.
package featuretype

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

var q = queries.New()

// description is a feature type as audit events show it.
type description struct {
	ID           string `json:"id"`
	Name         string `json:"name"`
	Description  string `json:"description"`
	LifetimeDays *int32 `json:"lifetimeDays"`
}

// SetLifetime changes after how many days flags of the type may be stale; nil or zero means never.
func SetLifetime(ctx context.Context, tx pgx.Tx, id string, days *int32) (queries.FeatureType, error) {
	before, err := q.FeatureTypeLock(ctx, tx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return before, fault.New(fault.NotFound, "Could not find feature type with id %s", id)
	}
	if err != nil {
		return before, fmt.Errorf("read feature type: %w", err)
	}
	if days != nil && *days == 0 {
		days = nil
	}
	if days != nil && *days < 0 {
		return before, fault.New(fault.Invalid, "The lifetime cannot be negative")
	}
	after, err := q.FeatureTypeLifetimeUpdate(ctx, tx, queries.FeatureTypeLifetimeUpdateParams{ID: id, LifetimeDays: days})
	if err != nil {
		return before, fmt.Errorf("update feature type: %w", err)
	}
	return after, event.Append(ctx, tx, event.Event{
		Type: event.FeatureTypeUpdated, Data: description(after), PreData: description(before),
	})
}

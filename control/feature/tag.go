package feature

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Length of a tag's value, in characters.
const (
	minTagLength = 2
	maxTagLength = 50
)

// addTags labels a locked flag.
func addTags(ctx context.Context, tx pgx.Tx, row queries.Feature, tags []Tag) error {
	if len(tags) > maxTagsPerFeatureRequest {
		return exceeds("tags", maxTagsPerFeatureRequest)
	}
	for _, tag := range tags {
		if err := addTag(ctx, tx, row, tag); err != nil {
			return err
		}
	}
	return nil
}

func addTag(ctx context.Context, tx pgx.Tx, row queries.Feature, tag Tag) error {
	if n := utf8.RuneCountInString(tag.Value); n < minTagLength || n > maxTagLength {
		return invalid(fmt.Sprintf("A tag's value must have %d to %d characters. You provided \"%s\".", minTagLength, maxTagLength, tag.Value))
	}
	known, err := q.FeatureTagTypeExists(ctx, tx, tag.Type)
	if err != nil {
		return fmt.Errorf("read tag type: %w", err)
	}
	if !known {
		return fault.New(fault.Invalid, "Could not find tag type with name %s", tag.Type)
	}
	if err := q.FeatureTagValueEnsure(ctx, tx, queries.FeatureTagValueEnsureParams{Type: tag.Type, Value: tag.Value}); err != nil {
		return fmt.Errorf("insert tag: %w", err)
	}
	added, err := q.FeatureTagInsert(ctx, tx, queries.FeatureTagInsertParams{Feature: row.Name, Type: tag.Type, Value: tag.Value})
	if err != nil {
		return fmt.Errorf("insert feature tag: %w", err)
	}
	if added == 0 {
		return nil
	}
	return appendEvent(ctx, tx, event.FeatureTagged, row, tag, nil)
}

package feature

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Length of a tag's value, in characters.
const (
	minTagLength = 2
	maxTagLength = 50
)

// Tags reads the tags of a flag, archived or not.
func Tags(ctx context.Context, tx queries.DBTX, name string) ([]Tag, error) {
	if _, err := byName(q.FeatureGet(ctx, tx, name)); err != nil {
		return nil, err
	}
	return listTags(ctx, tx, name)
}

// AddTag labels an active flag, wherever it is. One that has the tag already stays as it is.
func AddTag(ctx context.Context, tx pgx.Tx, name string, tag Tag) error {
	return ChangeTags(ctx, tx, name, []Tag{tag}, nil)
}

// ChangeTags labels an active flag, wherever it is, and takes labels away, in this order. The caller needs the permission
// in the flag's project.
func ChangeTags(ctx context.Context, tx pgx.Tx, name string, add, drop []Tag) error {
	rows, err := q.FeatureLock(ctx, tx, []string{name})
	if err != nil {
		return fmt.Errorf("lock feature: %w", err)
	}
	if len(rows) == 0 {
		return errNoFeature()
	}
	if err := access.Require(ctx, access.UpdateFeature, rows[0].Project, ""); err != nil {
		return err
	}
	if err := refuseArchived(rows); err != nil {
		return err
	}
	return changeTags(ctx, tx, rows[0], add, drop)
}

// ChangeTagsOfAll labels active flags of one project and takes labels away. Flags that are not in project are passed over.
func ChangeTagsOfAll(ctx context.Context, tx pgx.Tx, project string, names []string, add, drop []Tag) error {
	rows, err := lockKnown(ctx, tx, project, names)
	if err != nil {
		return err
	}
	if err := refuseArchived(rows); err != nil {
		return err
	}
	// All flags add values in one order, so that two batches that bring the same new values never deadlock.
	add = slices.SortedFunc(slices.Values(add), compareTags)
	for _, row := range rows {
		if err := changeTags(ctx, tx, row, add, drop); err != nil {
			return err
		}
	}
	return nil
}

func changeTags(ctx context.Context, tx pgx.Tx, row queries.Feature, add, drop []Tag) error {
	if err := addTags(ctx, tx, row, add); err != nil {
		return err
	}
	if len(drop) > maxTagsPerFeatureRequest {
		return limit.Exceeded("tags", maxTagsPerFeatureRequest)
	}
	for _, tag := range drop {
		dropped, err := q.FeatureTagDelete(ctx, tx, queries.FeatureTagDeleteParams{Feature: row.Name, Type: tag.Type, Value: tag.Value})
		if err != nil {
			return fmt.Errorf("delete feature tag: %w", err)
		}
		if dropped == 0 {
			continue
		}
		if err := appendEvent(ctx, tx, event.FeatureUntagged, row, nil, tag); err != nil {
			return err
		}
	}
	return nil
}

func compareTags(a, b Tag) int {
	return slices.Compare([]string{a.Type, a.Value}, []string{b.Type, b.Value})
}

func listTags(ctx context.Context, tx queries.DBTX, name string) ([]Tag, error) {
	rows, err := q.FeatureTagList(ctx, tx, name)
	if err != nil {
		return nil, fmt.Errorf("read tags: %w", err)
	}
	tags := make([]Tag, len(rows))
	for i, row := range rows {
		tags[i] = Tag{Type: row.Type, Value: row.Value}
	}
	return tags, nil
}

// addTags labels a locked flag.
func addTags(ctx context.Context, tx pgx.Tx, row queries.Feature, tags []Tag) error {
	if len(tags) > maxTagsPerFeatureRequest {
		return limit.Exceeded("tags", maxTagsPerFeatureRequest)
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

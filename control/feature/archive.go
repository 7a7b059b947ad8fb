package feature

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// errHasChildren is Unleash's answer for a flag that others depend on.
const errHasChildren = "You can not archive/delete this feature since other features depend on it."

// ArchiveCheck says what stands against archiving flags, or goes with it.
type ArchiveCheck struct {
	ParentsWithChildren []string // flags that active flags outside of the batch depend on
	DeletesDependencies bool     // archiving would remove dependencies
}

// CheckArchive says what archiving the flags would meet.
func CheckArchive(ctx context.Context, tx queries.DBTX, names []string) (ArchiveCheck, error) {
	parents, err := q.FeatureDependencyListParents(ctx, tx, names)
	if err != nil {
		return ArchiveCheck{}, fmt.Errorf("read parents: %w", err)
	}
	touches, err := q.FeatureDependencyTouches(ctx, tx, names)
	if err != nil {
		return ArchiveCheck{}, fmt.Errorf("read dependencies: %w", err)
	}
	return ArchiveCheck{ParentsWithChildren: parents, DeletesDependencies: touches}, nil
}

// Archive hides flags of one project from SDKs. A flag that others depend on must go together with them. Archived flags
// lose their own dependencies, keep everything else, and keep their name taken. Those archived already, and those not in
// project, are passed over.
func Archive(ctx context.Context, tx pgx.Tx, project string, names []string) error {
	rows, err := lockKnown(ctx, tx, project, names)
	if err != nil {
		return err
	}
	if err := refuseParents(ctx, tx, names); err != nil {
		return err
	}
	for _, row := range rows {
		if row.ArchivedAt != nil {
			continue
		}
		if _, err := removeDependencies(ctx, tx, row); err != nil {
			return err
		}
		if err := q.FeatureArchive(ctx, tx, row.Name); err != nil {
			return fmt.Errorf("archive feature: %w", err)
		}
		if err := appendEvent(ctx, tx, event.FeatureArchived, row, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// Revive brings archived flags of one project back, turned off in every environment: what they were released to has
// moved on. Active ones, and those not in project, are passed over.
func Revive(ctx context.Context, tx pgx.Tx, project string, names []string) error {
	home, err := lockProject(ctx, tx, project)
	if err != nil {
		return err
	}
	rows, err := lockKnown(ctx, tx, project, names)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(row queries.Feature) bool { return row.ArchivedAt == nil })
	if len(rows) == 0 {
		return nil
	}
	if err := checkRoom(ctx, tx, home, len(rows)); err != nil {
		return err
	}
	for _, row := range rows {
		if err := q.FeatureEnvironmentDisableAll(ctx, tx, row.Name); err != nil {
			return fmt.Errorf("disable feature: %w", err)
		}
		if err := q.FeatureRevive(ctx, tx, row.Name); err != nil {
			return fmt.Errorf("revive feature: %w", err)
		}
		if err := appendEvent(ctx, tx, event.FeatureRevived, row, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes archived flags of one project for good, and frees their names. Those not in project are passed over; an
// active one is refused.
func Delete(ctx context.Context, tx pgx.Tx, project string, names []string) error {
	rows, err := lockKnown(ctx, tx, project, names)
	if err != nil {
		return err
	}
	if err := refuseParents(ctx, tx, names); err != nil {
		return err
	}
	for _, row := range rows {
		if row.ArchivedAt == nil {
			return fault.New(fault.Refused, "The feature \"%s\" is not archived. Archive it before deleting it.", row.Name)
		}
		if err := deleteOne(ctx, tx, row); err != nil {
			return err
		}
	}
	return nil
}

func deleteOne(ctx context.Context, tx pgx.Tx, row queries.Feature) error {
	deleted := Describe(row)
	tags, err := q.FeatureTagList(ctx, tx, row.Name)
	if err != nil {
		return fmt.Errorf("read tags: %w", err)
	}
	for _, tag := range tags {
		deleted.Tags = append(deleted.Tags, Tag{Type: tag.Type, Value: tag.Value})
	}
	// Only archived children can be left, where plain SQL archived them.
	if err := q.FeatureDependencyDeleteChildren(ctx, tx, row.Name); err != nil {
		return fmt.Errorf("delete dependencies: %w", err)
	}
	if err := q.FeatureDelete(ctx, tx, row.Name); err != nil {
		return fmt.Errorf("delete feature: %w", err)
	}
	return appendEvent(ctx, tx, event.FeatureDeleted, row, nil, deleted)
}

// ArchiveOne archives a flag that must be in project.
func ArchiveOne(ctx context.Context, tx pgx.Tx, project, name string) error {
	if _, err := lockAll(ctx, tx, project, []string{name}); err != nil {
		return err
	}
	return Archive(ctx, tx, project, []string{name})
}

// ReviveByName and DeleteByName find the project by the flag and check the permission for it, which a path without a
// project cannot.
func ReviveByName(ctx context.Context, tx pgx.Tx, name string) error {
	project, err := ProjectOf(ctx, tx, name, access.UpdateFeature, "")
	if err != nil {
		return err
	}
	return Revive(ctx, tx, project, []string{name})
}

// DeleteByName deletes an archived flag, wherever it is. One that is gone already is no error. See ReviveByName.
func DeleteByName(ctx context.Context, tx pgx.Tx, name string) error {
	project, err := ProjectOf(ctx, tx, name, access.DeleteFeature, "")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return Delete(ctx, tx, project, []string{name})
}

func refuseParents(ctx context.Context, tx pgx.Tx, names []string) error {
	parents, err := q.FeatureDependencyListParents(ctx, tx, names)
	switch {
	case err != nil:
		return fmt.Errorf("read parents: %w", err)
	case len(parents) > 0:
		return fault.New(fault.Refused, errHasChildren)
	}
	return nil
}

// Package feature holds the rules of flags: their names and properties, on and off, strategies, variants, dependencies,
// archiving, cloning and moving.
//
// Every function runs in the caller's transaction, begins by locking the rows of the flags it changes (in name order, so
// that bulk writes never deadlock), and appends the audit events of the change. A write that changes nothing leaves no
// event. Nothing here knows HTTP, and nothing here writes the change log: triggers do.
//
// It may import db (for work of its own in the background), queries, fault and control/{access,constraint,event}.
package feature

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// q is stateless: the transaction is an argument of each query.
var q = queries.New()

// DefaultType is the type of a flag that names none.
const DefaultType = "release"

// New describes a flag to create. An empty Type means DefaultType.
type New struct {
	Project        string
	Name           string
	Type           string
	Description    *string
	ImpressionData bool
	Tags           []Tag
}

// Tag labels a flag. A value that does not exist yet is created; its type must exist.
type Tag struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// Properties are what an update may change of a flag. Archived can only be switched on here; Revive switches it off.
type Properties struct {
	Type           string
	Description    *string
	Stale          bool
	ImpressionData bool
	Archived       bool
}

// Create adds a flag that is off everywhere. Names are unique over all projects, archived flags included.
func Create(ctx context.Context, tx pgx.Tx, in New) (queries.Feature, error) {
	row, err := insert(ctx, tx, in, false)
	if err != nil {
		return row, err
	}
	if err := appendEvent(ctx, tx, event.FeatureCreated, row, Describe(row), nil); err != nil {
		return row, err
	}
	if err := addTemplateLinks(ctx, tx, row); err != nil {
		return row, err
	}
	return row, addTags(ctx, tx, row, in.Tags)
}

// insert checks the rules of new flags and adds the row, without events.
func insert(ctx context.Context, tx pgx.Tx, in New, stale bool) (queries.Feature, error) {
	if in.Type == "" {
		in.Type = DefaultType
	}
	if err := checkName(in.Name); err != nil {
		return queries.Feature{}, err
	}
	project, err := lockProject(ctx, tx, in.Project)
	if err != nil {
		return queries.Feature{}, err
	}
	if err := checkNamingPattern(project, in.Name); err != nil {
		return queries.Feature{}, err
	}
	if err := checkType(ctx, tx, in.Type); err != nil {
		return queries.Feature{}, err
	}
	if err := checkNameFree(ctx, tx, in.Name); err != nil {
		return queries.Feature{}, err
	}
	if err := checkRoom(ctx, tx, project, 1); err != nil {
		return queries.Feature{}, err
	}
	actor := access.ActorFrom(ctx)
	row, err := q.FeatureInsert(ctx, tx, queries.FeatureInsertParams{
		Name: in.Name, Project: in.Project, Type: in.Type, Description: in.Description, Stale: stale,
		ImpressionData: in.ImpressionData, CreatedBy: actor.Name, CreatedByUserID: actor.UserID,
	})
	if err != nil {
		return row, fmt.Errorf("insert feature: %w", err)
	}
	return row, nil
}

// Update lets change edit the properties of an active flag and stores what differs. A new stale mark alone is told as
// feature-stale-on or -off, anything else as feature-metadata-updated.
func Update(ctx context.Context, tx pgx.Tx, project, name string, change func(*Properties) error) (queries.Feature, error) {
	old, err := lockActive(ctx, tx, project, name)
	if err != nil {
		return old, err
	}
	p := Properties{Type: old.Type, Description: old.Description, Stale: old.Stale, ImpressionData: old.ImpressionData}
	if err := change(&p); err != nil {
		return old, err
	}
	if p.Type != old.Type {
		if err := checkType(ctx, tx, p.Type); err != nil {
			return old, err
		}
	}
	row, err := store(ctx, tx, old, p)
	if err != nil || !p.Archived {
		return row, err
	}
	if err := Archive(ctx, tx, project, []string{name}); err != nil {
		return row, err
	}
	return q.FeatureGet(ctx, tx, name)
}

func store(ctx context.Context, tx pgx.Tx, old queries.Feature, p Properties) (queries.Feature, error) {
	same := p.Type == old.Type && equalText(p.Description, old.Description) && p.ImpressionData == old.ImpressionData
	if same && p.Stale == old.Stale {
		return old, nil
	}
	row, err := q.FeatureUpdate(ctx, tx, queries.FeatureUpdateParams{
		Name: old.Name, Type: p.Type, Description: p.Description, Stale: p.Stale, ImpressionData: p.ImpressionData,
	})
	if err != nil {
		return row, fmt.Errorf("update feature: %w", err)
	}
	if p.Stale != old.Stale {
		if err := appendEvent(ctx, tx, staleEvent(p.Stale), row, nil, nil); err != nil {
			return row, err
		}
	}
	if !same {
		err = appendEvent(ctx, tx, event.FeatureMetadataUpdated, row, Describe(row), Describe(old))
	}
	return row, err
}

// SetStale marks active flags of one project as stale or not. Flags that are not in project are passed over.
func SetStale(ctx context.Context, tx pgx.Tx, project string, names []string, stale bool) error {
	rows, err := lockKnown(ctx, tx, project, names)
	if err != nil {
		return err
	}
	if err := refuseArchived(rows); err != nil {
		return err
	}
	for _, row := range rows {
		if row.Stale == stale {
			continue
		}
		if err := q.FeatureSetStale(ctx, tx, queries.FeatureSetStaleParams{Name: row.Name, Stale: stale}); err != nil {
			return fmt.Errorf("set stale: %w", err)
		}
		if err := appendEvent(ctx, tx, staleEvent(stale), row, nil, nil); err != nil {
			return err
		}
	}
	return nil
}

func staleEvent(stale bool) event.Type {
	if stale {
		return event.FeatureStaleOn
	}
	return event.FeatureStaleOff
}

// GetActive reads a flag of project that is not archived. An archived one is not found, as in Unleash.
func GetActive(ctx context.Context, tx queries.DBTX, project, name string) (queries.Feature, error) {
	row, err := Get(ctx, tx, project, name)
	if err == nil && row.ArchivedAt != nil {
		return queries.Feature{}, fault.New(fault.NotFound, "Could not find feature flag with name %s", name)
	}
	return row, err
}

// Get reads a flag of project, archived or not, without locking it.
func Get(ctx context.Context, tx queries.DBTX, project, name string) (queries.Feature, error) {
	row, err := q.FeatureGet(ctx, tx, name)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return row, notFound(project, name)
	case err == nil && row.Project != project:
		return queries.Feature{}, elsewhere(project, row)
	case err != nil:
		return row, fmt.Errorf("read feature: %w", err)
	}
	return row, nil
}

// lockActive locks one flag that is in project and not archived.
func lockActive(ctx context.Context, tx pgx.Tx, project, name string) (queries.Feature, error) {
	rows, err := lockAllActive(ctx, tx, project, []string{name})
	if err != nil {
		return queries.Feature{}, err
	}
	return rows[0], nil
}

// lockAllActive locks flags that are all in project and not archived. Names may repeat.
func lockAllActive(ctx context.Context, tx pgx.Tx, project string, names []string) ([]queries.Feature, error) {
	rows, err := lockAll(ctx, tx, project, names)
	if err != nil {
		return nil, err
	}
	return rows, refuseArchived(rows)
}

func refuseArchived(rows []queries.Feature) error {
	for _, row := range rows {
		if row.ArchivedAt != nil {
			return fault.New(fault.Refused, "The feature \"%s\" is archived. Revive it before changing it.", row.Name)
		}
	}
	return nil
}

// lockAll locks flags that are all in project.
func lockAll(ctx context.Context, tx pgx.Tx, project string, names []string) ([]queries.Feature, error) {
	rows, err := q.FeatureLock(ctx, tx, names)
	if err != nil {
		return nil, fmt.Errorf("lock features: %w", err)
	}
	for _, name := range names {
		i := slices.IndexFunc(rows, func(row queries.Feature) bool { return row.Name == name })
		switch {
		case i < 0:
			return nil, notFound(project, name)
		case rows[i].Project != project:
			return nil, elsewhere(project, rows[i])
		}
	}
	return rows, nil
}

// lockKnown locks those of the flags that are in project. Batches pass over the others, as in Unleash: somebody else may
// have removed them since the caller looked.
func lockKnown(ctx context.Context, tx pgx.Tx, project string, names []string) ([]queries.Feature, error) {
	rows, err := q.FeatureLock(ctx, tx, names)
	if err != nil {
		return nil, fmt.Errorf("lock features: %w", err)
	}
	return slices.DeleteFunc(rows, func(row queries.Feature) bool { return row.Project != project }), nil
}

func notFound(project, name string) *fault.Fault {
	return fault.New(fault.NotFound, "There's no feature named \"%s\" in project \"%s\".", name, project)
}

func elsewhere(project string, row queries.Feature) *fault.Fault {
	return fault.New(fault.NotFound, "There's no feature named \"%s\" in project \"%s\", but there's a feature with that name in project \"%s\"",
		row.Name, project, row.Project)
}

func lockProject(ctx context.Context, tx pgx.Tx, id string) (queries.Project, error) {
	project, err := q.FeatureProjectLock(ctx, tx, id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return project, fault.New(fault.NotFound, "Active project with id %s does not exist", id)
	case err != nil:
		return project, fmt.Errorf("lock project: %w", err)
	}
	return project, nil
}

func appendEvent(ctx context.Context, tx pgx.Tx, kind event.Type, row queries.Feature, data, preData any) error {
	return event.Append(ctx, tx, event.Event{Type: kind, Project: row.Project, Feature: row.Name, Data: data, PreData: preData})
}

func equalText(a, b *string) bool {
	return a == b || a != nil && b != nil && *a == *b
}

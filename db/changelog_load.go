package db

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/replica"
)

const (
	// loadChunk is how many flags are loaded in one round trip.
	loadChunk = 2_000

	// loadTimeout bounds that round trip.
	loadTimeout = 5 * time.Second

	// snapshotTimeout bounds the round trip that reads the log's newest rows and all names.
	snapshotTimeout = 20 * time.Second
)

// loadSnapshot reads everything. It ends the transaction.
func (f *follower) loadSnapshot(ctx context.Context, conn *pgx.Conn, begin func(*pgx.Batch)) (replica.Snapshot, []queries.ChangeLogListFromRow, error) {
	var (
		batch               pgx.Batch
		rows                []queries.ChangeLogListFromRow
		names, environments []string
		segments            []queries.ChangeLogSegmentsRow
	)
	if begin != nil {
		begin(&batch)
	}
	queue(&batch, &rows, queries.ChangeLogListNewest, int32(snapshotLogRows))
	queueNames(&batch, &names, queries.ChangeLogFeatureNames)
	queueNames(&batch, &environments, queries.ChangeLogEnvironmentNames)
	queue(&batch, &segments, queries.ChangeLogSegmentsAll)
	if err := send(ctx, conn, &batch, snapshotTimeout); err != nil {
		return replica.Snapshot{}, nil, err
	}
	flags, err := f.loadFlags(ctx, conn, names)
	if err != nil {
		return replica.Snapshot{}, nil, err
	}

	snapshot := replica.Snapshot{Log: logRows(rows), Environments: make(map[string][]replica.Feature, len(environments))}
	for _, environment := range environments {
		snapshot.Environments[environment] = flags.environment(environment, names)
	}
	for _, row := range segments {
		snapshot.Segments = append(snapshot.Segments, f.decodeSegment(row))
	}
	return snapshot, rows, nil
}

// concern is what the rows of a change name, each with the revision of the newest row that names it.
type concern struct {
	features     map[place]int64 // in place.environment, or in all when that is empty
	projects     map[place]int64 // likewise
	environments map[string]int64
	segments     map[int32]int64
}

// place is a flag or project in an environment.
type place struct{ name, environment string }

func concernOf(rows []queries.ChangeLogListFromRow) concern {
	c := concern{
		features: map[place]int64{}, projects: map[place]int64{}, environments: map[string]int64{}, segments: map[int32]int64{},
	}
	for _, row := range rows { // ascending, so the newest wins
		switch replica.Kind(row.Kind) {
		case replica.KindFeature:
			c.features[place{row.Entity, deref(row.Environment)}] = row.Revision
		case replica.KindProject:
			c.projects[place{row.Entity, ""}] = row.Revision
		case replica.KindProjectEnvironment:
			c.projects[place{row.Entity, deref(row.Environment)}] = row.Revision
		case replica.KindEnvironment:
			c.environments[row.Entity] = row.Revision
		case replica.KindSegment:
			if id, err := strconv.ParseInt(row.Entity, 10, 32); err == nil {
				c.segments[int32(id)] = row.Revision
			}
		case replica.KindToken, replica.KindSetting, replica.KindResync:
			// Not state of flags: for Watch, or handled before.
		}
	}
	return c
}

// loadDelta reads what rows name. It ends the transaction.
func (f *follower) loadDelta(ctx context.Context, conn *pgx.Conn, rows []queries.ChangeLogListFromRow) (replica.Delta, error) {
	c := concernOf(rows)
	delta := replica.Delta{Rows: logRows(rows), EnvironmentsCreated: map[string][]replica.Feature{}}
	all, err := f.expand(ctx, conn, &c, &delta)
	if err != nil {
		return replica.Delta{}, err
	}

	names := map[string]bool{}
	for at := range c.features {
		names[at.name] = true
	}
	for _, name := range all {
		names[name] = true
	}
	var segments []queries.ChangeLogSegmentsRow
	flags, err := f.loadFlags(ctx, conn, slices.Sorted(maps.Keys(names)), func(batch *pgx.Batch) {
		if len(c.segments) > 0 {
			queue(batch, &segments, queries.ChangeLogSegments, slices.Sorted(maps.Keys(c.segments)))
		}
	})
	if err != nil {
		return replica.Delta{}, err
	}

	for name := range delta.EnvironmentsCreated {
		delta.EnvironmentsCreated[name] = flags.environment(name, all)
	}
	delta.Features = f.featureChanges(c, flags, delta)
	delta.Segments = f.segmentChanges(c, segments)
	return delta, nil
}

// expand finds out what projects and environments in a change mean: it adds the projects' flags to the features, and
// fills in which environments were created and deleted. When some were created it returns the names of all flags.
func (f *follower) expand(ctx context.Context, conn *pgx.Conn, c *concern, delta *replica.Delta) (all []string, err error) {
	if len(c.projects) == 0 && len(c.environments) == 0 {
		return nil, nil
	}
	var batch pgx.Batch
	var owned []queries.ChangeLogFeatureNamesOfProjectsRow
	if len(c.projects) > 0 {
		projects := map[string]bool{}
		for at := range c.projects {
			projects[at.name] = true
		}
		queue(&batch, &owned, queries.ChangeLogFeatureNamesOfProjects, slices.Sorted(maps.Keys(projects)))
	}
	var existing []string
	if len(c.environments) > 0 {
		queueNames(&batch, &existing, queries.ChangeLogEnvironmentNames)
		queueNames(&batch, &all, queries.ChangeLogFeatureNames)
	}
	if err := send(ctx, conn, &batch, loadTimeout); err != nil {
		return nil, err
	}

	flagsOf := map[string][]string{}
	for _, row := range owned {
		flagsOf[row.Project] = append(flagsOf[row.Project], row.Name)
	}
	for project, revision := range c.projects {
		for _, name := range flagsOf[project.name] {
			at := place{name, project.environment}
			c.features[at] = max(c.features[at], revision)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.environments)) {
		if f.environments[name] {
			delta.EnvironmentsDeleted = append(delta.EnvironmentsDeleted, name)
		}
		if slices.Contains(existing, name) {
			delta.EnvironmentsCreated[name] = nil
		}
	}
	if len(delta.EnvironmentsCreated) == 0 {
		return nil, nil
	}
	return all, nil
}

// featureChanges is the state of the concerned flags in each environment concerned, oldest change first. Environments
// that were created or deleted are left out: they are told as a whole.
func (f *follower) featureChanges(c concern, flags *flags, delta replica.Delta) []replica.FeatureChange {
	told := map[string]bool{}
	for _, name := range delta.EnvironmentsDeleted {
		told[name] = true
	}
	revisions := map[place]int64{}
	for at, revision := range c.features {
		if at.environment == "" {
			for environment := range f.environments {
				in := place{at.name, environment}
				revisions[in] = max(revisions[in], revision)
			}
		} else if f.environments[at.environment] {
			revisions[at] = max(revisions[at], revision)
		}
	}
	changes := make([]replica.FeatureChange, 0, len(revisions))
	for at, revision := range revisions {
		if told[at.environment] {
			continue
		}
		changes = append(changes, replica.FeatureChange{
			Environment: at.environment,
			Name:        at.name,
			Feature:     flags.in(at.name, at.environment),
			Revision:    revision,
		})
	}
	slices.SortFunc(changes, func(a, b replica.FeatureChange) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Environment, b.Environment))
	})
	return changes
}

func (f *follower) segmentChanges(c concern, rows []queries.ChangeLogSegmentsRow) []replica.SegmentChange {
	present := map[int32]*eval.Segment{}
	for _, row := range rows {
		segment := f.decodeSegment(row)
		present[row.ID] = &segment
	}
	changes := make([]replica.SegmentChange, 0, len(c.segments))
	for id, revision := range c.segments {
		changes = append(changes, replica.SegmentChange{ID: int(id), Segment: present[id], Revision: revision})
	}
	slices.SortFunc(changes, func(a, b replica.SegmentChange) int {
		return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.ID, b.ID))
	})
	return changes
}

package feature

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/queries"
)

// MaxFound is how many flags one page of a search may hold.
const MaxFound = 1000

// Search says which flags are wanted, in which order, and which page of them. Nil filters filter nothing; filters add up.
type Search struct {
	Text string // in the name, the description or a tag (as type:value), whatever the case

	Archived *bool
	Favorite *bool // of User

	Project, Type Choice[string]
	CreatedBy     Choice[int32]  // ids of users
	State         Choice[string] // active, stale or potentially-stale
	Stage         Choice[Stage]
	Tags          *Membership[Tag]
	Segments      *Membership[string] // names
	Status        []EnvironmentStatus // any of them

	Created, LastSeen Period

	User            int32 // whose favourites count
	Sort            Sort
	SortEnvironment string // with SortEnvironment
	Descending      bool
	FavoritesFirst  bool
	Limit, Offset   int
}

// Choice lets through one of Values, or with Not all but them. It is off while Values is nil.
type Choice[T comparable] struct {
	Values []T
	Not    bool
}

// Membership lets through flags that have any of Values, or with All every one of them; with Not those that have not.
type Membership[T comparable] struct {
	Values []T
	All    bool
	Not    bool
}

// EnvironmentStatus is on or off in an environment that the flag's project uses.
type EnvironmentStatus struct {
	Environment string
	Enabled     bool
}

// Period is a time from Since on and before Before. Nil leaves it open.
type Period struct{ Since, Before *time.Time }

// Sort is what flags are ordered by. Equal ones are ordered by name.
type Sort string

// The orders there are.
const (
	SortName        Sort = "name"
	SortType        Sort = "type"
	SortProject     Sort = "project"
	SortCreatedBy   Sort = "createdBy"
	SortCreatedAt   Sort = "createdAt"
	SortLastSeenAt  Sort = "lastSeenAt"
	SortArchivedAt  Sort = "archivedAt"
	SortStage       Sort = "lifecycle"
	SortStale       Sort = "stale"
	SortFavorite    Sort = "favorite"
	SortEnvironment Sort = "environment" // off before on in Search.SortEnvironment
)

// Sorts lists the orders there are.
func Sorts() []Sort {
	return []Sort{
		SortName, SortType, SortProject, SortCreatedBy, SortCreatedAt, SortLastSeenAt, SortArchivedAt, SortStage, SortStale,
		SortFavorite, SortEnvironment,
	}
}

// States are what a flag may be called apart from its stage.
func States() []string { return []string{"active", "stale", "potentially-stale"} }

// Find returns the names of the page in order and how many flags there are on all pages.
//
// The query is one text for all filters. Planned with its arguments the absent ones vanish from the plan, so it must not be
// planned for arguments yet unknown, as prepared statements may be: measured with 10,000 flags, see FeatureSearch in
// queries/feature_search.sql.
func (s Search) Find(ctx context.Context, tx pgx.Tx) (names []string, total int64, err error) {
	if err := q.PlanForArguments(ctx, tx); err != nil {
		return nil, 0, fmt.Errorf("set plan mode: %w", err)
	}
	row, err := q.FeatureSearch(ctx, tx, s.params())
	if err != nil {
		return nil, 0, fmt.Errorf("search features: %w", err)
	}
	return row.Names, row.Total, nil
}

func (s Search) params() queries.FeatureSearchParams {
	p := queries.FeatureSearchParams{
		FavoritesFirst: s.FavoritesFirst, SortBy: string(s.Sort), UserID: s.User, Archived: s.Archived, Favorite: s.Favorite,
		NeedsLastSeen: s.Sort == SortLastSeenAt || s.LastSeen != Period{},
		CreatedBefore: s.Created.Before, CreatedSince: s.Created.Since, SeenBefore: s.LastSeen.Before, SeenSince: s.LastSeen.Since,
		Descending: s.Descending, Skip: int32(min(max(s.Offset, 0), math.MaxInt32)), Max: int32(min(max(s.Limit, 0), MaxFound)),
	}
	if s.Sort == SortEnvironment {
		p.SortEnvironment = &s.SortEnvironment
	}
	if s.Text != "" {
		pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s.Text) + "%"
		p.Pattern = &pattern
	}
	p.Projects, p.NotProjects = s.Project.split()
	p.Types, p.NotTypes = s.Type.split()
	p.Creators, p.NotCreators = s.CreatedBy.split()
	p.States = s.State.of(States())
	for _, stage := range s.Stage.of(Stages()) {
		p.Stages = append(p.Stages, string(stage))
	}
	if s.Stage.Values != nil && p.Stages == nil {
		p.Stages = []string{}
	}
	if m := s.Tags; m != nil {
		values := distinct(m.Values)
		p.TagTypes, p.TagValues = make([]string, len(values)), make([]string, len(values))
		for i, tag := range values {
			p.TagTypes[i], p.TagValues[i] = tag.Type, tag.Value
		}
		p.TagMinimum, p.TagExclude = m.minimum(len(values)), m.Not
	}
	if m := s.Segments; m != nil {
		p.Segments = distinct(m.Values)
		p.SegmentMinimum, p.SegmentExclude = m.minimum(len(p.Segments)), m.Not
	}
	for _, status := range s.Status {
		if status.Enabled {
			p.EnabledIn = append(p.EnabledIn, status.Environment)
		} else {
			p.DisabledIn = append(p.DisabledIn, status.Environment)
		}
	}
	return p
}

func (c Choice[T]) split() (among, notAmong []T) {
	if c.Not {
		return nil, c.Values
	}
	return c.Values, nil
}

// of returns which of all are let through, or nil when the choice is off.
func (c Choice[T]) of(all []T) []T {
	if c.Values == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(all), func(v T) bool { return slices.Contains(c.Values, v) == c.Not })
}

func (m Membership[T]) minimum(distinct int) int32 {
	if m.All {
		return int32(distinct)
	}
	return 1
}

func distinct[T comparable](values []T) []T {
	seen := make([]T, 0, len(values))
	for _, v := range values {
		if !slices.Contains(seen, v) {
			seen = append(seen, v)
		}
	}
	return seen
}

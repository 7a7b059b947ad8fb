package event

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Filter selects events. Nil slices and times and an empty Text select everything.
type Filter struct {
	IDs          []int64
	Types        []string
	Projects     []string
	Environments []string
	Features     []string
	GroupIDs     []string
	CreatedBy    []int32   // ids of users
	From         time.Time // inclusive
	To           time.Time // exclusive
	Text         string    // a part of the event's type, names or data, in any case
}

// Search returns up to limit events after offset ones, newest first.
func Search(ctx context.Context, db queries.DBTX, f Filter, limit int32, offset int64) ([]queries.Event, error) {
	return search(ctx, db, f, nil, limit, offset)
}

// SearchBefore returns up to limit events with ids below id, newest first. It is how exports read on: unlike an offset it
// costs the same on every page.
func SearchBefore(ctx context.Context, db queries.DBTX, f Filter, id int64, limit int32) ([]queries.Event, error) {
	return search(ctx, db, f, &id, limit, 0)
}

func search(ctx context.Context, db queries.DBTX, f Filter, before *int64, limit int32, offset int64) ([]queries.Event, error) {
	rows, err := q.EventSearch(ctx, planned{db}, queries.EventSearchParams{
		Ids: f.IDs, Types: f.Types, Projects: f.Projects, Environments: f.Environments, Features: f.Features, GroupIds: f.GroupIDs,
		CreatedBy: f.CreatedBy, FromTime: timeOrNull(f.From), ToTime: timeOrNull(f.To), Pattern: f.pattern(),
		BeforeID: before, PageSize: limit, PageOffset: offset,
	})
	if err != nil {
		return nil, fmt.Errorf("search events: %w", err)
	}
	return rows, nil
}

// Count says how many events there are.
func Count(ctx context.Context, db queries.DBTX, f Filter) (int64, error) {
	total, err := q.EventSearchCount(ctx, planned{db}, queries.EventSearchCountParams{
		Ids: f.IDs, Types: f.Types, Projects: f.Projects, Environments: f.Environments, Features: f.Features, GroupIds: f.GroupIDs,
		CreatedBy: f.CreatedBy, FromTime: timeOrNull(f.From), ToTime: timeOrNull(f.To), Pattern: f.pattern(),
	})
	if err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	return total, nil
}

// Cursor is a place in the order in which events were committed. Following events by it misses none and shows none twice,
// which following them by id would not: ids are given before commit. The zero Cursor is before the first event.
type Cursor int64

// cursorNow is what callers say who want to hear of later events only.
const cursorNow = "now"

// ParseCursor reads a cursor that was handed out, or the word now.
func ParseCursor(ctx context.Context, db queries.DBTX, text string) (Cursor, error) {
	if text == cursorNow {
		last, err := q.EventPositionLast(ctx, db)
		if err != nil {
			return 0, fmt.Errorf("read newest event: %w", err)
		}
		return Cursor(last), nil
	}
	position, err := strconv.ParseInt(text, 10, 64)
	if err != nil || position < 0 {
		return 0, fault.New(fault.Invalid, "The cursor is none that was handed out here.")
	}
	return Cursor(position), nil
}

// String is what is handed out.
func (c Cursor) String() string { return strconv.FormatInt(int64(c), 10) }

// Follow returns up to limit events after the cursor, in the order in which they were committed, and the cursor to go on
// with.
func Follow(ctx context.Context, db queries.DBTX, f Filter, after Cursor, limit int32) ([]queries.Event, Cursor, error) {
	// Read first: what commits after it is left for the next call, even when the filter shows nothing of it.
	newest, err := q.EventPositionLast(ctx, db)
	if err != nil {
		return nil, 0, fmt.Errorf("read newest event: %w", err)
	}
	rows, err := q.EventFollow(ctx, planned{db}, queries.EventFollowParams{
		After: int64(after), Ids: f.IDs, Types: f.Types, Projects: f.Projects, Environments: f.Environments, Features: f.Features,
		GroupIds: f.GroupIDs, CreatedBy: f.CreatedBy, FromTime: timeOrNull(f.From), ToTime: timeOrNull(f.To), Pattern: f.pattern(),
		PageSize: limit,
	})
	if err != nil {
		return nil, 0, fmt.Errorf("follow events: %w", err)
	}
	next := max(after, Cursor(newest))
	events := make([]queries.Event, len(rows))
	for i, row := range rows {
		events[i] = row.Event
		if i == len(rows)-1 && (len(rows) == int(limit) || Cursor(row.Position) > next) {
			next = Cursor(row.Position)
		}
	}
	return events, next, nil
}

// Creator is somebody who wrote events.
type Creator struct {
	ID   int32
	Name string
}

// Creators lists everybody who wrote events, by the name each had last.
func Creators(ctx context.Context, db queries.DBTX) ([]Creator, error) {
	rows, err := q.EventCreators(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("read creators of events: %w", err)
	}
	creators := make([]Creator, len(rows))
	for i, row := range rows {
		creators[i] = Creator{ID: row.ID, Name: row.Name}
		switch row.ID { // of these, the last name is one of many
		case access.SystemUserID:
			creators[i].Name = "System"
		case access.AdminTokenUserID:
			creators[i].Name = "Admin tokens"
		}
	}
	return creators, nil
}

// planned has PostgreSQL plan a statement for the values it is called with. A prepared statement may get one plan for all
// combinations of filters, which suits none of them. The mode is one that works behind PgBouncer.
type planned struct{ queries.DBTX }

// Query is pgx's.
func (p planned) Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error) {
	return p.DBTX.Query(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, arguments...)...)
}

// QueryRow is pgx's.
func (p planned) QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row {
	return p.DBTX.QueryRow(ctx, sql, append([]any{pgx.QueryExecModeCacheDescribe}, arguments...)...)
}

// pattern is the text as LIKE wants it, or nil.
func (f Filter) pattern() *string {
	if f.Text == "" {
		return nil
	}
	pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(f.Text) + "%"
	return &pattern
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

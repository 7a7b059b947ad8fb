// Package environment creates, changes and deletes environments.
//
// It imports queries, fault and control/event.
package environment

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

var q = queries.New()

const (
	defaultSortOrder = 9999
	maxLength        = 100
)

var urlFriendly = regexp.MustCompile(`^[A-Za-z0-9_~.-]+$`)

// New is an environment to be created. Nil fields get their defaults.
type New struct {
	Name              string
	Type              string
	SortOrder         *int
	Enabled           *bool
	RequiredApprovals *int
}

// Patch is what may be changed of an environment. Empty and nil fields stay as they are; RequiredApprovals of zero
// clears it.
type Patch struct {
	Type              string
	SortOrder         *int
	RequiredApprovals *int
}

// description is an environment as audit events show it.
type description struct {
	Name              string `json:"name"`
	Type              string `json:"type"`
	SortOrder         int32  `json:"sortOrder"`
	Enabled           bool   `json:"enabled"`
	Protected         bool   `json:"protected"`
	RequiredApprovals *int32 `json:"requiredApprovals"`
}

func describe(row queries.Environment) description {
	return description{
		Name: row.Name, Type: row.Type, SortOrder: row.SortOrder, Enabled: row.Enabled, Protected: row.Protected,
		RequiredApprovals: row.RequiredApprovals,
	}
}

// Create stores an environment. No project uses it yet.
func Create(ctx context.Context, tx pgx.Tx, n New) (queries.Environment, error) {
	if err := CheckName(ctx, tx, n.Name); err != nil {
		return queries.Environment{}, err
	}
	kind, err := checkType(n.Type)
	if err != nil {
		return queries.Environment{}, err
	}
	count, err := q.EnvironmentCount(ctx, tx)
	if err != nil {
		return queries.Environment{}, fmt.Errorf("count environments: %w", err)
	}
	if err := limit.Room("environment", count, limit.From(ctx).Environments); err != nil {
		return queries.Environment{}, err
	}
	params := queries.EnvironmentCreateParams{Name: n.Name, Type: kind, SortOrder: defaultSortOrder, Enabled: true}
	if n.SortOrder != nil {
		if params.SortOrder, err = number("sortOrder", *n.SortOrder); err != nil {
			return queries.Environment{}, err
		}
	}
	if n.Enabled != nil {
		params.Enabled = *n.Enabled
	}
	if params.RequiredApprovals, err = approvals(n.RequiredApprovals); err != nil {
		return queries.Environment{}, err
	}
	row, err := q.EnvironmentCreate(ctx, tx, params)
	if err != nil {
		return row, fmt.Errorf("store environment: %w", err)
	}
	return row, event.Append(ctx, tx, event.Event{Type: event.EnvironmentCreated, Environment: row.Name, Data: describe(row)})
}

// Update changes an environment.
func Update(ctx context.Context, tx pgx.Tx, name string, p Patch) (queries.Environment, error) {
	return change(ctx, tx, name, func(row *queries.Environment) (err error) {
		if p.Type != "" {
			if row.Type, err = checkType(p.Type); err != nil {
				return err
			}
		}
		if p.SortOrder != nil {
			if row.SortOrder, err = number("sortOrder", *p.SortOrder); err != nil {
				return err
			}
		}
		if p.RequiredApprovals != nil {
			row.RequiredApprovals, err = approvals(p.RequiredApprovals)
		}
		return err
	})
}

// SetEnabled puts an environment into use or out of it. It does not change flags: it is about which environments people
// are offered.
func SetEnabled(ctx context.Context, tx pgx.Tx, name string, enabled bool) error {
	_, err := change(ctx, tx, name, func(row *queries.Environment) error {
		row.Enabled = enabled
		return nil
	})
	return err
}

// SetSortOrder places environments, each by its name, all or none.
func SetSortOrder(ctx context.Context, tx pgx.Tx, order map[string]int) error {
	// In one order, so that two requests cannot wait for each other.
	for _, name := range slices.Sorted(maps.Keys(order)) {
		position, err := number("sortOrder", order[name])
		if err != nil {
			return err
		}
		if _, err := change(ctx, tx, name, func(row *queries.Environment) error {
			row.SortOrder = position
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// Delete removes an environment with everything that was configured in it, and its API tokens.
func Delete(ctx context.Context, tx pgx.Tx, name string) error {
	row, err := lock(ctx, tx, name)
	if err != nil {
		return err
	}
	if row.Protected {
		return fault.New(fault.Refused, "The environment %s is protected and cannot be deleted.", name)
	}
	count, err := q.EnvironmentCount(ctx, tx)
	if err != nil {
		return fmt.Errorf("count environments: %w", err)
	}
	if count == 1 {
		return fault.New(fault.Refused, "The last environment cannot be deleted.")
	}
	if err := q.EnvironmentDelete(ctx, tx, name); err != nil {
		return fmt.Errorf("delete environment: %w", err)
	}
	return event.Append(ctx, tx, event.Event{Type: event.EnvironmentDeleted, Environment: name, PreData: describe(row)})
}

// change applies f to an environment and stores and announces it if that made a difference.
func change(ctx context.Context, tx pgx.Tx, name string, f func(row *queries.Environment) error) (queries.Environment, error) {
	before, err := lock(ctx, tx, name)
	if err != nil {
		return before, err
	}
	wanted := before
	if err := f(&wanted); err != nil {
		return before, err
	}
	if reflect.DeepEqual(wanted, before) {
		return before, nil
	}
	after, err := q.EnvironmentUpdate(ctx, tx, queries.EnvironmentUpdateParams{
		Name: name, Type: wanted.Type, SortOrder: wanted.SortOrder, Enabled: wanted.Enabled, RequiredApprovals: wanted.RequiredApprovals,
	})
	if err != nil {
		return before, fmt.Errorf("update environment: %w", err)
	}
	return after, event.Append(ctx, tx, event.Event{
		Type: event.EnvironmentUpdated, Environment: name, Data: describe(after), PreData: describe(before),
	})
}

// CheckName fails when no environment can be created under that name.
func CheckName(ctx context.Context, db queries.DBTX, name string) error {
	switch {
	case name == "":
		return invalid(`"name" is not allowed to be empty.`)
	case utf8.RuneCountInString(name) > maxLength:
		return invalid(`"name" length must be less than or equal to 100 characters long.`)
	case !urlFriendly.MatchString(name) || name == "." || name == "..":
		return invalid(`"name" must be URL friendly.`)
	}
	taken, err := q.EnvironmentExists(ctx, db, name)
	if err != nil {
		return fmt.Errorf("read environment: %w", err)
	}
	if taken {
		return fault.New(fault.NameTaken, "An environment with that name already exists.")
	}
	return nil
}

func lock(ctx context.Context, tx pgx.Tx, name string) (queries.Environment, error) {
	row, err := q.EnvironmentLock(ctx, tx, name)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, NotFound(name)
	}
	if err != nil {
		return row, fmt.Errorf("read environment: %w", err)
	}
	return row, nil
}

// NotFound is the fault for an environment that does not exist.
func NotFound(name string) error {
	return fault.New(fault.NotFound, "Could not find environment with name: %s", name)
}

func checkType(kind string) (string, error) {
	kind = strings.TrimSpace(kind)
	if kind == "" {
		return "", invalid(`"type" is not allowed to be empty.`)
	}
	if utf8.RuneCountInString(kind) > maxLength {
		return "", invalid(`"type" length must be less than or equal to 100 characters long.`)
	}
	return kind, nil
}

func approvals(count *int) (*int32, error) {
	if count == nil || *count == 0 {
		return nil, nil
	}
	if *count < 1 {
		return nil, invalid(`"requiredApprovals" must be greater than or equal to 1.`)
	}
	n, err := number("requiredApprovals", *count)
	return &n, err
}

func number(name string, value int) (int32, error) {
	if value < math.MinInt32 || value > math.MaxInt32 {
		return 0, invalid(`"` + name + `" must be a 32-bit number.`)
	}
	return int32(value), nil
}

func invalid(message string) error {
	return fault.New(fault.Invalid, "%s", message).With(fault.Detail{Message: message})
}

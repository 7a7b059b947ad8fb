// Package strategytype creates, changes and deletes the strategy types that an organisation adds to the built-in ones.
//
// It imports queries, fault and control/event.
package strategytype

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

var q = queries.New()

const (
	maxNameLength = 100
	maxParameters = 100
	maxTextLength = 10_000
)

// Parameter is one thing that strategies of a type are configured with.
type Parameter struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description"`
	Required    bool   `json:"required"`
}

// parameterTypes are what a parameter can be.
var parameterTypes = []string{"string", "percentage", "list", "number", "boolean"}

// Input is what callers say of a strategy type.
type Input struct {
	Description string
	Parameters  []Parameter
}

// description is a strategy type as audit events show it.
type description struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
	Deprecated  bool            `json:"deprecated"`
}

func describe(row queries.StrategyType) description {
	return description{Name: row.Name, Description: row.Description, Parameters: row.Parameters, Deprecated: row.Deprecated}
}

// Get reads one strategy type.
func Get(ctx context.Context, db queries.DBTX, name string) (queries.StrategyType, error) {
	row, err := q.StrategyTypeGet(ctx, db, name)
	return row, found(err, name)
}

// Create stores a strategy type.
func Create(ctx context.Context, tx pgx.Tx, name string, in Input) (queries.StrategyType, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return queries.StrategyType{}, invalid(`"name" is not allowed to be empty.`)
	case utf8.RuneCountInString(name) > maxNameLength:
		return queries.StrategyType{}, invalid(`"name" length must be less than or equal to 100 characters long.`)
	case strings.ContainsAny(name, "/?#%\\"):
		return queries.StrategyType{}, invalid(`"name" must be URL friendly.`)
	}
	parameters, err := in.check()
	if err != nil {
		return queries.StrategyType{}, err
	}
	if _, err := q.StrategyTypeGet(ctx, tx, name); err == nil {
		return queries.StrategyType{}, fault.New(fault.NameTaken, "Strategy with name %s already exist!", name)
	} else if !errors.Is(err, pgx.ErrNoRows) {
		return queries.StrategyType{}, fmt.Errorf("read strategy type: %w", err)
	}
	row, err := q.StrategyTypeCreate(ctx, tx, queries.StrategyTypeCreateParams{Name: name, Description: in.Description, Parameters: parameters})
	if err != nil {
		return row, fmt.Errorf("store strategy type: %w", err)
	}
	return row, event.Append(ctx, tx, event.Event{Type: event.StrategyCreated, Data: describe(row)})
}

// Update changes a strategy type that is not built in.
func Update(ctx context.Context, tx pgx.Tx, name string, in Input) error {
	parameters, err := in.check()
	if err != nil {
		return err
	}
	return change(ctx, tx, name, event.StrategyUpdated, func(row *queries.StrategyType) {
		row.Description, row.Parameters = in.Description, parameters
	})
}

// SetDeprecated says whether the type is offered for new strategies. Existing ones go on.
func SetDeprecated(ctx context.Context, tx pgx.Tx, name string, deprecated bool) error {
	kind := event.StrategyReactivated
	if deprecated {
		kind = event.StrategyDeprecated
	}
	return change(ctx, tx, name, kind, func(row *queries.StrategyType) { row.Deprecated = deprecated })
}

// Delete removes a strategy type that is not built in and that no strategy has.
func Delete(ctx context.Context, tx pgx.Tx, name string) error {
	row, err := lock(ctx, tx, name)
	if err != nil {
		return err
	}
	uses, err := q.StrategyTypeUses(ctx, tx, name)
	if err != nil {
		return fmt.Errorf("read uses of strategy type: %w", err)
	}
	if uses > 0 {
		return fault.New(fault.Conflict, "The strategy type is used by %d strategies. Remove them first.", uses)
	}
	if err := q.StrategyTypeDelete(ctx, tx, name); err != nil {
		return fmt.Errorf("delete strategy type: %w", err)
	}
	return event.Append(ctx, tx, event.Event{Type: event.StrategyDeleted, PreData: describe(row)})
}

func change(ctx context.Context, tx pgx.Tx, name string, kind event.Type, f func(*queries.StrategyType)) error {
	before, err := lock(ctx, tx, name)
	if err != nil {
		return err
	}
	wanted := before
	f(&wanted)
	after, err := q.StrategyTypeUpdate(ctx, tx, queries.StrategyTypeUpdateParams{
		Name: name, Description: wanted.Description, Parameters: wanted.Parameters, Deprecated: wanted.Deprecated,
	})
	if err != nil {
		return fmt.Errorf("update strategy type: %w", err)
	}
	return event.Append(ctx, tx, event.Event{Type: kind, Data: describe(after), PreData: describe(before)})
}

// lock reads a type that may be changed.
func lock(ctx context.Context, tx pgx.Tx, name string) (queries.StrategyType, error) {
	row, err := q.StrategyTypeLock(ctx, tx, name)
	if err := found(err, name); err != nil {
		return row, err
	}
	if row.BuiltIn {
		return row, fault.New(fault.Refused, "Cannot edit strategy %s", name)
	}
	return row, nil
}

func found(err error, name string) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.New(fault.NotFound, "Could not find strategy with name %s", name)
	}
	if err != nil {
		return fmt.Errorf("read strategy type: %w", err)
	}
	return nil
}

func (in Input) check() (json.RawMessage, error) {
	if utf8.RuneCountInString(in.Description) > maxTextLength {
		return nil, invalid(`"description" length must be less than or equal to 10000 characters long.`)
	}
	if len(in.Parameters) > maxParameters {
		return nil, fault.New(fault.LimitExceeded, "There can be at most %d parameters.", maxParameters)
	}
	for _, p := range in.Parameters {
		if p.Name == "" || utf8.RuneCountInString(p.Name) > maxNameLength {
			return nil, invalid(`"parameters" must have names of 1 to 100 characters.`)
		}
		if !slices.Contains(parameterTypes, p.Type) {
			return nil, invalid(`"parameters" must have a type of [` + strings.Join(parameterTypes, ", ") + `].`)
		}
		if utf8.RuneCountInString(p.Description) > maxTextLength {
			return nil, invalid(`"parameters" must have descriptions of at most 10000 characters.`)
		}
	}
	text, err := json.Marshal(append([]Parameter{}, in.Parameters...))
	if err != nil {
		return nil, fmt.Errorf("marshal parameters: %w", err)
	}
	return text, nil
}

func invalid(message string) error {
	return fault.New(fault.Invalid, "%s", message).With(fault.Detail{Message: message})
}

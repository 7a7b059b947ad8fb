// Package contextfield creates, changes and deletes context fields: what strategies and constraints can ask of a context.
//
// It imports queries, fault and control/event.
package contextfield

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
	maxNameLength        = 100
	maxDescriptionLength = 10_000
	maxLegalValues       = 500
	maxLegalValueLength  = 100
	maxSortOrder         = 1_000_000
)

// LegalValue is one value that a field may have.
type LegalValue struct {
	Value       string `json:"value"`
	Description string `json:"description,omitempty"`
}

// Input is what callers say of a field. Nil fields are empty in a new field and stay as they are in an existing one.
type Input struct {
	Description *string
	Stickiness  *bool
	SortOrder   *int32
	LegalValues []LegalValue
}

// description is a field as audit events show it.
type description struct {
	Name        string          `json:"name"`
	Description *string         `json:"description"`
	Stickiness  bool            `json:"stickiness"`
	SortOrder   int32           `json:"sortOrder"`
	LegalValues json.RawMessage `json:"legalValues"`
}

func describe(row queries.ContextField) description {
	return description{
		Name: row.Name, Description: row.Description, Stickiness: row.Stickiness, SortOrder: row.SortOrder, LegalValues: row.LegalValues,
	}
}

// Get reads a field of the instance, or of a project when project is not empty.
func Get(ctx context.Context, db queries.DBTX, project, name string) (queries.ContextField, error) {
	row, err := q.ContextFieldGet(ctx, db, name)
	return inProject(row, err, project, name)
}

// lock is Get, and keeps others from changing the field.
func lock(ctx context.Context, tx pgx.Tx, project, name string) (queries.ContextField, error) {
	row, err := q.ContextFieldLock(ctx, tx, name)
	return inProject(row, err, project, name)
}

func inProject(row queries.ContextField, err error, project, name string) (queries.ContextField, error) {
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return row, fmt.Errorf("read context field: %w", err)
	}
	if err != nil || projectOf(row) != project {
		return row, fault.New(fault.NotFound, "Could not find context field with name %s", name)
	}
	return row, nil
}

// Create stores a field of the instance, or of a project when project is not empty.
func Create(ctx context.Context, tx pgx.Tx, project, name string, in Input) (queries.ContextField, error) {
	name = strings.TrimSpace(name)
	if err := CheckName(ctx, tx, name); err != nil {
		return queries.ContextField{}, err
	}
	row := queries.ContextField{Name: name, LegalValues: json.RawMessage("[]")}
	if err := in.apply(&row); err != nil {
		return row, err
	}
	params := queries.ContextFieldCreateParams{
		Name: row.Name, Description: row.Description, SortOrder: row.SortOrder, LegalValues: row.LegalValues, Stickiness: row.Stickiness,
	}
	if project != "" {
		missing, err := q.ProjectsMissing(ctx, tx, []string{project})
		if err != nil {
			return row, fmt.Errorf("read project: %w", err)
		}
		if len(missing) > 0 {
			return row, fault.New(fault.NotFound, "Could not find project with id %s", project)
		}
		params.Project = &project
	}
	row, err := q.ContextFieldCreate(ctx, tx, params)
	if err != nil {
		return row, fmt.Errorf("store context field: %w", err)
	}
	return row, appendEvent(ctx, tx, event.ContextFieldCreated, row, describe(row), nil)
}

// Update changes a field.
func Update(ctx context.Context, tx pgx.Tx, project, name string, in Input) (queries.ContextField, error) {
	return change(ctx, tx, project, name, in.apply)
}

// SetLegalValue adds a legal value or changes its description.
func SetLegalValue(ctx context.Context, tx pgx.Tx, project, name string, value LegalValue) error {
	return changeLegalValues(ctx, tx, project, name, func(values []LegalValue) []LegalValue {
		for i := range values {
			if values[i].Value == value.Value {
				values[i] = value
				return values
			}
		}
		return append(values, value)
	})
}

// DeleteLegalValue removes a legal value, if it is there.
func DeleteLegalValue(ctx context.Context, tx pgx.Tx, project, name, value string) error {
	return changeLegalValues(ctx, tx, project, name, func(values []LegalValue) []LegalValue {
		return slices.DeleteFunc(values, func(v LegalValue) bool { return v.Value == value })
	})
}

func changeLegalValues(ctx context.Context, tx pgx.Tx, project, name string, f func([]LegalValue) []LegalValue) error {
	_, err := change(ctx, tx, project, name, func(row *queries.ContextField) error {
		var values []LegalValue
		if err := json.Unmarshal(row.LegalValues, &values); err != nil {
			return fmt.Errorf("read legal values: %w", err)
		}
		return Input{LegalValues: append([]LegalValue{}, f(values)...)}.apply(row)
	})
	return err
}

// Delete removes a field that no constraint uses.
func Delete(ctx context.Context, tx pgx.Tx, project, name string) error {
	if _, err := lock(ctx, tx, project, name); err != nil {
		return err
	}
	uses, err := q.ContextFieldStrategies(ctx, tx, name)
	if err != nil {
		return fmt.Errorf("read uses of context field: %w", err)
	}
	if len(uses) > 0 {
		return fault.New(fault.Conflict,
			"This context field is in use by existing flags. To delete it, first remove its usage from all flags.")
	}
	row, err := q.ContextFieldDelete(ctx, tx, name)
	if err != nil {
		return fmt.Errorf("delete context field: %w", err)
	}
	return appendEvent(ctx, tx, event.ContextFieldDeleted, row, nil, describe(row))
}

// CheckName fails when no field can be created under that name.
func CheckName(ctx context.Context, db queries.DBTX, name string) error {
	switch {
	case strings.TrimSpace(name) == "":
		return invalid(`"name" is not allowed to be empty.`)
	case utf8.RuneCountInString(name) > maxNameLength:
		return invalid(`"name" length must be less than or equal to 100 characters long.`)
	case strings.ContainsAny(name, "/?#%\\"):
		return invalid(`"name" must be URL friendly.`)
	}
	_, err := q.ContextFieldGet(ctx, db, name)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read context field: %w", err)
	}
	return fault.New(fault.NameTaken, "A context field with that name already exist")
}

func change(
	ctx context.Context, tx pgx.Tx, project, name string, f func(*queries.ContextField) error,
) (queries.ContextField, error) {
	before, err := lock(ctx, tx, project, name)
	if err != nil {
		return before, err
	}
	wanted := before
	if err := f(&wanted); err != nil {
		return before, err
	}
	after, err := q.ContextFieldUpdate(ctx, tx, queries.ContextFieldUpdateParams{
		Name: name, Description: wanted.Description, SortOrder: wanted.SortOrder, LegalValues: wanted.LegalValues, Stickiness: wanted.Stickiness,
	})
	if err != nil {
		return before, fmt.Errorf("update context field: %w", err)
	}
	return after, appendEvent(ctx, tx, event.ContextFieldUpdated, after, describe(after), describe(before))
}

// apply checks in and writes it into row.
func (in Input) apply(row *queries.ContextField) error {
	if in.Description != nil {
		if utf8.RuneCountInString(*in.Description) > maxDescriptionLength {
			return invalid(`"description" length must be less than or equal to 10000 characters long.`)
		}
		row.Description = in.Description
	}
	if in.Stickiness != nil {
		row.Stickiness = *in.Stickiness
	}
	if in.SortOrder != nil {
		if *in.SortOrder < 0 || *in.SortOrder > maxSortOrder {
			return invalid(`"sortOrder" must be between 0 and 1000000.`)
		}
		row.SortOrder = *in.SortOrder
	}
	if in.LegalValues == nil {
		return nil
	}
	if err := checkLegalValues(in.LegalValues); err != nil {
		return err
	}
	text, err := json.Marshal(in.LegalValues)
	if err != nil {
		return fmt.Errorf("marshal legal values: %w", err)
	}
	row.LegalValues = text
	return nil
}

func checkLegalValues(values []LegalValue) error {
	if len(values) > maxLegalValues {
		return fault.New(fault.LimitExceeded, "There can be at most %d legal values.", maxLegalValues)
	}
	seen := map[string]bool{}
	for _, v := range values {
		switch {
		case v.Value == "":
			return invalid(`"legalValues" must not contain an empty value.`)
		case utf8.RuneCountInString(v.Value) > maxLegalValueLength:
			return invalid(`"legalValues" must not contain a value of more than 100 characters.`)
		case seen[v.Value]:
			return invalid(`"legalValues" contains a duplicate value.`)
		}
		seen[v.Value] = true
	}
	return nil
}

func projectOf(row queries.ContextField) string {
	if row.Project == nil {
		return ""
	}
	return *row.Project
}

func appendEvent(ctx context.Context, tx pgx.Tx, kind event.Type, row queries.ContextField, data, preData any) error {
	return event.Append(ctx, tx, event.Event{Type: kind, Project: projectOf(row), Data: data, PreData: preData})
}

func invalid(message string) error {
	return fault.New(fault.Invalid, "%s", message).With(fault.Detail{Message: message})
}

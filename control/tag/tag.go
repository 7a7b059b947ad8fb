// Package tag creates, changes and deletes tags and their types. Which flags carry which tag is control/feature's matter.
//
// It imports queries, fault and control/event.
package tag

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

var q = queries.New()

const (
	minLength     = 2
	maxLength     = 50
	maxTextLength = 10_000
)

// Type is a kind of tag, as callers and audit events show it.
type Type struct {
	Name        string  `json:"name"`
	Description string  `json:"description"`
	Icon        *string `json:"icon"`
	Color       *string `json:"color"`
}

// Tag is a value of a type.
type Tag struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

var (
	urlFriendly = regexp.MustCompile(`^[A-Za-z0-9_~.-]+$`)
	color       = regexp.MustCompile(`^#[0-9A-Fa-f]{6}$`)
)

// TypeOf shows a row as a Type.
func TypeOf(row queries.TagType) Type {
	return Type{Name: row.Name, Description: row.Description, Icon: row.Icon, Color: row.Color}
}

// GetType reads one type.
func GetType(ctx context.Context, db queries.DBTX, name string) (Type, error) {
	row, err := q.TagTypeGet(ctx, db, name)
	return TypeOf(row), found(err, name)
}

// CheckType fails when the type cannot be created.
func CheckType(ctx context.Context, db queries.DBTX, t Type) error {
	if err := length("name", t.Name); err != nil {
		return err
	}
	if !urlFriendly.MatchString(t.Name) {
		return invalid(`"name" must be URL friendly.`)
	}
	if err := t.check(); err != nil {
		return err
	}
	_, err := q.TagTypeGet(ctx, db, t.Name)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read tag type: %w", err)
	}
	return fault.New(fault.NameTaken, "There already exists a tag-type with the name %s", t.Name)
}

// CreateType stores a type.
func CreateType(ctx context.Context, tx pgx.Tx, t Type) (Type, error) {
	if err := CheckType(ctx, tx, t); err != nil {
		return t, err
	}
	row, err := q.TagTypeCreate(ctx, tx, queries.TagTypeCreateParams(t))
	if err != nil {
		return t, fmt.Errorf("store tag type: %w", err)
	}
	return TypeOf(row), event.Append(ctx, tx, event.Event{Type: event.TagTypeCreated, Data: TypeOf(row)})
}

// UpdateType applies f to a type and stores it.
func UpdateType(ctx context.Context, tx pgx.Tx, name string, f func(*Type)) error {
	row, err := q.TagTypeLock(ctx, tx, name)
	if err := found(err, name); err != nil {
		return err
	}
	wanted := TypeOf(row)
	f(&wanted)
	if err := wanted.check(); err != nil {
		return err
	}
	after, err := q.TagTypeUpdate(ctx, tx, queries.TagTypeUpdateParams{
		Name: name, Description: wanted.Description, Icon: wanted.Icon, Color: wanted.Color,
	})
	if err != nil {
		return fmt.Errorf("update tag type: %w", err)
	}
	return event.Append(ctx, tx, event.Event{Type: event.TagTypeUpdated, Data: TypeOf(after), PreData: TypeOf(row)})
}

// DeleteType removes a type with its tags, also from the flags that carry them. An unknown one is no error, as in Unleash.
func DeleteType(ctx context.Context, tx pgx.Tx, name string) error {
	row, err := q.TagTypeLock(ctx, tx, name)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read tag type: %w", err)
	}
	if err := q.TagTypeDelete(ctx, tx, name); err != nil {
		return fmt.Errorf("delete tag type: %w", err)
	}
	return event.Append(ctx, tx, event.Event{Type: event.TagTypeDeleted, PreData: TypeOf(row)})
}

// Create stores a tag.
func Create(ctx context.Context, tx pgx.Tx, t Tag) (Tag, error) {
	t.Value = strings.TrimSpace(t.Value)
	if err := length("value", t.Value); err != nil {
		return t, err
	}
	if _, err := GetType(ctx, tx, t.Type); err != nil {
		return t, err
	}
	created, err := q.TagCreate(ctx, tx, queries.TagCreateParams(t))
	if err != nil {
		return t, fmt.Errorf("store tag: %w", err)
	}
	if created == 0 {
		return t, fault.New(fault.NameTaken, "A tag of %s:%s already exists", t.Type, t.Value)
	}
	return t, event.Append(ctx, tx, event.Event{Type: event.TagCreated, Data: t})
}

// Delete removes a tag, also from the flags that carry it. An unknown one is no error, as in Unleash.
func Delete(ctx context.Context, tx pgx.Tx, t Tag) error {
	deleted, err := q.TagDelete(ctx, tx, queries.TagDeleteParams(t))
	if err != nil {
		return fmt.Errorf("delete tag: %w", err)
	}
	if deleted == 0 {
		return nil
	}
	return event.Append(ctx, tx, event.Event{Type: event.TagDeleted, PreData: t})
}

func (t Type) check() error {
	if utf8.RuneCountInString(t.Description) > maxTextLength {
		return invalid(`"description" length must be less than or equal to 10000 characters long.`)
	}
	if t.Icon != nil && utf8.RuneCountInString(*t.Icon) > maxLength {
		return invalid(`"icon" length must be less than or equal to 50 characters long.`)
	}
	if t.Color != nil && !color.MatchString(*t.Color) {
		return invalid(`"color" must be a colour like #A1B2C3.`)
	}
	return nil
}

func length(name, value string) error {
	if n := utf8.RuneCountInString(value); n < minLength || n > maxLength {
		return invalid(fmt.Sprintf(`"%s" must be %d to %d characters long.`, name, minLength, maxLength))
	}
	return nil
}

func found(err error, name string) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.New(fault.NotFound, "Could not find tag type with name %s", name)
	}
	if err != nil {
		return fmt.Errorf("read tag type: %w", err)
	}
	return nil
}

func invalid(message string) error {
	return fault.New(fault.Invalid, "%s", message).With(fault.Detail{Message: message})
}

// Package banner keeps messages for everybody who has the user interface open.
//
// It imports queries, fault, control/event and control/limit.
package banner

import (
	"context"
	"errors"
	"fmt"
	"net/url"
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
	// MaxBanners is how many there may be, shown or not.
	MaxBanners = 100

	// OpensDialog is the link of a banner that opens its dialog.
	OpensDialog = "dialog"

	defaultVariant = "info"

	maxMessageLength = 2000
	maxTextLength    = 255
	maxLinkLength    = 2000
	maxDialogLength  = 20_000
)

// Input is what callers say of a banner. Texts are Markdown. An empty Variant is info; Enabled and Sticky are so unless told
// otherwise, respectively not.
type Input struct {
	Message     string
	Enabled     bool
	Variant     string // info, warning, error or success
	Sticky      bool
	Icon        *string
	Link        *string // an http or https URL, a path, or OpensDialog
	LinkText    *string
	DialogTitle *string
	Dialog      *string
}

// description is a banner as audit events show it.
type description struct {
	ID          int32   `json:"id"`
	Message     string  `json:"message"`
	Enabled     bool    `json:"enabled"`
	Variant     string  `json:"variant"`
	Sticky      bool    `json:"sticky"`
	Icon        *string `json:"icon"`
	Link        *string `json:"link"`
	LinkText    *string `json:"linkText"`
	DialogTitle *string `json:"dialogTitle"`
	Dialog      *string `json:"dialog"`
}

func describe(row queries.Banner) description {
	return description{
		ID: row.ID, Message: row.Message, Enabled: row.Enabled, Variant: row.Variant, Sticky: row.Sticky, Icon: row.Icon,
		Link: row.Link, LinkText: row.LinkText, DialogTitle: row.DialogTitle, Dialog: row.Dialog,
	}
}

// Create stores a banner.
func Create(ctx context.Context, tx pgx.Tx, in Input) (queries.Banner, error) {
	if err := in.complete(); err != nil {
		return queries.Banner{}, err
	}
	count, err := q.BannerCount(ctx, tx)
	if err != nil {
		return queries.Banner{}, fmt.Errorf("count banners: %w", err)
	}
	if err := limit.Room("banner", count, MaxBanners); err != nil {
		return queries.Banner{}, err
	}
	row, err := q.BannerCreate(ctx, tx, queries.BannerCreateParams{
		Enabled: in.Enabled, Message: in.Message, Variant: in.Variant, Sticky: in.Sticky, Icon: in.Icon,
		Link: in.Link, LinkText: in.LinkText, DialogTitle: in.DialogTitle, Dialog: in.Dialog,
	})
	if err != nil {
		return row, fmt.Errorf("store banner: %w", err)
	}
	return row, event.Append(ctx, tx, event.Event{Type: event.BannerCreated, Data: describe(row)})
}

// Update replaces a banner.
func Update(ctx context.Context, tx pgx.Tx, id int32, in Input) (queries.Banner, error) {
	before, err := lock(ctx, tx, id)
	if err != nil {
		return before, err
	}
	if err := in.complete(); err != nil {
		return before, err
	}
	return store(ctx, tx, before, in)
}

// Show shows a banner, or hides it. Nothing is written when it is so already.
func Show(ctx context.Context, tx pgx.Tx, id int32, enabled bool) error {
	before, err := lock(ctx, tx, id)
	if err != nil || before.Enabled == enabled {
		return err
	}
	_, err = store(ctx, tx, before, Input{
		Message: before.Message, Enabled: enabled, Variant: before.Variant, Sticky: before.Sticky, Icon: before.Icon,
		Link: before.Link, LinkText: before.LinkText, DialogTitle: before.DialogTitle, Dialog: before.Dialog,
	})
	return err
}

func store(ctx context.Context, tx pgx.Tx, before queries.Banner, in Input) (queries.Banner, error) {
	row, err := q.BannerUpdate(ctx, tx, queries.BannerUpdateParams{
		ID: before.ID, Enabled: in.Enabled, Message: in.Message, Variant: in.Variant, Sticky: in.Sticky, Icon: in.Icon,
		Link: in.Link, LinkText: in.LinkText, DialogTitle: in.DialogTitle, Dialog: in.Dialog,
	})
	if err != nil {
		return row, fmt.Errorf("update banner: %w", err)
	}
	return row, event.Append(ctx, tx, event.Event{Type: event.BannerUpdated, Data: describe(row), PreData: describe(before)})
}

// Delete removes a banner.
func Delete(ctx context.Context, tx pgx.Tx, id int32) error {
	row, err := lock(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := q.BannerDelete(ctx, tx, id); err != nil {
		return fmt.Errorf("delete banner: %w", err)
	}
	return event.Append(ctx, tx, event.Event{Type: event.BannerDeleted, PreData: describe(row)})
}

// Get returns a banner.
func Get(ctx context.Context, from queries.DBTX, id int32) (queries.Banner, error) {
	row, err := q.BannerGet(ctx, from, id)
	return found(row, err, id)
}

func lock(ctx context.Context, tx pgx.Tx, id int32) (queries.Banner, error) {
	row, err := q.BannerLock(ctx, tx, id)
	return found(row, err, id)
}

func found(row queries.Banner, err error, id int32) (queries.Banner, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return row, fault.New(fault.NotFound, "Could not find banner with id %d", id)
	}
	if err != nil {
		return row, fmt.Errorf("read banner: %w", err)
	}
	return row, nil
}

// complete checks in and fills in what was left out.
func (in *Input) complete() error {
	if in.Variant == "" {
		in.Variant = defaultVariant
	}
	if !slices.Contains([]string{"info", "warning", "error", "success"}, in.Variant) {
		return fault.New(fault.Invalid, `"variant" must be one of [info, warning, error, success].`)
	}
	if strings.TrimSpace(in.Message) == "" {
		return fault.New(fault.Invalid, `"message" is not allowed to be empty.`)
	}
	for _, text := range []struct {
		name string
		text *string
		most int
	}{
		{"message", &in.Message, maxMessageLength},
		{"icon", in.Icon, maxTextLength},
		{"link", in.Link, maxLinkLength},
		{"linkText", in.LinkText, maxTextLength},
		{"dialogTitle", in.DialogTitle, maxTextLength},
		{"dialog", in.Dialog, maxDialogLength},
	} {
		if text.text != nil && utf8.RuneCountInString(*text.text) > text.most {
			return fault.New(fault.Invalid, `%q must have at most %d characters.`, text.name, text.most)
		}
	}
	if in.Link != nil && !validLink(*in.Link) {
		return fault.New(fault.Invalid, `"link" must be an http or https URL, a path that begins with /, or "dialog".`)
	}
	return nil
}

// validLink lets only addresses of the web through: a link is put into pages, where javascript: would run, and //host would
// lead away.
func validLink(link string) bool {
	if link == "" || link == OpensDialog {
		return true
	}
	target, err := url.Parse(link)
	switch {
	case err != nil:
		return false
	case target.Scheme == "" && target.Host == "":
		return strings.HasPrefix(link, "/") && !strings.HasPrefix(link, `/\`)
	}
	return (target.Scheme == "http" || target.Scheme == "https") && target.Host != ""
}

package feature

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/oklog/ulid/v2"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Limits of links.
const (
	MaxLinks           = 10 // a flag
	maxLinkURLLength   = 2000
	maxLinkTitleLength = 255
)

// Link is a page outside that belongs to a flag, as audit events show it. A link without a title shows its URL.
type Link struct {
	URL   string  `json:"url"`
	Title *string `json:"title"`
}

// AddLink gives an active flag a link.
func AddLink(ctx context.Context, tx pgx.Tx, project, name string, link Link) error {
	row, err := lockActive(ctx, tx, project, name)
	if err != nil {
		return err
	}
	if err := link.check(); err != nil {
		return err
	}
	links, err := q.FeatureLinkList(ctx, tx, name)
	if err != nil {
		return fmt.Errorf("read links: %w", err)
	}
	if len(links) >= MaxLinks {
		return limit.Exceeded("link", MaxLinks)
	}
	err = q.FeatureLinkInsert(ctx, tx, queries.FeatureLinkInsertParams{ID: ulid.Make().String(), Feature: name, Url: link.URL, Title: link.Title})
	if err != nil {
		return fmt.Errorf("insert link: %w", err)
	}
	return appendEvent(ctx, tx, event.FeatureLinkAdded, row, link, nil)
}

// UpdateLink replaces a link of an active flag.
func UpdateLink(ctx context.Context, tx pgx.Tx, project, name, id string, link Link) error {
	row, old, err := lockLink(ctx, tx, project, name, id)
	if err != nil {
		return err
	}
	if err := link.check(); err != nil {
		return err
	}
	if old.URL == link.URL && equalText(old.Title, link.Title) {
		return nil
	}
	if err := q.FeatureLinkUpdate(ctx, tx, queries.FeatureLinkUpdateParams{ID: id, Url: link.URL, Title: link.Title}); err != nil {
		return fmt.Errorf("update link: %w", err)
	}
	return appendEvent(ctx, tx, event.FeatureLinkUpdated, row, link, old)
}

// DeleteLink removes a link of an active flag.
func DeleteLink(ctx context.Context, tx pgx.Tx, project, name, id string) error {
	row, old, err := lockLink(ctx, tx, project, name, id)
	if err != nil {
		return err
	}
	if err := q.FeatureLinkDelete(ctx, tx, id); err != nil {
		return fmt.Errorf("delete link: %w", err)
	}
	return appendEvent(ctx, tx, event.FeatureLinkRemoved, row, nil, old)
}

func lockLink(ctx context.Context, tx pgx.Tx, project, name, id string) (queries.Feature, Link, error) {
	row, err := lockActive(ctx, tx, project, name)
	if err != nil {
		return row, Link{}, err
	}
	link, err := q.FeatureLinkGet(ctx, tx, queries.FeatureLinkGetParams{ID: id, Feature: name})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return row, Link{}, fault.New(fault.NotFound, "Could not find link with id %s", id)
	case err != nil:
		return row, Link{}, fmt.Errorf("read link: %w", err)
	}
	return row, Link{URL: link.Url, Title: link.Title}, nil
}

// check lets only addresses of the web through: a link is put into pages, where javascript: would run.
func (l Link) check() error {
	target, err := url.Parse(l.URL)
	switch {
	case err != nil || target.Host == "" || (target.Scheme != "http" && target.Scheme != "https"):
		return invalid("\"url\" must be a valid http or https URL.")
	case utf8.RuneCountInString(l.URL) > maxLinkURLLength:
		return invalid(fmt.Sprintf("\"url\" must have at most %d characters.", maxLinkURLLength))
	case l.Title != nil && utf8.RuneCountInString(*l.Title) > maxLinkTitleLength:
		return invalid(fmt.Sprintf("\"title\" must have at most %d characters.", maxLinkTitleLength))
	}
	return nil
}

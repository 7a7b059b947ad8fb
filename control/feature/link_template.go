package feature

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/oklog/ulid/v2"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/queries"
)

// LinkTemplate is a link that new flags of a project get. In URL {{project}} and {{feature}} stand for their names.
type LinkTemplate struct {
	Title *string `json:"title"`
	URL   string  `json:"urlTemplate"`
}

// Check fails unless flags can be given the link.
func (t LinkTemplate) Check() error {
	return t.link(strings.Repeat("p", maxLinkNameLength), strings.Repeat("f", maxLinkNameLength)).check()
}

// maxLinkNameLength is how long the names of projects and flags can be.
const maxLinkNameLength = 100

func (t LinkTemplate) link(project, feature string) Link {
	names := strings.NewReplacer("{{project}}", url.PathEscape(project), "{{feature}}", url.PathEscape(feature))
	return Link{URL: names.Replace(t.URL), Title: t.Title}
}

// addTemplateLinks gives a new flag the links of its project.
func addTemplateLinks(ctx context.Context, tx pgx.Tx, row queries.Feature) error {
	project, err := q.ProjectGet(ctx, tx, row.Project)
	if err != nil {
		return fmt.Errorf("read project: %w", err)
	}
	var templates []LinkTemplate
	if err := json.Unmarshal(project.LinkTemplates, &templates); err != nil {
		return fmt.Errorf("read link templates: %w", err)
	}
	for _, template := range templates {
		link := template.link(row.Project, row.Name)
		err := q.FeatureLinkInsert(ctx, tx, queries.FeatureLinkInsertParams{
			ID: ulid.Make().String(), Feature: row.Name, Url: link.URL, Title: link.Title,
		})
		if err != nil {
			return fmt.Errorf("insert link: %w", err)
		}
		if err := appendEvent(ctx, tx, event.FeatureLinkAdded, row, link, nil); err != nil {
			return err
		}
	}
	return nil
}

package project

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// maxNamingLength bounds each text of a naming pattern, in characters.
const maxNamingLength = 500

// Naming is what the names of a project's new flags must look like. Empty texts are none.
type Naming struct {
	Pattern     string `json:"pattern"` // RE2, matched against the whole name
	Example     string `json:"example"`
	Description string `json:"description"`
}

// Settings is what may be changed of a project's settings. Empty and nil fields stay as they are.
type Settings struct {
	Mode          string
	Naming        *Naming
	LinkTemplates *[]feature.LinkTemplate
}

// settings is the project's settings as audit events show them.
type settings struct {
	ID            string          `json:"id"`
	Mode          string          `json:"mode"`
	FeatureNaming Naming          `json:"featureNaming"`
	LinkTemplates json.RawMessage `json:"linkTemplates"`
}

func describeSettings(row queries.Project) settings {
	return settings{ID: row.ID, Mode: row.Mode, FeatureNaming: NamingOf(row), LinkTemplates: row.LinkTemplates}
}

// NamingOf is a project's naming pattern.
func NamingOf(row queries.Project) Naming {
	return Naming{
		Pattern: text(row.FeatureNamingPattern), Example: text(row.FeatureNamingExample), Description: text(row.FeatureNamingDescription),
	}
}

// UpdateSettings changes a project's settings. Flags that exist keep their names.
func UpdateSettings(ctx context.Context, tx pgx.Tx, id string, s Settings) error {
	before, err := lock(ctx, tx, id)
	if err != nil {
		return err
	}
	params := queries.ProjectSettingsUpdateParams{
		ID: id, Mode: before.Mode, FeatureNamingPattern: before.FeatureNamingPattern,
		FeatureNamingExample: before.FeatureNamingExample, FeatureNamingDescription: before.FeatureNamingDescription,
		LinkTemplates: before.LinkTemplates,
	}
	if s.Mode != "" {
		params.Mode = s.Mode
	}
	if err := checkSettings(params.Mode, before.DefaultStickiness); err != nil {
		return err
	}
	if s.Naming != nil {
		if err := s.Naming.check(); err != nil {
			return err
		}
		params.FeatureNamingPattern, params.FeatureNamingExample = orNil(s.Naming.Pattern), orNil(s.Naming.Example)
		params.FeatureNamingDescription = orNil(s.Naming.Description)
	}
	if s.LinkTemplates != nil {
		if err := checkLinkTemplates(*s.LinkTemplates); err != nil {
			return err
		}
		if params.LinkTemplates, err = json.Marshal(*s.LinkTemplates); err != nil {
			return fmt.Errorf("marshal link templates: %w", err)
		}
	}
	after, err := q.ProjectSettingsUpdate(ctx, tx, params)
	if err != nil {
		return fmt.Errorf("update project settings: %w", err)
	}
	return event.Append(ctx, tx, event.Event{
		Type: event.ProjectUpdated, Project: id, Data: describeSettings(after), PreData: describeSettings(before),
	})
}

func (n Naming) check() error {
	for _, s := range []string{n.Pattern, n.Example, n.Description} {
		if utf8.RuneCountInString(s) > maxNamingLength {
			return fault.New(fault.Invalid, "The texts of a naming pattern can be at most %d characters long", maxNamingLength)
		}
	}
	if n.Pattern == "" {
		if n.Example != "" {
			return fault.New(fault.Invalid, "A naming example needs a naming pattern")
		}
		return nil
	}
	whole, err := regexp.Compile("^(?:" + strings.TrimSuffix(strings.TrimPrefix(n.Pattern, "^"), "$") + ")$")
	if err != nil {
		return fault.Wrap(fault.Invalid, err, "The naming pattern is not a valid regular expression (RE2)")
	}
	if n.Example != "" && !whole.MatchString(n.Example) {
		return fault.New(fault.Invalid, "The naming example does not match the naming pattern")
	}
	return nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func orNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

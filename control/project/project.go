// Package project creates, changes and deletes projects and decides which environments they use.
//
// It imports queries, fault, control/access, control/event and control/feature.
package project

import (
	"context"
	"errors"
	"fmt"
	"regexp"
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
	// Default is the project that every instance has and keeps.
	Default = "default"

	defaultMode       = "open"
	defaultStickiness = "default"

	maxIDLength         = 100
	maxNameLength       = 255
	maxStickinessLength = 100
)

// New is a project to be created. Empty fields get their defaults; an empty ID is made from the name. Nil Environments
// means all that are enabled.
type New struct {
	ID                string
	Name              string
	Description       *string
	Mode              string
	DefaultStickiness string
	Environments      []string
}

// Patch is what may be changed of a project. Nil and empty fields stay as they are.
type Patch struct {
	Name              string
	Description       *string
	Mode              string
	DefaultStickiness string
}

// description is a project as audit events show it.
type description struct {
	ID                string   `json:"id"`
	Name              string   `json:"name"`
	Description       *string  `json:"description"`
	Mode              string   `json:"mode"`
	DefaultStickiness string   `json:"defaultStickiness"`
	Environments      []string `json:"environments,omitempty"`
}

func describe(row queries.Project) description {
	return description{
		ID: row.ID, Name: row.Name, Description: row.Description, Mode: row.Mode, DefaultStickiness: row.DefaultStickiness,
	}
}

var (
	urlFriendly = regexp.MustCompile(`^[A-Za-z0-9_~.-]+$`)
	notInID     = regexp.MustCompile(`[^a-z0-9_~.]+`)
)

// Create stores a project and the environments it uses, which it returns with it.
func Create(ctx context.Context, tx pgx.Tx, n New) (queries.Project, []string, error) {
	if err := checkRoom(ctx, tx); err != nil {
		return queries.Project{}, nil, err
	}
	if err := complete(ctx, tx, &n); err != nil {
		return queries.Project{}, nil, err
	}
	row, err := q.ProjectCreate(ctx, tx, queries.ProjectCreateParams{
		ID: n.ID, Name: n.Name, Description: n.Description, Mode: n.Mode, DefaultStickiness: n.DefaultStickiness,
	})
	if err != nil {
		return queries.Project{}, nil, fmt.Errorf("store project: %w", err)
	}
	for _, environment := range n.Environments {
		params := queries.ProjectEnvironmentAddParams{Project: row.ID, Environment: environment}
		if _, err := q.ProjectEnvironmentAdd(ctx, tx, params); err != nil {
			return queries.Project{}, nil, fmt.Errorf("store the project's environment: %w", err)
		}
	}
	data := describe(row)
	data.Environments = n.Environments
	return row, n.Environments, event.Append(ctx, tx, event.Event{Type: event.ProjectCreated, Project: row.ID, Data: data})
}

// checkRoom refuses one more active project when there are as many as there may be.
func checkRoom(ctx context.Context, tx pgx.Tx) error {
	count, err := q.ProjectCount(ctx, tx)
	if err != nil {
		return fmt.Errorf("count projects: %w", err)
	}
	return limit.Room("project", count, limit.From(ctx).Projects)
}

// complete checks n and fills in what was left out.
func complete(ctx context.Context, tx pgx.Tx, n *New) error {
	var err error
	if n.Name, err = checkName(n.Name); err != nil {
		return err
	}
	if n.ID == "" {
		if n.ID, err = idFor(ctx, tx, n.Name); err != nil {
			return err
		}
	} else if err := CheckID(ctx, tx, n.ID); err != nil {
		return err
	}
	if n.Mode == "" {
		n.Mode = defaultMode
	}
	if n.DefaultStickiness == "" {
		n.DefaultStickiness = defaultStickiness
	}
	if err := checkSettings(n.Mode, n.DefaultStickiness); err != nil {
		return err
	}
	known, err := q.EnvironmentList(ctx, tx, nil)
	if err != nil {
		return fmt.Errorf("read environments: %w", err)
	}
	exists := make(map[string]bool, len(known))
	for _, e := range known {
		exists[e.Name] = true
	}
	if n.Environments == nil {
		for _, e := range known {
			if e.Enabled {
				n.Environments = append(n.Environments, e.Name)
			}
		}
	}
	if len(n.Environments) == 0 {
		return fault.New(fault.Invalid, "A project must have at least one environment")
	}
	for _, name := range n.Environments {
		if !exists[name] {
			return fault.New(fault.Invalid, "Environment=%s does not exist", name)
		}
	}
	return nil
}

// CheckID fails when no project can be created with that id.
func CheckID(ctx context.Context, db queries.DBTX, id string) error {
	switch {
	case id == "":
		return invalid(`"id" is not allowed to be empty.`)
	case utf8.RuneCountInString(id) > maxIDLength:
		return invalid(`"id" length must be less than or equal to 100 characters long.`)
	case !urlFriendly.MatchString(id) || id == "." || id == "..":
		return invalid(`"id" must be URL friendly.`)
	}
	taken, err := exists(ctx, db, id)
	if err != nil {
		return err
	}
	if taken {
		return fault.New(fault.NameTaken, "A project with this id already exists.")
	}
	return nil
}

func exists(ctx context.Context, db queries.DBTX, id string) (bool, error) {
	_, err := q.ProjectGet(ctx, db, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read project: %w", err)
	}
	return true, nil
}

// idFor makes a free id of a name: "My project" becomes my-project, or my-project-2.
func idFor(ctx context.Context, db queries.DBTX, name string) (string, error) {
	const room = 10 // for the number
	base := strings.Trim(notInID.ReplaceAllString(strings.ToLower(name), "-"), "-.")
	if len(base) > maxIDLength-room {
		base = base[:maxIDLength-room]
	}
	if base == "" {
		base = "project"
	}
	const tries = 1000
	for i := 1; i <= tries; i++ {
		id := base
		if i > 1 {
			id = fmt.Sprintf("%s-%d", base, i)
		}
		taken, err := exists(ctx, db, id)
		if err != nil || !taken {
			return id, err
		}
	}
	return "", fault.New(fault.NameTaken, "There are too many projects of that name.")
}

func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" {
		return "", invalid(`"name" is not allowed to be empty.`)
	}
	if utf8.RuneCountInString(name) > maxNameLength {
		return "", invalid(`"name" length must be less than or equal to 255 characters long.`)
	}
	return name, nil
}

func checkSettings(mode, stickiness string) error {
	if mode != "open" && mode != "protected" && mode != "private" {
		return invalid(`"mode" must be one of [open, protected, private].`)
	}
	if utf8.RuneCountInString(stickiness) > maxStickinessLength {
		return invalid(`"defaultStickiness" length must be less than or equal to 100 characters long.`)
	}
	return nil
}

func invalid(message string) error {
	return fault.New(fault.Invalid, "%s", message).With(fault.Detail{Message: message})
}

// Get reads one project, also an archived one.
func Get(ctx context.Context, db queries.DBTX, id string) (queries.Project, error) {
	row, err := q.ProjectGet(ctx, db, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, NotFound(id)
	}
	if err != nil {
		return row, fmt.Errorf("read project: %w", err)
	}
	return row, nil
}

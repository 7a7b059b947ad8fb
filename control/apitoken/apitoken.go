// Package apitoken creates, changes and revokes API tokens, makes sure that those of the configuration exist, and holds
// the cache that requests are checked against.
//
// It imports queries, fault, token, control/access and control/event.
package apitoken

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/limit"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/token"
)

var q = queries.New()

const (
	// DefaultEnvironment is what a token is for when nothing is said.
	DefaultEnvironment = "development"

	maxNameLength = 255
)

// Row is a stored token with its projects and when it was last seen.
type Row = queries.APITokenListRow

// New is a token to be created. The caller's permission for its kind is checked by Create.
type New struct {
	Name        string
	Kind        token.Kind
	Environment string   // empty: DefaultEnvironment; ignored for admin tokens
	Projects    []string // nil: all
	ExpiresAt   *time.Time
}

// Create stores a new token with a secret drawn for it.
func Create(ctx context.Context, tx pgx.Tx, n New) (Row, error) {
	if err := access.Require(ctx, createPermission(n.Kind), "", ""); err != nil {
		return Row{}, err
	}
	return create(ctx, tx, n)
}

// CreateInProject is Create for those who may manage the tokens of one project only: the token is bound to it.
func CreateInProject(ctx context.Context, tx pgx.Tx, project string, n New) (Row, error) {
	if n.Kind == token.Admin {
		return Row{}, fault.New(fault.Invalid, "A token of a project cannot be an admin token")
	}
	missing, err := q.ProjectsMissing(ctx, tx, []string{project})
	if err != nil {
		return Row{}, fmt.Errorf("read project: %w", err)
	}
	if len(missing) > 0 {
		return Row{}, fault.New(fault.NotFound, "Could not find project with id %s", project)
	}
	if n.Projects == nil {
		n.Projects = []string{project}
	}
	if len(n.Projects) != 1 || n.Projects[0] != project {
		return Row{}, fault.New(fault.Invalid, "A token of a project can see that project only")
	}
	return create(ctx, tx, n)
}

func create(ctx context.Context, tx pgx.Tx, n New) (Row, error) {
	count, err := q.APITokenCount(ctx, tx)
	if err != nil {
		return Row{}, fmt.Errorf("count tokens: %w", err)
	}
	if err := limit.Room("api token", count, limit.From(ctx).APITokens); err != nil {
		return Row{}, err
	}
	scope, err := checkScope(ctx, tx, &n)
	if err != nil {
		return Row{}, err
	}
	row, _, err := insert(ctx, tx, n, scope, token.New(n.Kind, scope))
	return row, err
}

// checkScope applies the rules on names, environments and projects, fills in what was left out and returns the scope.
func checkScope(ctx context.Context, tx pgx.Tx, n *New) (token.Scope, error) {
	n.Name = strings.TrimSpace(n.Name)
	if n.Name == "" {
		return token.Scope{}, invalidField("tokenName", "is not allowed to be empty.")
	}
	if utf8.RuneCountInString(n.Name) > maxNameLength {
		return token.Scope{}, invalidField("tokenName", "length must be less than or equal to 255 characters long.")
	}
	if n.Projects == nil {
		n.Projects = []string{token.All}
	}
	if len(n.Projects) == 0 {
		return token.Scope{}, invalidField("projects", "must contain at least one project.")
	}
	if n.Environment == "" {
		n.Environment = DefaultEnvironment
	}
	if n.Kind == token.Admin {
		n.Environment, n.Projects = token.All, []string{token.All}
	}
	if err := checkWildcards(n.Kind, n.Environment); err != nil {
		return token.Scope{}, err
	}
	scope := token.NewScope(n.Environment, n.Projects...)
	if n.Kind == token.Admin {
		return scope, nil
	}
	known, err := q.EnvironmentExists(ctx, tx, n.Environment)
	if err != nil {
		return scope, fmt.Errorf("read environment: %w", err)
	}
	if !known {
		return scope, fault.New(fault.Invalid, "Environment=%s does not exist", n.Environment)
	}
	if scope.AllProjects() {
		return scope, nil
	}
	missing, err := q.ProjectsMissing(ctx, tx, scope.Projects())
	if err != nil {
		return scope, fmt.Errorf("read projects: %w", err)
	}
	if len(missing) > 0 {
		return scope, fault.New(fault.Invalid, "Project=%s does not exist", missing[0])
	}
	return scope, nil
}

func checkWildcards(kind token.Kind, environment string) error {
	if kind == token.Admin || environment != token.All {
		return nil
	}
	if kind == token.Frontend {
		return fault.New(fault.Invalid, "Frontend token cannot be scoped to all environments")
	}
	return fault.New(fault.Invalid, "Client token cannot be scoped to all environments")
}

// insert stores the token unless its secret exists; created says which.
func insert(ctx context.Context, tx pgx.Tx, n New, scope token.Scope, secret string) (row Row, created bool, err error) {
	hash := token.Hash(secret)
	params := queries.APITokenCreateParams{
		SecretHash:      hash[:],
		Secret:          &secret,
		Name:            n.Name,
		Kind:            string(n.Kind),
		AllProjects:     scope.AllProjects(),
		CreatedByUserID: access.ActorFrom(ctx).UserID,
		ExpiresAt:       n.ExpiresAt,
	}
	if n.Kind != token.Admin {
		params.Environment = &scope.Environment
	}
	stored, err := q.APITokenCreate(ctx, tx, params)
	if errors.Is(err, pgx.ErrNoRows) {
		return Row{}, false, nil
	}
	if err != nil {
		return Row{}, false, fmt.Errorf("store token: %w", err)
	}
	row = Row{
		ID: stored.ID, SecretHash: stored.SecretHash, Secret: stored.Secret, Name: stored.Name, Kind: stored.Kind,
		Environment: stored.Environment, AllProjects: stored.AllProjects, Alias: stored.Alias,
		CreatedAt: stored.CreatedAt, CreatedByUserID: stored.CreatedByUserID, ExpiresAt: stored.ExpiresAt,
	}
	if !scope.AllProjects() {
		row.Projects = slices.Clone(scope.Projects())
		if err := q.APITokenProjectsAdd(ctx, tx, queries.APITokenProjectsAddParams{TokenID: row.ID, Projects: row.Projects}); err != nil {
			return Row{}, false, fmt.Errorf("store the token's projects: %w", err)
		}
	}
	return row, true, appendEvent(ctx, tx, event.APITokenCreated, row, Describe(row), nil)
}

// UpdateExpiry changes until when the token is valid; nil means for ever. An unknown secret is no error, as in Unleash.
func UpdateExpiry(ctx context.Context, tx pgx.Tx, secret string, expiresAt *time.Time) error {
	row, err := find(ctx, tx, secret)
	if err != nil || row == nil {
		return err
	}
	if err := access.Require(ctx, updatePermission(token.Kind(row.Kind)), "", ""); err != nil {
		return err
	}
	before := Describe(*row)
	if err := q.APITokenExpiryUpdate(ctx, tx, queries.APITokenExpiryUpdateParams{ID: row.ID, ExpiresAt: expiresAt}); err != nil {
		return fmt.Errorf("update token: %w", err)
	}
	row.ExpiresAt = expiresAt
	return appendEvent(ctx, tx, event.APITokenUpdated, *row, Describe(*row), before)
}

// Delete revokes the token. An unknown secret is no error, as in Unleash.
func Delete(ctx context.Context, tx pgx.Tx, secret string) error {
	row, err := find(ctx, tx, secret)
	if err != nil || row == nil {
		return err
	}
	if err := access.Require(ctx, deletePermission(token.Kind(row.Kind)), "", ""); err != nil {
		return err
	}
	return Revoke(ctx, tx, *row)
}

// DeleteInProject revokes a token that is bound to that project and no other.
func DeleteInProject(ctx context.Context, tx pgx.Tx, project, secret string) error {
	row, err := find(ctx, tx, secret)
	if err != nil || row == nil {
		return err
	}
	if row.AllProjects || len(row.Projects) != 1 || row.Projects[0] != project {
		return fault.New(fault.Invalid, "The token is not bound to project %s alone", project)
	}
	return Revoke(ctx, tx, *row)
}

// Revoke deletes a token that has been read before. The caller has checked the permission.
func Revoke(ctx context.Context, tx pgx.Tx, row Row) error {
	if _, err := q.APITokenDelete(ctx, tx, row.ID); err != nil {
		return fmt.Errorf("delete token: %w", err)
	}
	return appendEvent(ctx, tx, event.APITokenDeleted, row, nil, Describe(row))
}

// find returns nil when there is no such token.
func find(ctx context.Context, tx pgx.Tx, secret string) (*Row, error) {
	hash := token.Hash(secret)
	found, err := q.APITokenGetBySecret(ctx, tx, queries.APITokenGetBySecretParams{SecretHash: hash[:], Secret: secret})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read token: %w", err)
	}
	row := Row(found)
	return &row, nil
}

func invalidField(name, text string) error {
	message := `"` + name + `" ` + text
	return fault.New(fault.Invalid, "%s", message).With(fault.Detail{Message: message})
}

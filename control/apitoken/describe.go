package apitoken

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/token"
)

// Description is what audit events tell of a token: everything but the secret.
type Description struct {
	TokenName   string     `json:"tokenName"`
	Type        token.Kind `json:"type"`
	Environment string     `json:"environment"`
	Project     string     `json:"project"`
	Projects    []string   `json:"projects"`
	CreatedAt   time.Time  `json:"createdAt"`
	ExpiresAt   *time.Time `json:"expiresAt"`
	Alias       *string    `json:"alias"`
}

// Describe tells of a token.
func Describe(row Row) Description {
	d := Description{
		TokenName: row.Name, Type: token.Kind(row.Kind), Environment: token.All, Projects: ProjectsOf(row),
		CreatedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt, Alias: row.Alias,
	}
	if row.Environment != nil {
		d.Environment = *row.Environment
	}
	d.Project = strings.Join(d.Projects, ",")
	return d
}

// ProjectsOf lists the projects that the token sees, ["*"] for all.
func ProjectsOf(row Row) []string {
	if row.AllProjects {
		return []string{token.All}
	}
	if row.Projects == nil {
		return []string{}
	}
	return row.Projects
}

func appendEvent(ctx context.Context, tx pgx.Tx, kind event.Type, row Row, data, preData any) error {
	d := Describe(row)
	return event.Append(ctx, tx, event.Event{Type: kind, Project: d.Project, Environment: d.Environment, Data: data, PreData: preData})
}

func createPermission(kind token.Kind) access.Permission {
	switch kind {
	case token.Client:
		return access.CreateClientAPIToken
	case token.Frontend:
		return access.CreateFrontendToken
	}
	return access.Admin
}

func updatePermission(kind token.Kind) access.Permission {
	switch kind {
	case token.Client:
		return access.UpdateClientAPIToken
	case token.Frontend:
		return access.UpdateFrontendToken
	}
	return access.Admin
}

func deletePermission(kind token.Kind) access.Permission {
	switch kind {
	case token.Client:
		return access.DeleteClientAPIToken
	case token.Frontend:
		return access.DeleteFrontendToken
	}
	return access.Admin
}

package admin

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/apitoken"
	"github.com/pennonhq/pennon/control/project"
	"github.com/pennonhq/pennon/queries"
)

// CreateProjectAPITokenSchema describes a token to be created in a project.
type CreateProjectAPITokenSchema struct {
	TokenName   string     `json:"tokenName" minLength:"1" maxLength:"255"`
	Type        string     `json:"type" pattern:"^([Cc][Ll][Ii][Ee][Nn][Tt]|[Bb][Aa][Cc][Kk][Ee][Nn][Dd]|[Ff][Rr][Oo][Nn][Tt][Ee][Nn][Dd])$"`
	Environment string     `json:"environment,omitempty" doc:"Default: development"`
	Projects    *[]string  `json:"projects,omitempty" doc:"If given, the project alone" nullable:"false"`
	ExpiresAt   *time.Time `json:"expiresAt,omitempty"`
}

type (
	projectTokenCreateInput struct {
		ProjectPath
		Body CreateProjectAPITokenSchema
	}
	projectTokenInput struct {
		ProjectPath
		Token string `path:"token"`
	}
)

func (a *API) registerProjectTokens() {
	const tag = "Projects"
	read(a, access.ReadProjectToken, op(get, "/projects/{projectId}/api-tokens", "getProjectApiTokens", tag), a.projectTokens)
	write(a, access.CreateProjectToken, op(post, "/projects/{projectId}/api-tokens", "createProjectApiToken", tag, status(201)), a.createProjectToken)
	write(a, access.DeleteProjectToken, op(remove, "/projects/{projectId}/api-tokens/{token}", "deleteProjectApiToken", tag, status(200)), a.deleteProjectToken)
}

func (a *API) projectTokens(ctx context.Context, in *ProjectPath) (*apiTokensOutput, error) {
	if _, err := project.Get(ctx, a.pool, in.Project); err != nil {
		return nil, err
	}
	rows, err := q.APITokenList(ctx, a.pool, queries.APITokenListParams{Project: &in.Project})
	if err != nil {
		return nil, err
	}
	out := &apiTokensOutput{Body: APITokensSchema{Tokens: []APITokenSchema{}}}
	for _, row := range rows {
		out.Body.Tokens = append(out.Body.Tokens, apiTokenSchema(row))
	}
	return out, nil
}

func (a *API) createProjectToken(ctx context.Context, tx pgx.Tx, in *projectTokenCreateInput) (*apiTokenCreateOutput, error) {
	row, err := apitoken.CreateInProject(ctx, tx, in.Project, newAPIToken(CreateAPITokenSchema(in.Body)))
	if err != nil {
		return nil, err
	}
	return apiTokenCreated(row, in.Body.Type), nil
}

func (a *API) deleteProjectToken(ctx context.Context, tx pgx.Tx, in *projectTokenInput) (*struct{}, error) {
	return nil, apitoken.DeleteInProject(ctx, tx, in.Project, in.Token)
}

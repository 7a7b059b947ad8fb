package admin

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/apitoken"
	"github.com/pennonhq/pennon/queries"
	"github.com/pennonhq/pennon/token"
)

// APITokenSchema is an API token, its secret in clear: Unleash shows it to those who may read tokens.
type APITokenSchema struct {
	TokenName   string    `json:"tokenName"`
	Environment string    `json:"environment"`
	Projects    []string  `json:"projects" nullable:"false"`
	ExpiresAt   *api.Time `json:"expiresAt" nullable:"true"`
	Secret      *string   `json:"secret" nullable:"true"`
	Type        string    `json:"type" enum:"client,admin,frontend,backend"`
	Alias       *string   `json:"alias" nullable:"true"`
	Project     string    `json:"project"`
	CreatedAt   api.Time  `json:"createdAt"`
	SeenAt      *api.Time `json:"seenAt" nullable:"true"`
	Secure      bool      `json:"secure"`
}

// APITokensSchema is a list of API tokens.
type APITokensSchema struct {
	Tokens []APITokenSchema `json:"tokens" nullable:"false"`
}

// CreateAPITokenSchema describes a token to be created. Unleash's legacy field project is ignored, as there.
type CreateAPITokenSchema struct {
	TokenName   string     `json:"tokenName" minLength:"1" maxLength:"255"`
	Type        string     `json:"type" pattern:"^([Cc][Ll][Ii][Ee][Nn][Tt]|[Bb][Aa][Cc][Kk][Ee][Nn][Dd]|[Ff][Rr][Oo][Nn][Tt][Ee][Nn][Dd])$"`
	Environment string     `json:"environment,omitempty" doc:"Default: development"`
	Projects    *[]string  `json:"projects,omitempty" doc:"Default: every project" nullable:"false"`
	ExpiresAt   *time.Time `json:"expiresAt,omitempty"`
}

// UpdateAPITokenSchema changes until when a token is valid.
type UpdateAPITokenSchema struct {
	ExpiresAt *time.Time `json:"expiresAt" nullable:"true" doc:"null: for ever"`
}

type (
	apiTokensOutput   struct{ Body APITokensSchema }
	apiTokenNameInput struct {
		Name string `path:"name"`
	}
	apiTokenSecretInput struct {
		Token string `path:"token"`
	}
	apiTokenCreateInput struct{ Body CreateAPITokenSchema }
	apiTokenUpdateInput struct {
		Token string `path:"token"`
		Body  UpdateAPITokenSchema
	}
	apiTokenCreateOutput struct {
		Location string `header:"Location"`
		Body     APITokenSchema
	}
)

// locationAPITokens is the Location of a new token, which Unleash does not address by its secret.
const locationAPITokens = "api-tokens"

func (a *API) registerAPITokens() {
	const tag = "API tokens"
	reading := access.OneOf(access.Admin, access.ReadClientAPIToken, access.ReadFrontendToken)
	creating := access.OneOf(access.Admin, access.CreateClientAPIToken, access.CreateFrontendToken)
	updating := access.OneOf(access.Admin, access.UpdateClientAPIToken, access.UpdateFrontendToken)
	deleting := access.OneOf(access.Admin, access.DeleteClientAPIToken, access.DeleteFrontendToken)

	read(a, reading, op(get, "/api-tokens", "getAllApiTokens", tag), a.apiTokens)
	read(a, reading, op(get, "/api-tokens/{name}", "getApiTokensByName", tag), a.apiTokensByName)
	write(a, creating, op(post, "/api-tokens", "createApiToken", tag, status(201)), a.createAPIToken)
	write(a, updating, op(put, "/api-tokens/{token}", "updateApiToken", tag, status(200)), a.updateAPIToken)
	write(a, deleting, op(remove, "/api-tokens/{token}", "deleteApiToken", tag, status(200)), a.deleteAPIToken)
}

func (a *API) apiTokens(ctx context.Context, _ *struct{}) (*apiTokensOutput, error) {
	return a.listAPITokens(ctx, queries.APITokenListParams{})
}

func (a *API) apiTokensByName(ctx context.Context, in *apiTokenNameInput) (*apiTokensOutput, error) {
	return a.listAPITokens(ctx, queries.APITokenListParams{Name: &in.Name})
}

// listAPITokens leaves out the kinds that the caller may not read.
func (a *API) listAPITokens(ctx context.Context, params queries.APITokenListParams) (*apiTokensOutput, error) {
	rows, err := q.APITokenList(ctx, a.pool, params)
	if err != nil {
		return nil, err
	}
	actor := access.ActorFrom(ctx)
	readable := map[token.Kind]bool{
		token.Admin:    actor.May(access.Admin, "", ""),
		token.Client:   actor.May(access.ReadClientAPIToken, "", ""),
		token.Frontend: actor.May(access.ReadFrontendToken, "", ""),
	}
	out := &apiTokensOutput{Body: APITokensSchema{Tokens: []APITokenSchema{}}}
	for _, row := range rows {
		if readable[token.Kind(row.Kind)] {
			out.Body.Tokens = append(out.Body.Tokens, apiTokenSchema(row))
		}
	}
	return out, nil
}

func (a *API) createAPIToken(ctx context.Context, tx pgx.Tx, in *apiTokenCreateInput) (*apiTokenCreateOutput, error) {
	row, err := apitoken.Create(ctx, tx, newAPIToken(in.Body))
	if err != nil {
		return nil, err
	}
	return apiTokenCreated(row, in.Body.Type), nil
}

func (a *API) updateAPIToken(ctx context.Context, tx pgx.Tx, in *apiTokenUpdateInput) (*struct{}, error) {
	return nil, apitoken.UpdateExpiry(ctx, tx, in.Token, in.Body.ExpiresAt)
}

func (a *API) deleteAPIToken(ctx context.Context, tx pgx.Tx, in *apiTokenSecretInput) (*struct{}, error) {
	return nil, apitoken.Delete(ctx, tx, in.Token)
}

func newAPIToken(in CreateAPITokenSchema) apitoken.New {
	n := apitoken.New{Name: in.TokenName, Kind: token.Client, Environment: in.Environment, ExpiresAt: in.ExpiresAt}
	if strings.EqualFold(in.Type, string(token.Frontend)) {
		n.Kind = token.Frontend
	}
	if in.Projects != nil {
		n.Projects = *in.Projects
	}
	return n
}

// apiTokenCreated shows a new token with its type as it was asked for: client and backend are the same.
func apiTokenCreated(row apitoken.Row, kind string) *apiTokenCreateOutput {
	out := &apiTokenCreateOutput{Location: locationAPITokens, Body: apiTokenSchema(row)}
	out.Body.Type = strings.ToLower(kind)
	return out
}

func apiTokenSchema(row apitoken.Row) APITokenSchema {
	d := apitoken.Describe(row)
	return APITokenSchema{
		TokenName: d.TokenName, Environment: d.Environment, Projects: d.Projects, ExpiresAt: api.AtOrNil(row.ExpiresAt),
		Secret: row.Secret, Type: row.Kind, Alias: row.Alias, Project: d.Project, CreatedAt: api.At(row.CreatedAt),
		SeenAt: api.AtOrNil(row.LastSeenAt),
	}
}

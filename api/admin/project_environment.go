package admin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/project"
)

// ProjectEnvironmentSchema is an environment that a project uses.
type ProjectEnvironmentSchema struct {
	Environment           string                       `json:"environment"`
	ChangeRequestsEnabled bool                         `json:"changeRequestsEnabled,omitempty"`
	DefaultStrategy       *CreateFeatureStrategySchema `json:"defaultStrategy,omitempty"`
}

type (
	addProjectEnvironmentInput struct {
		ProjectPath
		Body ProjectEnvironmentSchema
	}
	projectEnvironmentInput struct {
		ProjectPath
		Environment string `path:"environment"`
	}
	defaultStrategyInput struct {
		ProjectPath
		Environment string `path:"environment"`
		Body        CreateFeatureStrategySchema
	}
	defaultStrategyOutput struct{ Body CreateFeatureStrategySchema }
)

func (a *API) registerProjectEnvironments() {
	const tag = "Projects"
	const all = "/projects/{projectId}/environments"
	const one = all + "/{environment}"
	defaults := access.OneOf(access.UpdateProject, access.WriteDefaultStrategy)

	write(a, access.UpdateProject, op(post, all, "addEnvironmentToProject", tag, status(200)), a.addProjectEnvironment)
	write(a, access.UpdateProject, op(remove, one, "removeEnvironmentFromProject", tag, status(200)), a.removeProjectEnvironment)
	write(a, defaults, op(post, one+"/default-strategy", "addDefaultStrategyToProjectEnvironment", tag, status(200)), a.setDefaultStrategy)
}

func (a *API) addProjectEnvironment(ctx context.Context, tx pgx.Tx, in *addProjectEnvironmentInput) (*struct{}, error) {
	if err := project.AddEnvironment(ctx, tx, in.Project, in.Body.Environment); err != nil || in.Body.DefaultStrategy == nil {
		return nil, err
	}
	_, err := project.SetDefaultStrategy(ctx, tx, in.Project, in.Body.Environment, in.Body.DefaultStrategy.input())
	return nil, err
}

func (a *API) removeProjectEnvironment(ctx context.Context, tx pgx.Tx, in *projectEnvironmentInput) (*struct{}, error) {
	return nil, project.RemoveEnvironment(ctx, tx, in.Project, in.Environment)
}

func (a *API) setDefaultStrategy(ctx context.Context, tx pgx.Tx, in *defaultStrategyInput) (*defaultStrategyOutput, error) {
	stored, err := project.SetDefaultStrategy(ctx, tx, in.Project, in.Environment, in.Body.input())
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(stored)
	if err != nil {
		return nil, fmt.Errorf("marshal default strategy: %w", err)
	}
	schema, err := defaultStrategySchema(text)
	if err != nil {
		return nil, err
	}
	return &defaultStrategyOutput{Body: *schema}, nil
}

// defaultStrategySchema reads a default strategy as projects store it; nil when there is none.
func defaultStrategySchema(stored json.RawMessage) (*CreateFeatureStrategySchema, error) {
	if stored == nil {
		return nil, nil
	}
	schema := &CreateFeatureStrategySchema{}
	if err := json.Unmarshal(stored, schema); err != nil {
		return nil, fmt.Errorf("read default strategy: %w", err)
	}
	return schema, nil
}

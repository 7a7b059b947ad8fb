package admin

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/environment"
	"github.com/pennonhq/pennon/control/project"
	"github.com/pennonhq/pennon/queries"
)

// EnvironmentSchema is an environment with how much uses it.
type EnvironmentSchema struct {
	Name               string `json:"name"`
	Type               string `json:"type"`
	SortOrder          int32  `json:"sortOrder"`
	Enabled            bool   `json:"enabled"`
	Protected          bool   `json:"protected"`
	RequiredApprovals  *int32 `json:"requiredApprovals" nullable:"true"`
	ProjectCount       int32  `json:"projectCount"`
	APITokenCount      int32  `json:"apiTokenCount"`
	EnabledToggleCount int32  `json:"enabledToggleCount"`
}

// EnvironmentsSchema is a list of environments.
type EnvironmentsSchema struct {
	Version      int                 `json:"version"`
	Environments []EnvironmentSchema `json:"environments" nullable:"false"`
}

// EnvironmentProjectSchema is an environment as a project sees it.
type EnvironmentProjectSchema struct {
	Name                      string                       `json:"name"`
	Type                      string                       `json:"type"`
	SortOrder                 int32                        `json:"sortOrder"`
	Enabled                   bool                         `json:"enabled"`
	Protected                 bool                         `json:"protected"`
	RequiredApprovals         *int32                       `json:"requiredApprovals" nullable:"true"`
	ProjectAPITokenCount      int32                        `json:"projectApiTokenCount"`
	ProjectEnabledToggleCount int32                        `json:"projectEnabledToggleCount"`
	DefaultStrategy           *CreateFeatureStrategySchema `json:"defaultStrategy,omitempty"`
	Visible                   bool                         `json:"visible" doc:"The project uses it"`
}

// EnvironmentsProjectSchema is a list of environments as a project sees them.
type EnvironmentsProjectSchema struct {
	Version      int                        `json:"version"`
	Environments []EnvironmentProjectSchema `json:"environments" nullable:"false"`
}

// CreateEnvironmentSchema describes an environment to be created.
type CreateEnvironmentSchema struct {
	Name              string `json:"name"`
	Type              string `json:"type"`
	Enabled           *bool  `json:"enabled,omitempty" doc:"Default: true"`
	SortOrder         *int   `json:"sortOrder,omitempty"`
	RequiredApprovals *int   `json:"requiredApprovals,omitempty" nullable:"true" minimum:"0"`
}

// UpdateEnvironmentSchema changes an environment. What is left out stays.
type UpdateEnvironmentSchema struct {
	Type              string `json:"type,omitempty"`
	SortOrder         *int   `json:"sortOrder,omitempty"`
	RequiredApprovals *int   `json:"requiredApprovals,omitempty" nullable:"true" minimum:"0" doc:"0: none"`
}

// SortOrderSchema places environments by name.
type SortOrderSchema map[string]int

// NameSchema holds a name to be validated.
type NameSchema struct {
	Name string `json:"name"`
}

// EnvironmentPath is the path of an environment.
type EnvironmentPath struct {
	Name string `path:"name" doc:"The environment's name"`
}

type (
	environmentsOutput        struct{ Body EnvironmentsSchema }
	projectEnvironmentsOutput struct{ Body EnvironmentsProjectSchema }
	environmentOutput         struct{ Body EnvironmentSchema }
	createEnvironmentInput    struct{ Body CreateEnvironmentSchema }
	sortOrderInput            struct{ Body SortOrderSchema }
	validateNameInput         struct{ Body NameSchema }
	updateEnvironmentInput    struct {
		EnvironmentPath
		Body UpdateEnvironmentSchema
	}
	createEnvironmentOutput struct {
		Location string `header:"Location"`
		Body     EnvironmentSchema
	}
)

func (a *API) registerEnvironments() {
	const tag = "Environments"
	read(a, access.Anyone, op(get, "/environments", "getAllEnvironments", tag), a.environments)
	read(a, access.Anyone, op(get, "/environments/project/{projectId}", "getProjectEnvironments", tag), a.projectEnvironments)
	read(a, access.Anyone, op(get, "/environments/{name}", "getEnvironment", tag), a.environment)
	write(a, access.Admin, op(post, "/environments", "createEnvironment", tag, status(201)), a.createEnvironment)
	read(a, access.Admin, op(post, "/environments/validate", "validateEnvironmentName", tag, status(200)), a.validateEnvironment)
	write(a, access.Admin, op(put, "/environments/sort-order", "updateSortOrder", tag, status(200), mayBeNotFound), a.sortEnvironments)
	write(a, access.Admin, op(put, "/environments/update/{name}", "updateEnvironment", tag), a.updateEnvironment)
	write(a, access.Admin, op(remove, "/environments/{name}", "removeEnvironment", tag, status(200)), a.deleteEnvironment)
	for path, enabled := range map[string]bool{"on": true, "off": false} {
		id := map[bool]string{true: "toggleEnvironmentOn", false: "toggleEnvironmentOff"}[enabled]
		write(a, access.Admin, op(post, "/environments/{name}/"+path, id, tag, status(204)),
			func(ctx context.Context, tx pgx.Tx, in *EnvironmentPath) (*struct{}, error) {
				return nil, environment.SetEnabled(ctx, tx, in.Name, enabled)
			})
	}
}

func (a *API) environments(ctx context.Context, _ *struct{}) (*environmentsOutput, error) {
	rows, err := q.EnvironmentList(ctx, a.pool, nil)
	if err != nil {
		return nil, err
	}
	out := &environmentsOutput{Body: EnvironmentsSchema{Version: 1, Environments: []EnvironmentSchema{}}}
	for _, row := range rows {
		out.Body.Environments = append(out.Body.Environments, environmentSchema(row))
	}
	return out, nil
}

func (a *API) projectEnvironments(ctx context.Context, in *ProjectPath) (*projectEnvironmentsOutput, error) {
	if _, err := project.Get(ctx, a.pool, in.Project); err != nil {
		return nil, err
	}
	rows, err := q.EnvironmentListForProject(ctx, a.pool, in.Project)
	if err != nil {
		return nil, err
	}
	out := &projectEnvironmentsOutput{Body: EnvironmentsProjectSchema{Version: 1, Environments: []EnvironmentProjectSchema{}}}
	for _, row := range rows {
		strategy, err := defaultStrategySchema(row.DefaultStrategy)
		if err != nil {
			return nil, err
		}
		out.Body.Environments = append(out.Body.Environments, EnvironmentProjectSchema{
			Name: row.Name, Type: row.Type, SortOrder: row.SortOrder, Enabled: row.Enabled, Protected: row.Protected,
			RequiredApprovals: row.RequiredApprovals, ProjectAPITokenCount: row.TokenCount,
			ProjectEnabledToggleCount: row.EnabledCount, DefaultStrategy: strategy, Visible: row.Visible,
		})
	}
	return out, nil
}

func (a *API) environment(ctx context.Context, in *EnvironmentPath) (*environmentOutput, error) {
	schema, err := environmentNamed(ctx, a.pool, in.Name)
	return &environmentOutput{Body: schema}, err
}

func (a *API) createEnvironment(ctx context.Context, tx pgx.Tx, in *createEnvironmentInput) (*createEnvironmentOutput, error) {
	row, err := environment.Create(ctx, tx, in.Body.input())
	if err != nil {
		return nil, err
	}
	schema, err := environmentNamed(ctx, tx, row.Name)
	return &createEnvironmentOutput{Location: "environments/" + row.Name, Body: schema}, err
}

func (a *API) validateEnvironment(ctx context.Context, in *validateNameInput) (*struct{}, error) {
	return nil, environment.CheckName(ctx, a.pool, in.Body.Name)
}

func (a *API) sortEnvironments(ctx context.Context, tx pgx.Tx, in *sortOrderInput) (*struct{}, error) {
	return nil, environment.SetSortOrder(ctx, tx, in.Body)
}

func (a *API) updateEnvironment(ctx context.Context, tx pgx.Tx, in *updateEnvironmentInput) (*environmentOutput, error) {
	row, err := environment.Update(ctx, tx, in.Name, environment.Patch(in.Body))
	if err != nil {
		return nil, err
	}
	schema, err := environmentNamed(ctx, tx, row.Name)
	return &environmentOutput{Body: schema}, err
}

func (a *API) deleteEnvironment(ctx context.Context, tx pgx.Tx, in *EnvironmentPath) (*struct{}, error) {
	return nil, environment.Delete(ctx, tx, in.Name)
}

func (s CreateEnvironmentSchema) input() environment.New {
	return environment.New{Name: s.Name, Type: s.Type, SortOrder: s.SortOrder, Enabled: s.Enabled, RequiredApprovals: s.RequiredApprovals}
}

func environmentNamed(ctx context.Context, db queries.DBTX, name string) (EnvironmentSchema, error) {
	rows, err := q.EnvironmentList(ctx, db, &name)
	if err != nil {
		return EnvironmentSchema{}, err
	}
	if len(rows) == 0 {
		return EnvironmentSchema{}, environment.NotFound(name)
	}
	return environmentSchema(rows[0]), nil
}

func environmentSchema(row queries.EnvironmentListRow) EnvironmentSchema {
	return EnvironmentSchema{
		Name: row.Name, Type: row.Type, SortOrder: row.SortOrder, Enabled: row.Enabled, Protected: row.Protected,
		RequiredApprovals: row.RequiredApprovals, ProjectCount: row.ProjectCount, APITokenCount: row.TokenCount,
		EnabledToggleCount: row.EnabledCount,
	}
}

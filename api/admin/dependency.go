package admin

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/queries"
)

// CreateDependentFeatureSchema names the parent that a flag is to depend on.
type CreateDependentFeatureSchema struct {
	Feature  string   `json:"feature" doc:"The parent"`
	Enabled  *bool    `json:"enabled,omitempty" doc:"Whether the parent must be on (default) or off"`
	Variants []string `json:"variants,omitempty" doc:"The parent must give one of these; any when left out"`
}

// DependentFeatureSchema is a parent of a flag.
type DependentFeatureSchema struct {
	Feature  string   `json:"feature"`
	Enabled  bool     `json:"enabled"`
	Variants []string `json:"variants"`
}

// ChildPath is the path of a flag that depends on others.
type ChildPath struct {
	ProjectPath
	Child string `path:"child" doc:"The flag that depends on another"`
}

type (
	addDependencyInput struct {
		ChildPath
		KeepOthers bool `query:"keepOthers" doc:"Adds a parent to those there are, where by default it replaces them. Not part of Unleash."`
		Body       CreateDependentFeatureSchema
	}
	childInput      struct{ ChildPath }
	dependencyInput struct {
		ChildPath
		Parent string `path:"parent" doc:"The flag that is depended on"`
	}
	parentVariantsInput struct {
		ProjectPath
		Parent string `path:"parent" doc:"The flag that is depended on"`
	}
	namesOutput struct{ Body []string }
	boolOutput  struct{ Body bool }
)

func (a *API) registerDependencies() {
	const tag, ok = "Dependencies", http.StatusOK
	const project = "/projects/{projectId}"
	const child = project + "/features/{child}"
	const may = access.UpdateFeatureDependency
	write(a, may, op(post, child+"/dependencies", "addFeatureDependency", tag, status(ok)), a.addDependency)
	write(a, may, op(remove, child+"/dependencies", "deleteFeatureDependencies", tag, status(ok)), a.deleteDependencies)
	write(a, may, op(remove, child+"/dependencies/{parent}", "deleteFeatureDependency", tag, status(ok)), a.deleteDependency)
	read(a, access.Anyone, op(get, child+"/parents", "listParentOptions", tag), a.listParentOptions)
	read(a, access.Anyone, op(get, project+"/features/{parent}/parent-variants", "listParentVariantOptions", tag), a.listParentVariants)
	read(a, access.Anyone, op(get, project+"/dependencies", "checkDependenciesExist", tag), a.checkDependenciesExist)
}

func (a *API) addDependency(ctx context.Context, tx pgx.Tx, in *addDependencyInput) (*struct{}, error) {
	d := feature.Dependency{Parent: in.Body.Feature, Enabled: in.Body.Enabled == nil || *in.Body.Enabled, Variants: in.Body.Variants}
	return nil, feature.AddDependency(ctx, tx, in.Project, in.Child, d, in.KeepOthers)
}

func (a *API) deleteDependency(ctx context.Context, tx pgx.Tx, in *dependencyInput) (*struct{}, error) {
	return nil, feature.RemoveDependency(ctx, tx, in.Project, in.Child, in.Parent)
}

func (a *API) deleteDependencies(ctx context.Context, tx pgx.Tx, in *childInput) (*struct{}, error) {
	return nil, feature.RemoveDependencies(ctx, tx, in.Project, in.Child)
}

func (a *API) listParentOptions(ctx context.Context, in *childInput) (*namesOutput, error) {
	names, err := q.FeatureDependencyListOptions(ctx, a.pool, queries.FeatureDependencyListOptionsParams{Project: in.Project, Child: in.Child})
	return &namesOutput{names}, err
}

func (a *API) listParentVariants(ctx context.Context, in *parentVariantsInput) (*namesOutput, error) {
	if _, err := feature.Get(ctx, a.pool, in.Project, in.Parent); err != nil {
		return nil, err
	}
	names, err := q.FeatureVariantNameList(ctx, a.pool, in.Parent)
	return &namesOutput{names}, err
}

func (a *API) checkDependenciesExist(ctx context.Context, in *featureProjectInput) (*boolOutput, error) {
	exist, err := q.FeatureDependencyExistsInProject(ctx, a.pool, in.Project)
	return &boolOutput{exist}, err
}

func dependentFeatureSchemas(dependencies []feature.Dependency) []DependentFeatureSchema {
	schemas := make([]DependentFeatureSchema, len(dependencies))
	for i, d := range dependencies {
		schemas[i] = DependentFeatureSchema{Feature: d.Parent, Enabled: d.Enabled, Variants: d.Variants}
	}
	return schemas
}

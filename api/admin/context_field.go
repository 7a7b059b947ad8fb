package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/contextfield"
	"github.com/pennonhq/pennon/control/project"
	"github.com/pennonhq/pennon/queries"
)

// ContextFieldSchema is what strategies and constraints can ask of a context.
type ContextFieldSchema struct {
	Name           string             `json:"name"`
	Description    *string            `json:"description" nullable:"true"`
	Stickiness     bool               `json:"stickiness"`
	SortOrder      int32              `json:"sortOrder"`
	LegalValues    []LegalValueSchema `json:"legalValues" nullable:"false"`
	CreatedAt      api.Time           `json:"createdAt"`
	UsedInProjects *int32             `json:"usedInProjects,omitempty"`
	UsedInFeatures *int32             `json:"usedInFeatures,omitempty"`
	Project        string             `json:"project,omitempty"`
}

// ContextFieldsSchema is a list of context fields.
type ContextFieldsSchema []ContextFieldSchema

// LegalValueSchema is one value that a context field may have.
type LegalValueSchema struct {
	Value       string `json:"value"`
	Description string `json:"description,omitempty"`
}

// CreateContextFieldSchema describes a context field to be created.
type CreateContextFieldSchema struct {
	Name        string              `json:"name"`
	Description *string             `json:"description,omitempty" nullable:"true"`
	Stickiness  *bool               `json:"stickiness,omitempty"`
	SortOrder   *int32              `json:"sortOrder,omitempty"`
	LegalValues *[]LegalValueSchema `json:"legalValues,omitempty" nullable:"false"`
}

// UpdateContextFieldSchema changes a context field. What is left out stays.
type UpdateContextFieldSchema struct {
	Description *string             `json:"description,omitempty" nullable:"true"`
	Stickiness  *bool               `json:"stickiness,omitempty"`
	SortOrder   *int32              `json:"sortOrder,omitempty"`
	LegalValues *[]LegalValueSchema `json:"legalValues,omitempty" nullable:"false"`
}

// ContextFieldStrategiesSchema is a list of the strategies whose constraints use a context field.
type ContextFieldStrategiesSchema struct {
	Strategies []StrategyUse `json:"strategies" nullable:"false"`
}

// ContextFieldPath is the path of one context field, of the instance or of a project: see pathProject.
type ContextFieldPath struct {
	Field string `path:"contextField" doc:"The field's name"`
}

type (
	contextFieldsOutput          struct{ Body ContextFieldsSchema }
	contextFieldOutput           struct{ Body ContextFieldSchema }
	contextFieldStrategiesOutput struct{ Body ContextFieldStrategiesSchema }
	createContextFieldInput      struct{ Body CreateContextFieldSchema }
	updateContextFieldInput      struct {
		ContextFieldPath
		Body UpdateContextFieldSchema
	}
	setLegalValueInput struct {
		ContextFieldPath
		Body LegalValueSchema
	}
	deleteLegalValueInput struct {
		ContextFieldPath
		Value string `path:"legalValue"`
	}
	createContextFieldOutput struct {
		Location string `header:"Location"`
		Body     ContextFieldSchema
	}
)

// registerContextFields registers every operation twice: for the fields of the instance, and for those of a project.
func (a *API) registerContextFields() {
	a.registerContextFieldsAt("/context", "", access.CreateContextField, access.UpdateContextField, access.DeleteContextField)
	a.registerContextFieldsAt("/projects/{projectId}/context", "ForProject",
		access.OneOf(access.CreateContextField, access.UpdateProjectContext),
		access.OneOf(access.UpdateContextField, access.UpdateProjectContext),
		access.OneOf(access.DeleteContextField, access.UpdateProjectContext))
}

func (a *API) registerContextFieldsAt(all, suffix string, create, update, del access.Permission) {
	const tag, ok, created = "Context", http.StatusOK, http.StatusCreated
	one := all + "/{contextField}"
	read(a, access.Anyone, op(get, all, "getContextFields"+suffix, tag, pathProjectParameter), a.contextFields)
	write(a, create, op(post, all, "createContextField"+suffix, tag, pathProjectParameter, status(created)), a.createContextField)
	read(a, access.Anyone, op(post, all+"/validate", "validateContextFieldName"+suffix, tag, pathProjectParameter, status(ok)), a.validateContextField)
	read(a, access.Anyone, op(get, one, "getContextField"+suffix, tag, pathProjectParameter), a.contextField)
	write(a, update, op(put, one, "updateContextField"+suffix, tag, pathProjectParameter, status(ok)), a.updateContextField)
	write(a, del, op(remove, one, "deleteContextField"+suffix, tag, pathProjectParameter, status(ok)), a.deleteContextField)
	write(a, update, op(post, one+"/legal-values", "updateContextFieldLegalValue"+suffix, tag, pathProjectParameter, status(ok)), a.setLegalValue)
	write(a, update, op(remove, one+"/legal-values/{legalValue}", "deleteContextFieldLegalValue"+suffix, tag, pathProjectParameter, status(ok)), a.deleteLegalValue)
	read(a, access.Anyone, op(get, one+"/strategies", "getStrategiesByContextField"+suffix, "Strategies", pathProjectParameter), a.strategiesOfContextField)
}

func (a *API) contextFields(ctx context.Context, _ *struct{}) (*contextFieldsOutput, error) {
	var wanted *string
	if scope := pathProject(ctx); scope != "" {
		if _, err := project.Get(ctx, a.pool, scope); err != nil {
			return nil, err
		}
		wanted = &scope
	}
	rows, err := q.ContextFieldList(ctx, a.pool, wanted)
	if err != nil {
		return nil, err
	}
	out := &contextFieldsOutput{Body: ContextFieldsSchema{}}
	for _, row := range rows {
		schema, err := contextFieldSchema(queries.ContextField{
			Name: row.Name, Description: row.Description, SortOrder: row.SortOrder, LegalValues: row.LegalValues,
			Stickiness: row.Stickiness, Project: row.Project, CreatedAt: row.CreatedAt,
		})
		if err != nil {
			return nil, err
		}
		schema.UsedInProjects, schema.UsedInFeatures = &row.UsedInProjects, &row.UsedInFeatures
		out.Body = append(out.Body, schema)
	}
	return out, nil
}

func (a *API) contextField(ctx context.Context, in *ContextFieldPath) (*contextFieldOutput, error) {
	row, err := contextfield.Get(ctx, a.pool, pathProject(ctx), in.Field)
	if err != nil {
		return nil, err
	}
	schema, err := contextFieldSchema(row)
	return &contextFieldOutput{Body: schema}, err
}

func (a *API) validateContextField(ctx context.Context, in *validateNameInput) (*struct{}, error) {
	return nil, contextfield.CheckName(ctx, a.pool, in.Body.Name)
}

func (a *API) updateContextField(ctx context.Context, tx pgx.Tx, in *updateContextFieldInput) (*struct{}, error) {
	_, err := contextfield.Update(ctx, tx, pathProject(ctx), in.Field, in.Body.input())
	return nil, err
}

func (a *API) deleteContextField(ctx context.Context, tx pgx.Tx, in *ContextFieldPath) (*struct{}, error) {
	return nil, contextfield.Delete(ctx, tx, pathProject(ctx), in.Field)
}

func (a *API) setLegalValue(ctx context.Context, tx pgx.Tx, in *setLegalValueInput) (*struct{}, error) {
	return nil, contextfield.SetLegalValue(ctx, tx, pathProject(ctx), in.Field, contextfield.LegalValue(in.Body))
}

func (a *API) deleteLegalValue(ctx context.Context, tx pgx.Tx, in *deleteLegalValueInput) (*struct{}, error) {
	return nil, contextfield.DeleteLegalValue(ctx, tx, pathProject(ctx), in.Field, in.Value)
}

func (a *API) createContextField(ctx context.Context, tx pgx.Tx, in *createContextFieldInput) (*createContextFieldOutput, error) {
	row, err := contextfield.Create(ctx, tx, pathProject(ctx), in.Body.Name, UpdateContextFieldSchema{
		Description: in.Body.Description, Stickiness: in.Body.Stickiness, SortOrder: in.Body.SortOrder, LegalValues: in.Body.LegalValues,
	}.input())
	if err != nil {
		return nil, err
	}
	schema, err := contextFieldSchema(row)
	return &createContextFieldOutput{Location: "context/" + url.PathEscape(row.Name), Body: schema}, err
}

func (a *API) strategiesOfContextField(ctx context.Context, in *ContextFieldPath) (*contextFieldStrategiesOutput, error) {
	scope := pathProject(ctx)
	rows, err := q.ContextFieldStrategies(ctx, a.pool, in.Field)
	if err != nil {
		return nil, err
	}
	out := &contextFieldStrategiesOutput{Body: ContextFieldStrategiesSchema{Strategies: []StrategyUse{}}}
	for _, row := range rows {
		if scope == "" || scope == row.Project {
			out.Body.Strategies = append(out.Body.Strategies, StrategyUse{
				ID: row.ID, FeatureName: row.Feature, ProjectID: row.Project, Environment: row.Environment, StrategyName: row.StrategyName,
			})
		}
	}
	return out, nil
}

func (s UpdateContextFieldSchema) input() contextfield.Input {
	in := contextfield.Input{Description: s.Description, Stickiness: s.Stickiness, SortOrder: s.SortOrder}
	if s.LegalValues != nil {
		in.LegalValues = []contextfield.LegalValue{}
		for _, v := range *s.LegalValues {
			in.LegalValues = append(in.LegalValues, contextfield.LegalValue(v))
		}
	}
	return in
}

func contextFieldSchema(row queries.ContextField) (ContextFieldSchema, error) {
	schema := ContextFieldSchema{
		Name: row.Name, Description: row.Description, Stickiness: row.Stickiness, SortOrder: row.SortOrder, CreatedAt: api.At(row.CreatedAt),
	}
	if row.Project != nil {
		schema.Project = *row.Project
	}
	if err := json.Unmarshal(row.LegalValues, &schema.LegalValues); err != nil {
		return schema, fmt.Errorf("read legal values of context field %s: %w", row.Name, err)
	}
	return schema, nil
}

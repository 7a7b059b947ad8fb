package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/strategytype"
	"github.com/pennonhq/pennon/queries"
)

// StrategySchema is a strategy type.
type StrategySchema struct {
	DisplayName *string                   `json:"displayName" nullable:"true"`
	Name        string                    `json:"name"`
	Editable    bool                      `json:"editable" doc:"Not built in"`
	Description string                    `json:"description"`
	Parameters  []StrategyParameterSchema `json:"parameters" nullable:"false"`
	Deprecated  bool                      `json:"deprecated"`
	Title       *string                   `json:"title" nullable:"true"`
}

// StrategyParameterSchema is one thing that strategies of a type are configured with.
type StrategyParameterSchema struct {
	Name        string `json:"name"`
	Type        string `json:"type" enum:"string,percentage,list,number,boolean"`
	Description string `json:"description" required:"false"`
	Required    bool   `json:"required" required:"false"`
}

// StrategiesSchema is a list of strategy types.
type StrategiesSchema struct {
	Version    int              `json:"version"`
	Strategies []StrategySchema `json:"strategies" nullable:"false"`
}

// CreateStrategySchema describes a strategy type to be created.
type CreateStrategySchema struct {
	Name        string                    `json:"name"`
	Description string                    `json:"description,omitempty"`
	Parameters  []StrategyParameterSchema `json:"parameters" nullable:"false"`
}

// UpdateStrategySchema replaces what a strategy type is configured with.
type UpdateStrategySchema struct {
	Description string                    `json:"description,omitempty"`
	Parameters  []StrategyParameterSchema `json:"parameters" nullable:"false"`
}

type (
	strategyTypesOutput     struct{ Body StrategiesSchema }
	strategyTypeOutput      struct{ Body StrategySchema }
	createStrategyTypeInput struct{ Body CreateStrategySchema }
	strategyTypeInput       struct {
		Name string `path:"name"`
	}
	strategyNameInput struct {
		Name string `path:"strategyName"`
	}
	updateStrategyTypeInput struct {
		Name string `path:"name"`
		Body UpdateStrategySchema
	}
	createStrategyTypeOutput struct {
		Location string `header:"Location"`
		Body     StrategySchema
	}
)

func (a *API) registerStrategyTypes() {
	const tag, ok = "Strategies", http.StatusOK
	read(a, access.Anyone, op(get, "/strategies", "getAllStrategies", tag), a.strategyTypes)
	write(a, access.CreateStrategy, op(post, "/strategies", "createStrategy", tag, status(http.StatusCreated)), a.createStrategyType)
	read(a, access.Anyone, op(get, "/strategies/{name}", "getStrategy", tag), a.strategyType)
	write(a, access.UpdateStrategy, op(put, "/strategies/{name}", "updateStrategy", tag, status(ok)), a.updateStrategyType)
	write(a, access.DeleteStrategy, op(remove, "/strategies/{name}", "removeStrategy", tag, status(ok)), a.deleteStrategyType)
	write(a, access.UpdateStrategy, op(post, "/strategies/{strategyName}/deprecate", "deprecateStrategy", tag, status(ok)), a.deprecateStrategyType)
	write(a, access.UpdateStrategy, op(post, "/strategies/{strategyName}/reactivate", "reactivateStrategy", tag, status(ok)), a.reactivateStrategyType)
}

func (a *API) strategyTypes(ctx context.Context, _ *struct{}) (*strategyTypesOutput, error) {
	rows, err := q.StrategyTypeList(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	out := &strategyTypesOutput{Body: StrategiesSchema{Version: 1, Strategies: []StrategySchema{}}}
	for _, row := range rows {
		schema, err := strategySchema(row)
		if err != nil {
			return nil, err
		}
		out.Body.Strategies = append(out.Body.Strategies, schema)
	}
	return out, nil
}

func (a *API) strategyType(ctx context.Context, in *strategyTypeInput) (*strategyTypeOutput, error) {
	row, err := strategytype.Get(ctx, a.pool, in.Name)
	if err != nil {
		return nil, err
	}
	schema, err := strategySchema(row)
	return &strategyTypeOutput{Body: schema}, err
}

func (a *API) createStrategyType(ctx context.Context, tx pgx.Tx, in *createStrategyTypeInput) (*createStrategyTypeOutput, error) {
	row, err := strategytype.Create(ctx, tx, in.Body.Name, strategyTypeFields(in.Body.Description, in.Body.Parameters))
	if err != nil {
		return nil, err
	}
	schema, err := strategySchema(row)
	return &createStrategyTypeOutput{Location: "strategies/" + url.PathEscape(row.Name), Body: schema}, err
}

func (a *API) updateStrategyType(ctx context.Context, tx pgx.Tx, in *updateStrategyTypeInput) (*struct{}, error) {
	return nil, strategytype.Update(ctx, tx, in.Name, strategyTypeFields(in.Body.Description, in.Body.Parameters))
}

func (a *API) deleteStrategyType(ctx context.Context, tx pgx.Tx, in *strategyTypeInput) (*struct{}, error) {
	return nil, strategytype.Delete(ctx, tx, in.Name)
}

func (a *API) deprecateStrategyType(ctx context.Context, tx pgx.Tx, in *strategyNameInput) (*struct{}, error) {
	return nil, strategytype.SetDeprecated(ctx, tx, in.Name, true)
}

func (a *API) reactivateStrategyType(ctx context.Context, tx pgx.Tx, in *strategyNameInput) (*struct{}, error) {
	return nil, strategytype.SetDeprecated(ctx, tx, in.Name, false)
}

func strategyTypeFields(description string, parameters []StrategyParameterSchema) strategytype.Input {
	in := strategytype.Input{Description: description}
	for _, p := range parameters {
		in.Parameters = append(in.Parameters, strategytype.Parameter(p))
	}
	return in
}

func strategySchema(row queries.StrategyType) (StrategySchema, error) {
	schema := StrategySchema{
		DisplayName: row.DisplayName, Name: row.Name, Editable: !row.BuiltIn, Description: row.Description, Deprecated: row.Deprecated,
	}
	var parameters []strategytype.Parameter
	if err := json.Unmarshal(row.Parameters, &parameters); err != nil {
		return schema, fmt.Errorf("read parameters of strategy type %s: %w", row.Name, err)
	}
	schema.Parameters = make([]StrategyParameterSchema, len(parameters))
	for i, p := range parameters {
		schema.Parameters[i] = StrategyParameterSchema(p)
	}
	return schema, nil
}

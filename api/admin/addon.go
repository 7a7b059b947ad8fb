package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/control/addon"
	"github.com/pennonhq/pennon/queries"
)

// AddonSchema is an integration. Sensitive parameters are masked.
type AddonSchema struct {
	ID           int32          `json:"id" minimum:"1"`
	Provider     string         `json:"provider"`
	Enabled      bool           `json:"enabled"`
	Description  *string        `json:"description" nullable:"true"`
	Parameters   map[string]any `json:"parameters" nullable:"false"`
	Events       []string       `json:"events" nullable:"false"`
	Projects     []string       `json:"projects" required:"false" nullable:"false" doc:"None: every project"`
	Environments []string       `json:"environments" required:"false" nullable:"false" doc:"None: every environment"`
	CreatedAt    api.Time       `json:"createdAt" required:"false"`
}

// AddonCreateUpdateSchema describes an integration to be stored. A masked parameter keeps its value.
type AddonCreateUpdateSchema struct {
	Provider     string         `json:"provider"`
	Enabled      bool           `json:"enabled"`
	Description  *string        `json:"description,omitempty" nullable:"true"`
	Parameters   map[string]any `json:"parameters" nullable:"false"`
	Events       []string       `json:"events" nullable:"false" doc:"Types of events to be told of"`
	Projects     []string       `json:"projects,omitempty" nullable:"false" doc:"None: every project. Events of no project always pass"`
	Environments []string       `json:"environments,omitempty" nullable:"false" doc:"None: every environment. Events of no environment always pass"`
}

// AddonParameterSchema is something an integration needs to know.
type AddonParameterSchema struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName"`
	Type        string `json:"type" doc:"text, textfield or url"`
	Description string `json:"description,omitempty"`
	Placeholder string `json:"placeholder,omitempty"`
	Required    bool   `json:"required"`
	Sensitive   bool   `json:"sensitive"`
}

// AddonAlertSchema is something to know before using a provider.
type AddonAlertSchema struct {
	Type string `json:"type" enum:"success,info,warning,error"`
	Text string `json:"text"`
}

// AddonTypeSchema is a provider of integrations.
type AddonTypeSchema struct {
	Name             string                 `json:"name"`
	DisplayName      string                 `json:"displayName"`
	Description      string                 `json:"description"`
	DocumentationURL string                 `json:"documentationUrl"`
	HowTo            string                 `json:"howTo,omitempty"`
	Deprecated       string                 `json:"deprecated,omitempty"`
	Alerts           []AddonAlertSchema     `json:"alerts,omitempty" nullable:"false"`
	TagTypes         []TagTypeSchema        `json:"tagTypes,omitempty" nullable:"false"`
	Parameters       []AddonParameterSchema `json:"parameters" required:"false" nullable:"false"`
	Events           []string               `json:"events" required:"false" nullable:"false"`
}

// AddonsSchema is a list of integrations with the providers there are.
type AddonsSchema struct {
	Addons    []AddonSchema     `json:"addons" nullable:"false"`
	Providers []AddonTypeSchema `json:"providers" nullable:"false"`
}

// IntegrationEventSchema is an attempt to deliver an event.
type IntegrationEventSchema struct {
	ID            string         `json:"id" pattern:"^[0-9]+$"`
	IntegrationID int32          `json:"integrationId"`
	CreatedAt     api.Time       `json:"createdAt"`
	State         string         `json:"state" enum:"success,failed,successWithErrors"`
	StateDetails  string         `json:"stateDetails"`
	Event         EventSchema    `json:"event"`
	Details       map[string]any `json:"details" nullable:"false"`
}

// IntegrationEventsSchema is a list of attempts, the newest first.
type IntegrationEventsSchema struct {
	IntegrationEvents []IntegrationEventSchema `json:"integrationEvents" nullable:"false"`
}

// AddonPath is the path of an integration.
type AddonPath struct {
	ID int32 `path:"id" minimum:"0" maximum:"2147483647" doc:"The integration's id"`
}

type (
	addonsOutput     struct{ Body AddonsSchema }
	addonOutput      struct{ Body AddonSchema }
	createAddonInput struct{ Body AddonCreateUpdateSchema }
	updateAddonInput struct {
		AddonPath
		Body AddonCreateUpdateSchema
	}
	integrationEventsInput struct {
		AddonPath
		Limit  int32 `query:"limit" minimum:"1" maximum:"1000" default:"50"`
		Offset int32 `query:"offset" minimum:"0" default:"0"`
	}
	integrationEventsOutput struct{ Body IntegrationEventsSchema }
)

func (a *API) registerAddons() {
	const tag = "Addons"
	read(a, access.Anyone, op(get, "/addons", "getAddons", tag), a.addons)
	write(a, access.CreateAddon, op(post, "/addons", "createAddon", tag, status(201)), a.createAddon)
	read(a, access.Anyone, op(get, "/addons/{id}", "getAddon", tag), a.addon)
	write(a, access.UpdateAddon, op(put, "/addons/{id}", "updateAddon", tag), a.updateAddon)
	write(a, access.DeleteAddon, op(remove, "/addons/{id}", "deleteAddon", tag, status(200)), a.deleteAddon)
	read(a, access.OneOf(access.CreateAddon, access.UpdateAddon), op(get, "/addons/{id}/events", "getIntegrationEvents", tag), a.integrationEvents)
}

func (a *API) addons(ctx context.Context, _ *struct{}) (*addonsOutput, error) {
	rows, err := q.AddonList(ctx, a.pool)
	if err != nil {
		return nil, err
	}
	out := &addonsOutput{Body: AddonsSchema{Addons: []AddonSchema{}, Providers: addonTypes()}}
	for _, row := range rows {
		schema, err := addonSchema(row)
		if err != nil {
			return nil, err
		}
		out.Body.Addons = append(out.Body.Addons, schema)
	}
	return out, nil
}

func (a *API) addon(ctx context.Context, in *AddonPath) (*addonOutput, error) {
	row, err := addonWithID(ctx, a.pool, in.ID)
	if err != nil {
		return nil, err
	}
	schema, err := addonSchema(row)
	return &addonOutput{Body: schema}, err
}

func (a *API) createAddon(ctx context.Context, tx pgx.Tx, in *createAddonInput) (*addonOutput, error) {
	row, err := addon.Create(ctx, tx, in.Body.input())
	if err != nil {
		return nil, err
	}
	schema, err := addonSchema(row)
	return &addonOutput{Body: schema}, err
}

func (a *API) updateAddon(ctx context.Context, tx pgx.Tx, in *updateAddonInput) (*addonOutput, error) {
	row, err := addon.Update(ctx, tx, in.ID, in.Body.input())
	if err != nil {
		return nil, err
	}
	schema, err := addonSchema(row)
	return &addonOutput{Body: schema}, err
}

func (a *API) deleteAddon(ctx context.Context, tx pgx.Tx, in *AddonPath) (*struct{}, error) {
	return nil, addon.Delete(ctx, tx, in.ID)
}

func (a *API) integrationEvents(ctx context.Context, in *integrationEventsInput) (*integrationEventsOutput, error) {
	if _, err := addonWithID(ctx, a.pool, in.ID); err != nil {
		return nil, err
	}
	rows, err := q.IntegrationEventList(ctx, a.pool, queries.IntegrationEventListParams{AddonID: in.ID, MaxRows: in.Limit, SkipRows: in.Offset})
	if err != nil {
		return nil, err
	}
	out := &integrationEventsOutput{Body: IntegrationEventsSchema{IntegrationEvents: []IntegrationEventSchema{}}}
	for _, row := range rows {
		schema, err := integrationEventSchema(row)
		if err != nil {
			return nil, err
		}
		out.Body.IntegrationEvents = append(out.Body.IntegrationEvents, schema)
	}
	return out, nil
}

func (s AddonCreateUpdateSchema) input() addon.Input {
	return addon.Input{
		Provider: s.Provider, Enabled: s.Enabled, Description: s.Description, Parameters: s.Parameters,
		Events: s.Events, Projects: s.Projects, Environments: s.Environments,
	}
}

func addonWithID(ctx context.Context, db queries.DBTX, id int32) (queries.Addon, error) {
	row, err := q.AddonGet(ctx, db, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, addon.NotFound()
	}
	return row, err
}

func addonSchema(row queries.Addon) (AddonSchema, error) {
	parameters, err := addon.Masked(row)
	return AddonSchema{
		ID: row.ID, Provider: row.Provider, Enabled: row.Enabled, Description: row.Description, Parameters: parameters,
		Events: row.Events, Projects: row.Projects, Environments: row.Environments, CreatedAt: api.At(row.CreatedAt),
	}, err
}

// addonTypes is the catalogue of providers.
func addonTypes() []AddonTypeSchema {
	schemas := []AddonTypeSchema{}
	for _, p := range addon.Providers() {
		schema := AddonTypeSchema{
			Name: p.Name, DisplayName: p.DisplayName, Description: p.Description, DocumentationURL: p.DocumentationURL,
			HowTo: p.HowTo, Deprecated: p.Deprecated, Parameters: []AddonParameterSchema{}, Events: []string{},
		}
		if p.Deprecated != "" {
			schema.Alerts = []AddonAlertSchema{{Type: "warning", Text: p.Deprecated}}
		}
		for _, parameter := range p.Parameters {
			schema.Parameters = append(schema.Parameters, AddonParameterSchema{
				Name: parameter.Name, DisplayName: parameter.DisplayName, Type: parameter.Kind, Description: parameter.Description,
				Placeholder: parameter.Placeholder, Required: parameter.Required, Sensitive: parameter.Sensitive,
			})
		}
		for _, tagType := range p.TagTypes {
			schema.TagTypes = append(schema.TagTypes, TagTypeSchema{Name: tagType.Name, Description: tagType.Description, Icon: &tagType.Icon})
		}
		for _, kind := range p.Events() {
			schema.Events = append(schema.Events, string(kind))
		}
		schemas = append(schemas, schema)
	}
	return schemas
}

func integrationEventSchema(row queries.IntegrationEventListRow) (IntegrationEventSchema, error) {
	i := row.IntegrationEvent
	about, err := eventSchema(row.Event)
	if err != nil {
		return IntegrationEventSchema{}, err
	}
	details := map[string]any{}
	if err := json.Unmarshal(i.Details, &details); err != nil {
		return IntegrationEventSchema{}, fmt.Errorf("read details of attempt %d: %w", i.ID, err)
	}
	return IntegrationEventSchema{
		ID: strconv.FormatInt(i.ID, 10), IntegrationID: i.AddonID, CreatedAt: api.At(i.CreatedAt), State: i.State,
		StateDetails: i.StateDetails, Event: about, Details: details,
	}, nil
}

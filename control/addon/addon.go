// Package addon tells other systems what happens: integrations, which Unleash's API calls addons.
//
// An integration is a provider (webhook, Slack, …) with parameters and a choice of events. Create, Update and Delete keep
// them. When an event is written, a trigger notes in the same transaction which integrations want it (db/migrations, 0008:
// addon_outbox); Deliveries turns the notes into jobs of the River queue and works on these, on every server, until the
// receiver has accepted the event or a dozen attempts failed. So writers never wait for a receiver, and every event is
// delivered at least once, whatever is restarted. Events of one integration may arrive in another order.
//
// The package imports queries, fault, outbound, control/access, control/event and control/job.
package addon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

var q = queries.New()

const (
	// MaxAddons is how many integrations an instance may have. Each costs every write a comparison.
	MaxAddons = 200

	// Mask stands for the value of a sensitive parameter. Sent back, it keeps the value.
	Mask = "*****"

	maxDescriptionLength = 10_000
	maxParameterLength   = 32_000
	maxListLength        = 1000
)

// Input is what callers say of an integration.
type Input struct {
	Provider     string
	Description  *string
	Enabled      bool
	Parameters   map[string]any
	Events       []string
	Projects     []string // none: every project
	Environments []string // none: every environment
}

// description is an integration as audit events show it: without its parameters, which hold secrets.
type description struct {
	ID           int32    `json:"id"`
	Provider     string   `json:"provider"`
	Enabled      bool     `json:"enabled"`
	Description  *string  `json:"description"`
	Events       []string `json:"events"`
	Projects     []string `json:"projects"`
	Environments []string `json:"environments"`
}

func describe(row queries.Addon) description {
	return description{
		ID: row.ID, Provider: row.Provider, Enabled: row.Enabled, Description: row.Description,
		Events: row.Events, Projects: row.Projects, Environments: row.Environments,
	}
}

// Create stores an integration.
func Create(ctx context.Context, tx pgx.Tx, in Input) (queries.Addon, error) {
	count, err := q.AddonCount(ctx, tx)
	if err != nil {
		return queries.Addon{}, fmt.Errorf("count integrations: %w", err)
	}
	if count >= MaxAddons {
		return queries.Addon{}, fault.New(fault.LimitExceeded, "There can be at most %d integrations.", MaxAddons)
	}
	parameters, err := check(in, queries.Addon{})
	if err != nil {
		return queries.Addon{}, err
	}
	row, err := q.AddonCreate(ctx, tx, queries.AddonCreateParams{
		Provider: in.Provider, Description: in.Description, Enabled: in.Enabled, Parameters: parameters,
		Events: list(in.Events), Projects: list(in.Projects), Environments: list(in.Environments),
	})
	if err != nil {
		return row, fmt.Errorf("store integration: %w", err)
	}
	return row, event.Append(ctx, tx, event.Event{Type: event.AddonCreated, Data: describe(row)})
}

// Update replaces an integration. Masked parameters keep the values they have.
func Update(ctx context.Context, tx pgx.Tx, id int32, in Input) (queries.Addon, error) {
	before, err := lock(ctx, tx, id)
	if err != nil {
		return before, err
	}
	parameters, err := check(in, before)
	if err != nil {
		return before, err
	}
	row, err := q.AddonUpdate(ctx, tx, queries.AddonUpdateParams{
		ID: id, Provider: in.Provider, Description: in.Description, Enabled: in.Enabled, Parameters: parameters,
		Events: list(in.Events), Projects: list(in.Projects), Environments: list(in.Environments),
	})
	if err != nil {
		return row, fmt.Errorf("update integration: %w", err)
	}
	return row, event.Append(ctx, tx, event.Event{Type: event.AddonUpdated, Data: describe(row), PreData: describe(before)})
}

// Delete removes an integration and its delivery log. What was to be delivered no longer is.
func Delete(ctx context.Context, tx pgx.Tx, id int32) error {
	row, err := lock(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := q.AddonDelete(ctx, tx, id); err != nil {
		return fmt.Errorf("delete integration: %w", err)
	}
	return event.Append(ctx, tx, event.Event{Type: event.AddonDeleted, PreData: describe(row)})
}

// Masked returns the parameters of an integration as they may be shown: sensitive ones masked. Of a provider that is no
// longer known, all are.
func Masked(row queries.Addon) (map[string]any, error) {
	stored, err := parametersOf(row)
	if err != nil {
		return nil, err
	}
	provider, _ := providerNamed(row.Provider)
	shown := make(map[string]any, len(stored))
	for name, value := range stored {
		shown[name] = value
		if p, known := provider.parameter(name); !known || (p.Sensitive && value != "") {
			shown[name] = Mask
		}
	}
	return shown, nil
}

// NotFound is the fault for an integration that does not exist.
func NotFound() error { return fault.New(fault.NotFound, "Could not find addon") }

func lock(ctx context.Context, tx pgx.Tx, id int32) (queries.Addon, error) {
	row, err := q.AddonLock(ctx, tx, id)
	if errors.Is(err, pgx.ErrNoRows) {
		return row, NotFound()
	}
	if err != nil {
		return row, fmt.Errorf("read integration: %w", err)
	}
	return row, nil
}

func parametersOf(row queries.Addon) (map[string]string, error) {
	parameters := map[string]string{}
	if len(row.Parameters) == 0 {
		return parameters, nil
	}
	if err := json.Unmarshal(row.Parameters, &parameters); err != nil {
		return nil, fmt.Errorf("read parameters of integration %d: %w", row.ID, err)
	}
	return parameters, nil
}

// check applies the rules and returns the parameters as they are stored. before is what the integration was, if it was.
func check(in Input, before queries.Addon) (json.RawMessage, error) {
	provider, known := providerNamed(in.Provider)
	if !known {
		return nil, invalid("/body/provider", "There is no provider %q", in.Provider)
	}
	if in.Description != nil && utf8.RuneCountInString(*in.Description) > maxDescriptionLength {
		return nil, invalid("/body/description", "The description is longer than %d characters", maxDescriptionLength)
	}
	for _, kind := range in.Events {
		if !event.Known(event.Type(kind)) {
			return nil, invalid("/body/events", "There are no events of type %q", kind)
		}
	}
	if max(len(in.Events), len(in.Projects), len(in.Environments)) > maxListLength {
		return nil, invalid("/body", "A list holds more than %d entries", maxListLength)
	}
	stored := map[string]string{}
	if before.Provider == in.Provider {
		var err error
		if stored, err = parametersOf(before); err != nil {
			return nil, err
		}
	}
	parameters, err := checkParameters(provider, in.Parameters, stored)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(parameters)
	if err != nil {
		return nil, fmt.Errorf("marshal parameters: %w", err)
	}
	return text, nil
}

// checkParameters returns the given values with masked ones replaced by the stored ones. Values never appear in messages.
func checkParameters(provider Provider, given map[string]any, stored map[string]string) (map[string]string, error) {
	parameters := map[string]string{}
	for name, value := range given {
		p, known := provider.parameter(name)
		if !known {
			return nil, invalid("/body/parameters", "%s has no parameter %q", provider.DisplayName, name)
		}
		text, isText := value.(string)
		if value == nil {
			continue
		}
		if !isText || len(text) > maxParameterLength {
			return nil, invalid("/body/parameters/"+name, "The parameter %q must be a text of at most %d bytes", name, maxParameterLength)
		}
		if p.Sensitive && text == Mask {
			if text = stored[name]; text == "" {
				return nil, invalid("/body/parameters/"+name, "The parameter %q is masked, but has no value yet", name)
			}
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		if p.check != nil {
			if err := p.check(text); err != nil {
				return nil, invalid("/body/parameters/"+name, "The parameter %q is wrong: %s", name, err)
			}
		}
		parameters[name] = text
	}
	for _, p := range provider.Parameters {
		if p.Required && parameters[p.Name] == "" {
			return nil, invalid("/body/parameters/"+p.Name, "%s needs the parameter %q", provider.DisplayName, p.Name)
		}
	}
	return parameters, nil
}

// list is a list as it is stored: never NULL, nothing twice.
func list(items []string) []string {
	unique := []string{}
	for _, item := range items {
		if !slices.Contains(unique, item) {
			unique = append(unique, item)
		}
	}
	return unique
}

func invalid(path, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	return fault.New(fault.Invalid, "%s", message).With(fault.Detail{Path: path, Message: message})
}

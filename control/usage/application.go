package usage

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

// Application is what people say of an application. Nil fields are not said and leave what is known.
type Application struct {
	Name       string   `json:"appName"`
	Strategies []string `json:"strategies,omitempty"`
	URL        *string  `json:"url,omitempty"`
	Color      *string  `json:"color,omitempty"`
	Icon       *string  `json:"icon,omitempty"`
}

// Set makes the application, or says more of it.
func Set(ctx context.Context, tx pgx.Tx, in Application) error {
	row := queries.ApplicationSetParams{AppName: in.Name, Url: in.URL, Color: in.Color, Icon: in.Icon}
	if in.Strategies != nil {
		strategies, err := json.Marshal(in.Strategies)
		if err != nil {
			return fmt.Errorf("marshal strategies: %w", err)
		}
		row.Strategies = strategies
	}
	created, err := q.ApplicationSet(ctx, tx, row)
	if err != nil {
		return fmt.Errorf("store application: %w", err)
	}
	kind := event.ApplicationUpdated
	if created {
		kind = event.ApplicationCreated
	}
	return event.Append(ctx, tx, event.Event{Type: kind, Data: in})
}

// Delete forgets the application, its instances and what it asked for. Counts of its flags stay: they are the flags'
// history. It comes back when it reports again. Nothing happens when there is no such application.
func Delete(ctx context.Context, tx pgx.Tx, name string) error {
	deleted, err := q.ApplicationDelete(ctx, tx, name)
	if err != nil {
		return fmt.Errorf("delete application: %w", err)
	}
	for what, remove := range map[string]func(context.Context, queries.DBTX, string) error{
		"instances":     q.ApplicationInstancesDelete,
		"flags":         q.ApplicationFeaturesDelete,
		"unknown flags": q.ApplicationUnknownFlagsDelete,
	} {
		if err := remove(ctx, tx, name); err != nil {
			return fmt.Errorf("delete %s of application: %w", what, err)
		}
	}
	if deleted == 0 {
		return nil
	}
	return event.Append(ctx, tx, event.Event{Type: event.ApplicationDeleted, PreData: Application{Name: name}})
}

// ApplicationNotFound is the fault for an application that does not exist.
func ApplicationNotFound(name string) error {
	return fault.New(fault.NotFound, "Could not find appName=%s", name)
}

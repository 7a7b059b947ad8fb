// Package event writes the audit trail: what was changed, by whom, and what was there before.
//
// Every write appends its event in its own transaction, so that there is never one without the other. Audit events are
// the product's history; the change log that feeds replicas is another table with other rules (see db). The package
// imports queries and control/access.
package event

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/oklog/ulid/v2"

	"github.com/pennonhq/pennon/control/access"
	"github.com/pennonhq/pennon/queries"
)

var q = queries.New()

// Event is one entry of the audit trail. Empty strings and nil data are stored as NULL. Data and PreData are what the
// thing is now and was before, marshalled to JSON; they must not hold secrets.
type Event struct {
	Type        Type
	Project     string
	Environment string
	Feature     string
	Data        any
	PreData     any
}

type groupKey struct{}

// Group gives the events appended under ctx a common group id, as those of one request have.
func Group(ctx context.Context) context.Context {
	return context.WithValue(ctx, groupKey{}, ulid.Make().String())
}

// Append writes e in tx, with the next statement or its commit (see queries.Later). The actor is that of ctx.
func Append(ctx context.Context, tx pgx.Tx, e Event) error {
	actor := access.ActorFrom(ctx)
	if actor.Name == "" {
		return fmt.Errorf("append event %s: no actor in the context", e.Type)
	}
	data, err := document(e.Data)
	if err != nil {
		return fmt.Errorf("append event %s: %w", e.Type, err)
	}
	preData, err := document(e.PreData)
	if err != nil {
		return fmt.Errorf("append event %s: %w", e.Type, err)
	}
	row := queries.EventAppendParams{
		Type:            string(e.Type),
		CreatedBy:       actor.Name,
		CreatedByUserID: actor.UserID,
		Project:         orNull(e.Project),
		Environment:     orNull(e.Environment),
		Feature:         orNull(e.Feature),
		Data:            data,
		PreData:         preData,
		Ip:              orNull(actor.IP),
		RequestID:       orNull(actor.RequestID),
	}
	if group, ok := ctx.Value(groupKey{}).(string); ok {
		kind := "transaction"
		row.GroupType, row.GroupID = &kind, &group
	}
	if err := q.EventAppend(ctx, queries.Later(tx), row); err != nil {
		return fmt.Errorf("append event %s: %w", e.Type, err)
	}
	return nil
}

func document(v any) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("marshal: %w", err)
	}
	return text, nil
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

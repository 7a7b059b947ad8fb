// Package maintenance keeps the switch that refuses changes for a while: during a move to another database, or while
// somebody looks into an incident. Reading, evaluating and streaming go on. It imports queries and control/event.
package maintenance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/queries"
)

var q = queries.New()

// setting is the name under which the switch is stored.
const setting = "maintenance.mode"

// content is what is stored, and what audit events show.
type content struct {
	ID      string `json:"id,omitempty"`
	Enabled bool   `json:"enabled"`
}

// Enabled reports whether changes are refused.
func Enabled(ctx context.Context, db queries.DBTX) (bool, error) {
	text, err := q.SettingGet(ctx, db, setting)
	return decode(text, err)
}

// Set refuses changes, or allows them again. Nothing is written when it is so already.
func Set(ctx context.Context, tx pgx.Tx, enabled bool) error {
	text, err := q.SettingLock(ctx, tx, setting)
	known := !errors.Is(err, pgx.ErrNoRows)
	before, err := decode(text, err)
	if err != nil {
		return err
	}
	if before == enabled {
		return nil
	}
	after, err := json.Marshal(content{Enabled: enabled})
	if err != nil {
		return fmt.Errorf("marshal maintenance mode: %w", err)
	}
	if err := q.SettingSet(ctx, tx, queries.SettingSetParams{Name: setting, Content: after}); err != nil {
		return fmt.Errorf("store maintenance mode: %w", err)
	}
	e := event.Event{Type: event.SettingCreated, Data: content{ID: setting, Enabled: enabled}}
	if known {
		e.Type, e.PreData = event.SettingUpdated, content{ID: setting, Enabled: before}
	}
	return event.Append(ctx, tx, e)
}

// decode reads what is stored; no row means off.
func decode(text json.RawMessage, err error) (bool, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read maintenance mode: %w", err)
	}
	var stored content
	if err := json.Unmarshal(text, &stored); err != nil {
		return false, fmt.Errorf("read maintenance mode: %w", err)
	}
	return stored.Enabled, nil
}

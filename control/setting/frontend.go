// Package setting keeps settings of the instance that an administrator changes while it runs.
//
// Each is one row of the table settings, which the change log watches, so that every node hears of a change. The package
// imports queries, fault and control/event.
package setting

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/queries"
)

var q = queries.New()

const (
	// Frontend is the name of the setting with the origins that browsers may call the frontend API from, as in Unleash.
	Frontend = "unleash.frontend"

	// AnyOrigin stands for every origin.
	AnyOrigin = "*"

	maxOrigins      = 500
	maxOriginLength = 300 // bytes; names of hosts end at 253
)

// frontend is what is stored, and with its ID what audit events show.
type frontend struct {
	ID      string   `json:"id,omitempty"`
	Origins []string `json:"frontendApiOrigins"`
}

// FrontendOrigins returns the origins that browsers may call the frontend API from, and false when nobody has set them,
// so that the configuration decides.
func FrontendOrigins(ctx context.Context, db queries.DBTX) ([]string, bool, error) {
	return decodeFrontend(q.SettingGet(ctx, db, Frontend))
}

// SetFrontendOrigins replaces the origins. None means that no browser may call. Nothing is written when they are those
// that are set already.
func SetFrontendOrigins(ctx context.Context, tx pgx.Tx, origins []string) error {
	if err := checkOrigins(origins); err != nil {
		return err
	}
	before, known, err := decodeFrontend(q.SettingLock(ctx, tx, Frontend))
	if err != nil {
		return err
	}
	if known && strings.Join(before, " ") == strings.Join(origins, " ") {
		return nil
	}
	after := frontend{Origins: append([]string{}, origins...)}
	text, err := json.Marshal(after)
	if err != nil {
		return fmt.Errorf("marshal frontend origins: %w", err)
	}
	if err := q.SettingSet(ctx, tx, queries.SettingSetParams{Name: Frontend, Content: text}); err != nil {
		return fmt.Errorf("store frontend origins: %w", err)
	}
	after.ID = Frontend
	e := event.Event{Type: event.SettingCreated, Data: after}
	if known {
		e.Type, e.PreData = event.SettingUpdated, frontend{ID: Frontend, Origins: before}
	}
	return event.Append(ctx, tx, e)
}

func checkOrigins(origins []string) error {
	if len(origins) > maxOrigins {
		return fault.New(fault.LimitExceeded, "There can be at most %d origins.", maxOrigins)
	}
	for _, origin := range origins {
		if !validOrigin(origin) {
			return fault.New(fault.Invalid, "Invalid origin: %s", origin)
		}
	}
	return nil
}

// defaultPorts are never part of an origin as browsers send it.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// validOrigin reports whether a browser may send the text as its origin, or it is AnyOrigin. Anything else would never
// match, so it can only be a mistake.
func validOrigin(text string) bool {
	if text == AnyOrigin {
		return true
	}
	text = strings.Replace(text, "://*.", "://", 1) // every name below
	if len(text) > maxOriginLength || strings.ContainsAny(text, "* ,\t\r\n") {
		return false
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Hostname() == "" || u.User != nil {
		return false
	}
	if port := u.Port(); port != "" && port == defaultPorts[u.Scheme] {
		return false
	}
	return text == strings.ToLower(u.Scheme+"://"+u.Host)
}

// decodeFrontend reads what is stored; no row means not set.
func decodeFrontend(text json.RawMessage, err error) ([]string, bool, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read frontend origins: %w", err)
	}
	var stored frontend
	if err := json.Unmarshal(text, &stored); err != nil {
		return nil, false, fmt.Errorf("read frontend origins: %w", err)
	}
	return append([]string{}, stored.Origins...), true, nil
}

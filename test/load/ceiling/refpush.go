package ceiling

import (
	"context"
	"fmt"
	"net/http"

	"github.com/jackc/pgx/v5"
)

// RefPushSchema is the whole database of the reference push program: a table of flags and a trigger that notifies with
// the delta itself. The revision is a sequence, so it is only right for one writer; Pennon's change log is not.
const RefPushSchema = `
CREATE TABLE refpush_flags (
    name       text PRIMARY KEY,
    enabled    boolean NOT NULL DEFAULT true,
    strategies jsonb NOT NULL DEFAULT '[]'
);
CREATE SEQUENCE refpush_revision;
CREATE FUNCTION refpush_notify() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    id bigint := nextval('refpush_revision');
BEGIN
    PERFORM pg_notify('refpush', id || E'\n' || json_build_object('events', json_build_array(json_build_object(
        'type', 'feature-updated', 'eventId', id, 'feature', json_build_object(
            'name', NEW.name, 'type', 'release', 'description', NULL, 'enabled', NEW.enabled, 'stale', false,
            'impressionData', false, 'project', 'default', 'strategies', NEW.strategies, 'variants', '[]'::json)))));
    RETURN NULL;
END $$;
CREATE TRIGGER refpush_notify AFTER UPDATE ON refpush_flags FOR EACH ROW EXECUTE FUNCTION refpush_notify();
`

// RefPush serves GET /stream from the fan and sends it what the trigger of RefPushSchema notifies.
type RefPush struct {
	fan  *Fan
	conn *pgx.Conn
}

// NewRefPush connects and listens. The caller runs it.
func NewRefPush(ctx context.Context, databaseURL string, fan *Fan) (*RefPush, error) {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if _, err := conn.Exec(ctx, "LISTEN refpush"); err != nil {
		_ = conn.Close(ctx) // the error of LISTEN is the one to tell
		return nil, fmt.Errorf("listen: %w", err)
	}
	return &RefPush{fan: fan, conn: conn}, nil
}

// Handler returns the HTTP side.
func (p *RefPush) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /stream", p.fan)
	return mux
}

// Run passes notifications on until ctx ends.
func (p *RefPush) Run(ctx context.Context) error {
	defer func() { _ = p.conn.Close(context.WithoutCancel(ctx)) }()
	for {
		notification, err := p.conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("wait for notification: %w", err)
		}
		p.fan.Send(deltaFrame(notification.Payload))
	}
}

// deltaFrame turns a payload "id LF json" into an SSE frame.
func deltaFrame(payload string) []byte {
	frame := make([]byte, 0, len(payload)+64)
	frame = append(frame, "event: unleash-updated\nid: "...)
	for i := range len(payload) {
		if payload[i] == '\n' {
			frame = append(frame, payload[:i]...)
			frame = append(frame, "\ndata: "...)
			frame = append(frame, payload[i+1:]...)
			break
		}
	}
	return append(frame, "\n\n"...)
}

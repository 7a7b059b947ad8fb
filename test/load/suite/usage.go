package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/test/load/httpload"
	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/seed"
	"github.com/pennonhq/pennon/test/load/system"
)

// usage checks that what SDKs report never rings the change log: in PostgreSQL a commit with a NOTIFY takes a lock that
// every other such commit of the whole instance waits for.
type usage struct{}

const (
	usageFlags    = 100
	usageTime     = time.Second // of each kind of request
	usageQuiet    = time.Second // after the server has stopped, for late notifications
	usageDatabase = "usage"
)

func (*usage) name() string { return "usage" }

func (a *usage) round(ctx context.Context, b *Bench) {
	b.inTurn("usage", systemRun{"pennon", func() error { return a.measure(ctx, b) }})
}

func (a *usage) measure(ctx context.Context, b *Bench) error {
	flags := seed.Flags(usageFlags)
	database, err := b.pennonDatabase(ctx, usageDatabase, flags)
	if err != nil {
		return err
	}
	bell, err := listen(ctx, b.postgres.DSN(database))
	if err != nil {
		return err
	}
	defer bell.close()
	p, err := b.startPennon(ctx, database)
	if err != nil {
		return err
	}
	defer p.Stop()

	// Without a notification here, none later would prove nothing.
	err = b.exec(ctx, database, "UPDATE feature_environments SET enabled = NOT enabled WHERE feature = '"+flags[0].Name+"'")
	if err != nil {
		return err
	}
	for end := time.Now().Add(arrivalLimit); bell.rung.Load() == 0; wait(ctx, time.Millisecond) {
		if time.Now().After(end) {
			return errors.New("a flag write did not notify, so the count of notifications means nothing")
		}
	}
	wait(ctx, usageQuiet)
	before := bell.rung.Load()
	stored, err := b.usageRows(ctx, database)
	if err != nil {
		return err
	}
	requests, err := a.report(ctx, p, flags)
	if err != nil {
		return err
	}
	p.Stop() // what is buffered is written now
	wait(ctx, usageQuiet)
	after, err := b.usageRows(ctx, database)
	if err != nil {
		return err
	}
	for table, rows := range after {
		if rows == 0 || b.round == 0 && rows <= stored[table] {
			return fmt.Errorf("nothing was written to %s (%d rows before, %d after)", table, stored[table], rows)
		}
	}
	b.Put("usage/pennon/requests", float64(requests))
	b.Put("usage/pennon/notifications", float64(bell.rung.Load()-before))
	return nil
}

// report posts metrics and registrations and reads flags, as SDKs do, and returns the number of requests.
func (*usage) report(ctx context.Context, p *system.Process, flags []seed.Flag) (int, error) {
	type count struct {
		Yes      int            `json:"yes"`
		No       int            `json:"no"`
		Variants map[string]int `json:"variants"`
	}
	toggles := map[string]count{}
	for i, flag := range flags {
		toggles[flag.Name] = count{Yes: i, No: 1, Variants: map[string]int{"blue": i}}
	}
	now := time.Now().UTC()
	metrics, err := json.Marshal(map[string]any{
		"appName": "benchmark", "instanceId": "one",
		"bucket": map[string]any{"start": now.Add(-time.Minute), "stop": now, "toggles": toggles},
	})
	if err != nil {
		return 0, fmt.Errorf("encode metrics: %w", err)
	}
	register, err := json.Marshal(map[string]any{
		"appName": "benchmark", "instanceId": "one", "sdkVersion": "benchmark:1", "strategies": []string{"default", "flexibleRollout"},
		"started": now, "interval": 15000,
	})
	if err != nil {
		return 0, fmt.Errorf("encode registration: %w", err)
	}
	header := []string{system.Authorize(system.ClientToken), "Content-Type: application/json"}
	total := 0
	for _, l := range []struct {
		method, path string
		body         []byte
		status       int
	}{
		{"POST", "/api/client/metrics", metrics, 202},
		{"POST", "/api/client/register", register, 202},
		{"GET", featuresPath, nil, 200},
	} {
		result, err := httpload.Run(ctx, httpload.Load{
			Addr: p.Addr, Connections: 4, Duration: usageTime, WantStatus: l.status,
			Requests: []httpload.Request{{Method: l.method, Path: l.path, Header: header, Body: l.body}},
		})
		if err != nil {
			return 0, err
		}
		total += result.Requests
	}
	return total, nil
}

// usageRows counts what has been stored.
func (b *Bench) usageRows(ctx context.Context, database string) (map[string]int, error) {
	conn, err := pgx.Connect(ctx, b.postgres.DSN(database))
	if err != nil {
		return nil, fmt.Errorf("count usage: %w", err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows := map[string]int{}
	for _, table := range []string{"client_metrics", "client_instances", "feature_last_seen", "api_token_last_seen"} {
		var n int
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM "+table).Scan(&n); err != nil {
			return nil, fmt.Errorf("count usage: %w", err)
		}
		rows[table] = n
	}
	return rows, nil
}

// bell counts the notifications of a database.
type bell struct {
	rung atomic.Int64
	stop context.CancelFunc
	done chan struct{}
}

// listen listens on every channel that any function of the database notifies, whatever it is called.
func listen(ctx context.Context, databaseURL string) (*bell, error) {
	conn, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	rows, err := conn.Query(ctx, `SELECT DISTINCT channel[1] FROM pg_proc, regexp_matches(prosrc, 'pg_notify\(''([^'']+)''', 'g') AS channel
		WHERE pronamespace = 'public'::regnamespace`)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("find channels: %w", err), conn.Close(ctx))
	}
	channels, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err == nil && len(channels) == 0 {
		err = errors.New("no function notifies")
	}
	for _, channel := range channels {
		if err == nil {
			_, err = conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize())
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("find channels: %w", err), conn.Close(ctx))
	}
	listening, stop := context.WithCancel(ctx)
	r := &bell{stop: stop, done: make(chan struct{})}
	go func() {
		defer close(r.done)
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		for {
			if _, err := conn.WaitForNotification(listening); err != nil {
				return
			}
			r.rung.Add(1)
		}
	}()
	return r, nil
}

func (r *bell) close() {
	r.stop()
	<-r.done
}

func (*usage) table(b *Bench) report.Table {
	none := report.Measured{None: "–"}
	notifications := report.Row{
		Case: "notifications", Pennon: b.Measured("usage/pennon/notifications"), Ceiling: none, Peer: none, Bar: report.AtMost(0),
	}
	return report.Table{
		Title: "Usage writes never NOTIFY",
		About: fmt.Sprintf("Four connections post metrics of %d flags, registrations, and reads with a token whose last use is kept, for %s each; "+
			"then the server is stopped, which writes what it has buffered. A listener counts what is notified on every channel that "+
			"a function of the database names. The round fails if a flag write before it does not notify or if the metrics, "+
			"instances or last-seen tables stay empty.", usageFlags, usageTime),
		Rows: []report.Row{
			notifications,
			{Case: "requests meanwhile", Pennon: b.Measured("usage/pennon/requests"), Ceiling: none, Peer: none},
		},
	}
}

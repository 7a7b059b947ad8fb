package suite

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/seed"
)

// writes measures what a flag write costs: the change log's triggers in SQL, and a toggle through the Admin API.
type writes struct{}

const (
	writeFlags    = 1000
	writeSlice    = 100 * time.Millisecond // of one side, before the other side's turn
	writeSlices   = 20                     // of each side a round
	changeChannel = "pennon_changes"
)

func (*writes) name() string { return "writes" }

func (a *writes) round(ctx context.Context, b *Bench) {
	if err := a.triggers(ctx, b); err != nil {
		b.Fail("writes/sql", err)
		b.Logger.Warn("not measured", "figure", "writes/sql", "err", err)
	}
	b.inTurn("writes/toggle",
		systemRun{"pennon", func() error { return a.toggle(ctx, b, "pennon") }},
		systemRun{"peer", func() error { return a.toggle(ctx, b, "peer") }})
}

// triggers alternates short slices of the same UPDATE with and without Pennon's triggers.
func (a *writes) triggers(ctx context.Context, b *Bench) error {
	with, err := b.schemaDatabase(ctx, "trigger", seed.Flags(writeFlags))
	if err != nil {
		return err
	}
	without, err := b.schemaDatabase(ctx, "plain", seed.Flags(writeFlags))
	if err != nil {
		return err
	}
	if err := b.exec(ctx, without, "ALTER TABLE feature_environments DISABLE TRIGGER USER"); err != nil {
		return err
	}
	// A listener, as there always is one; what it is told to read is not read here.
	listener, err := pgx.Connect(ctx, b.postgres.DSN(with))
	if err != nil {
		return fmt.Errorf("connect listener: %w", err)
	}
	defer func() { _ = listener.Close(context.WithoutCancel(ctx)) }()
	if _, err := listener.Exec(ctx, "LISTEN "+changeChannel); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	listening, stop := context.WithCancel(ctx)
	heard := make(chan int, 1)
	go func() {
		n := 0
		for {
			if _, err := listener.WaitForNotification(listening); err != nil {
				heard <- n
				return
			}
			n++
		}
	}()
	defer func() { stop(); <-heard }()

	sides := make([]*toggler, 2)
	for i, database := range []string{with, without} {
		if sides[i], err = b.newToggler(ctx, database); err != nil {
			return err
		}
		defer sides[i].conn.Close(context.WithoutCancel(ctx))
	}
	for slice := range 2 * writeSlices {
		// a, b, b, a, a, b, …
		if err := sides[(slice+slice/2+b.round)%2].run(ctx, writeSlice); err != nil {
			return err
		}
	}
	b.Put("writes/sql/pennon/rate", sides[0].rate())
	b.Put("writes/sql/ceiling/rate", sides[1].rate())
	return nil
}

// toggler toggles flags one after the other, each in a commit of its own.
type toggler struct {
	conn    *pgx.Conn
	names   []string
	commits int
	spent   time.Duration
}

func (b *Bench) newToggler(ctx context.Context, database string) (*toggler, error) {
	conn, err := pgx.Connect(ctx, b.postgres.DSN(database))
	if err != nil {
		return nil, fmt.Errorf("connect writer: %w", err)
	}
	t := &toggler{conn: conn, names: seed.Names(seed.Flags(writeFlags))}
	return t, t.toggle(ctx, 0) // prepares the statement
}

func (t *toggler) toggle(ctx context.Context, n int) error {
	_, err := t.conn.Exec(ctx, "UPDATE feature_environments SET enabled = NOT enabled WHERE feature = $1 AND environment = $2",
		t.names[n%len(t.names)], seed.Environment)
	if err != nil {
		return fmt.Errorf("toggle: %w", err)
	}
	return nil
}

// run toggles for a slice of time.
func (t *toggler) run(ctx context.Context, slice time.Duration) error {
	began := time.Now()
	for time.Since(began) < slice {
		t.commits++
		if err := t.toggle(ctx, t.commits); err != nil {
			return err
		}
	}
	t.spent += time.Since(began)
	return nil
}

func (t *toggler) rate() float64 { return float64(t.commits) / t.spent.Seconds() }

func (*writes) table(b *Bench) report.Table {
	return report.Table{
		Title: "Writing a flag",
		About: fmt.Sprintf("SQL: one writer, one UPDATE of feature_environments a commit, %d slices of %s with the change log's triggers and a "+
			"listener, alternating with slices in an equal database whose triggers are disabled (the ceiling); no server runs. "+
			"Admin API: every connection switches flags on and off, each request as soon as the last is answered, for %s after %s of warm-up; "+
			"several connections begin with different flags. Both servers commit with fsync on the same PostgreSQL.",
			writeSlices, writeSlice, toggleTime, featuresWarmUp),
		Rows: append([]report.Row{{
			Case:   "flag writes in SQL, commits/s at one writer",
			Pennon: b.Measured("writes/sql/pennon/rate"), Ceiling: b.Measured("writes/sql/ceiling/rate"),
			Peer: report.Measured{None: "–"}, ToCeilingBar: report.AtLeast(0.75),
		}}, toggleRows(b)...),
	}
}

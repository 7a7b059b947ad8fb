package suite

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/test/load/ceiling"
	"github.com/pennonhq/pennon/test/load/report"
	"github.com/pennonhq/pennon/test/load/seed"
	"github.com/pennonhq/pennon/test/load/system"
)

// push measures a change's way through PostgreSQL to a moderate number of subscribers beside a bare program that does
// trigger, NOTIFY, LISTEN and SSE and nothing else.
type push struct{}

const (
	pushSubscribers = 1000
	pushChanges     = 30 // a visit
	refPushDatabase = "refpush"
)

func (*push) name() string { return "push" }

func (*push) round(ctx context.Context, b *Bench) {
	s := streams{subscribers: pushSubscribers, changes: pushChanges}
	b.compareStreams(ctx, "push", s, 0, b.streamRefPush, func(ctx context.Context, s streams, r *streamResult) error {
		return b.streamPennon(ctx, "push", s, r)
	})
}

func (b *Bench) streamRefPush(ctx context.Context, s streams, r *streamResult) error {
	if err := b.once(refPushDatabase, func() error { return b.createRefPush(ctx) }); err != nil {
		return err
	}
	p, err := system.StartCeiling(ctx, b.ceiling, "refpush", b.logs(), "-database", b.postgres.DSN(refPushDatabase))
	if err != nil {
		return err
	}
	defer p.Stop()
	writer, err := b.newSQLWriter(ctx, refPushDatabase,
		`UPDATE refpush_flags SET strategies = jsonb_set(strategies, '{0,parameters,groupId}', to_jsonb($2::text)) WHERE name = $1`)
	if err != nil {
		return err
	}
	defer writer.close()
	s.process, s.path, s.writer = p, "/stream", writer
	return s.visit(ctx, r)
}

func (b *Bench) createRefPush(ctx context.Context) error {
	if err := b.postgres.CreateDatabase(ctx, refPushDatabase); err != nil {
		return err
	}
	if err := b.exec(ctx, refPushDatabase, ceiling.RefPushSchema); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, b.postgres.DSN(refPushDatabase))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	for _, flag := range seed.MarkedFlags(markedFlags) {
		strategies, err := json.Marshal(flag.Strategies)
		if err != nil {
			return err
		}
		if _, err := conn.Exec(ctx, "INSERT INTO refpush_flags (name, strategies) VALUES ($1, $2)", flag.Name, strategies); err != nil {
			return err
		}
	}
	return nil
}

func (*push) table(b *Bench) report.Table {
	row := streamRow(b, "push")
	last := row("last", "commit → last subscriber, ms (p50)")
	last.ToCeilingBar = report.AtMost(1.3)
	return report.Table{
		Title: "A commit's way to 1,000 SSE subscribers",
		About: fmt.Sprintf("Two visits a round to each, in the order a, b, b, a: %d changes, each waited for, from just before COMMIT of an UPDATE in SQL on both sides. The ceiling is a table "+
			"whose trigger notifies with the delta, one LISTEN connection and the raw hijacked fan-out: no change log, no order between "+
			"writers, no resume.", pushChanges),
		Rows: []report.Row{
			last,
			row("last99", "commit → last subscriber, ms (p99)"),
			row("cpu", "CPU µs/delivery"),
			row("missing", "missing deliveries"),
		},
	}
}

package suite

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/pennonhq/pennon/test/load/seed"
	"github.com/pennonhq/pennon/test/load/swarm"
	"github.com/pennonhq/pennon/test/load/system"
)

// writer makes change n of a flag. It returns the moment just before the change was sent: the COMMIT for a database
// writer, the POST for a fan-out without a database.
type writer interface {
	change(ctx context.Context, flag, n int) (time.Time, error)
	close()
}

// streams is one visit to a streaming server: connect, make changes, disconnect.
type streams struct {
	process     *system.Process
	path        string
	subscribers int
	writer      writer
	changes     int // paced, each waited for
	burst       int // further changes back to back; 0 for none
	number      int // of the last change made before
}

// streamingPath is the stream of SDKs.
const streamingPath = "/api/client/streaming"

const (
	settle       = 3 * time.Second        // from the last connection to reading memory
	pace         = 40 * time.Millisecond  // between a change's last arrival and the next change
	arrivalLimit = 10 * time.Second       // then those without the change are counted as missing
	connectLimit = 60 * time.Second       // for all subscribers to have their first message
	quiet        = 500 * time.Millisecond // after the last change, for repetitions to show
)

// visit connects the subscribers, makes the changes and adds what it finds to the result.
func (s streams) visit(ctx context.Context, r *streamResult) error {
	names := seed.Names(seed.MarkedFlags(markedFlags))
	before, err := s.process.Memory()
	if err != nil {
		return err
	}
	began := time.Now()
	connecting, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	subscribers, err := swarm.Connect(connecting, swarm.Options{
		Addr: netip.MustParseAddrPort(s.process.Addr), Path: s.path, Header: []string{system.Authorize(system.ClientToken)},
		Subscribers: s.subscribers, Flags: names,
	})
	if err != nil {
		return errors.Join(err, s.process.Alive())
	}
	defer subscribers.Close()
	r.connect = append(r.connect, milliseconds(time.Since(began)))
	wait(ctx, settle)
	after, err := s.process.Memory()
	if err != nil {
		return err
	}
	r.memory = append(r.memory, float64(after-before)/float64(s.subscribers)/1024)

	if s.number, err = s.paced(ctx, r, subscribers, names); err != nil {
		return err
	}
	if s.burst > 0 {
		if err := s.burstOf(ctx, r, subscribers, names); err != nil {
			return err
		}
	}
	wait(ctx, quiet)
	r.add(subscribers.Tally())
	return ctx.Err()
}

// paced makes one change after the other, waits for each to reach everybody, and returns the last one's number.
func (s streams) paced(ctx context.Context, r *streamResult, subscribers *swarm.Swarm, names []string) (int, error) {
	number := s.number
	began := subscribers.Tally()
	used, err := cpu(s.process, func() error {
		for range s.changes {
			number++
			flag := number % len(names)
			arrived := subscribers.Watch(names[flag], number)
			sent, err := s.writer.change(ctx, flag, number)
			if err != nil {
				return fmt.Errorf("make change %d: %w", number, err)
			}
			waiting, cancel := context.WithTimeout(ctx, arrivalLimit)
			arrival := arrived(waiting)
			cancel()
			if arrival.Reached == 0 {
				return fmt.Errorf("change %d reached nobody within %s", number, arrivalLimit)
			}
			r.missing += s.subscribers - arrival.Reached
			r.last = append(r.last, milliseconds(arrival.Last.Sub(sent)))
			wait(ctx, pace)
		}
		return nil
	})
	if err != nil {
		return number, err
	}
	ended := subscribers.Tally()
	r.cpu += used
	r.deliveries += ended.Deliveries - began.Deliveries
	r.bytes += ended.Bytes - began.Bytes
	return number, nil
}

// burstOf makes changes back to back, each a commit of its own, and waits until every subscriber has the final state.
func (s streams) burstOf(ctx context.Context, r *streamResult, subscribers *swarm.Swarm, names []string) error {
	want := map[string]int{}
	began := subscribers.Tally()
	for range s.burst {
		s.number++
		flag := s.number % len(names)
		if _, err := s.writer.change(ctx, flag, s.number); err != nil {
			return fmt.Errorf("make change %d: %w", s.number, err)
		}
		want[names[flag]] = s.number
	}
	committed := time.Now()
	waiting, cancel := context.WithTimeout(ctx, 3*arrivalLimit)
	defer cancel()
	settled := subscribers.Settle(waiting, want)
	ended := subscribers.Tally()
	r.burst = &burstResult{
		unequal:    settled.Missing,
		settled:    max(0, settled.Last.Sub(committed)),
		deliveries: float64(ended.Deliveries-began.Deliveries) / float64(s.subscribers),
	}
	return nil
}

// sqlWriter makes changes by UPDATE and COMMIT on a connection of its own. The statement gets the flag's name and mark.
type sqlWriter struct {
	conn      *pgx.Conn
	statement string
	names     []string
}

func (b *Bench) newSQLWriter(ctx context.Context, database, statement string) (*sqlWriter, error) {
	conn, err := pgx.Connect(ctx, b.postgres.DSN(database))
	if err != nil {
		return nil, fmt.Errorf("connect writer: %w", err)
	}
	return &sqlWriter{conn: conn, statement: statement, names: seed.Names(seed.MarkedFlags(markedFlags))}, nil
}

func (w *sqlWriter) change(ctx context.Context, flag, n int) (time.Time, error) {
	tx, err := w.conn.Begin(ctx)
	if err != nil {
		return time.Time{}, err
	}
	tag, err := tx.Exec(ctx, w.statement, w.names[flag], fmt.Sprintf("%s%d", swarm.MarkPrefix, n))
	if err != nil {
		_ = tx.Rollback(ctx) // the statement's error is the one to tell
		return time.Time{}, err
	}
	if tag.RowsAffected() != 1 {
		_ = tx.Rollback(ctx)
		return time.Time{}, fmt.Errorf("%d rows were changed", tag.RowsAffected())
	}
	sent := time.Now()
	return sent, tx.Commit(ctx)
}

func (w *sqlWriter) close() { _ = w.conn.Close(context.Background()) }

// pennonChange is the change that is streamed: a parameter of the flag's strategy, as an administrator would edit it.
const pennonChange = `UPDATE feature_strategies SET parameters = jsonb_set(parameters, '{groupId}', to_jsonb($2::text)) WHERE feature = $1`

// streamPennon starts Pennon with the marked flags and visits it.
func (b *Bench) streamPennon(ctx context.Context, use string, s streams, r *streamResult) error {
	database, err := b.pennonDatabase(ctx, use, seed.MarkedFlags(markedFlags))
	if err != nil {
		return err
	}
	if s.process, err = b.startPennon(ctx, database); err != nil {
		return err
	}
	defer s.process.Kill() // a drain of streams that have gone takes its time and tells nothing
	writer, err := b.newSQLWriter(ctx, database, pennonChange)
	if err != nil {
		return err
	}
	defer writer.close()
	s.writer, s.path = writer, streamingPath
	return s.visit(ctx, r)
}

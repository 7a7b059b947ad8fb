// Package fleet lets every node answer for the clients of all nodes of an instance: each writes what it knows of its own
// into one row, and reads the others' when it is asked.
//
// A node writes when something has changed, every two seconds at most and less often the larger its report is, and touches
// its row every 15 seconds otherwise. Nothing is notified and the change log knows nothing of it. With each write the node
// learns how far the database's clock is ahead of its own, so that times of several nodes can be compared.
package fleet

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/queries"
)

const (
	// reportGap is how long a node waits between two writes at least.
	reportGap = 2 * time.Second

	// bytesPerSecond bounds what a node writes: the gap after a report grows by its size over this.
	bytesPerSecond = 32 << 10

	// checkInterval is how often a node looks for streams that came and went, of which nothing is told.
	checkInterval = 5 * time.Second

	// touchInterval is how often a node says at least that it is there.
	touchInterval = 15 * time.Second

	// alive is for how long a row is believed, and dead when it is deleted.
	alive = time.Minute
	dead  = 10 * time.Minute

	// deleteInterval is how often each node deletes the rows of dead ones.
	deleteInterval = 5 * time.Minute

	// clockAge is for how long the most exact look at the database's clock counts, and clockStep what it has to differ by.
	clockAge  = 10 * time.Minute
	clockStep = time.Millisecond

	// packFrom is from how many bytes on a report is compressed: that takes a megabyte of memory for a moment.
	packFrom = 16 << 10

	timeout = 10 * time.Second // of one write
)

var q = queries.New()

// NodeReport is a node's report and when it was made, on the database's clock.
type NodeReport struct {
	fleet.Report
	ReportedAt time.Time
}

// Exchange writes this node's report and reads the others'. Run it once; Reports may be called from any goroutine.
type Exchange struct {
	Pool     *pgxpool.Pool
	Registry *fleet.Registry
	Logger   *slog.Logger
	Gap      time.Duration // 0 means reportGap

	written   uint64    // hash of the report in the row; 0: there is none
	touchedAt time.Time // when the row was written or touched
	deletedAt time.Time // when rows of dead nodes were last deleted
	clock     clock
	failing   bool
}

// Reports returns what all nodes know that are alive; this one's as it is now, first.
func (e *Exchange) Reports(ctx context.Context) ([]NodeReport, error) {
	reports := []NodeReport{{e.Registry.Report(ctx), e.Registry.Now()}}
	rows, err := q.FleetReportsOfOthers(ctx, e.Pool, queries.FleetReportsOfOthersParams{Node: e.Registry.Node(), AliveSeconds: int32(alive / time.Second)})
	if err != nil {
		return nil, fmt.Errorf("read fleet reports: %w", err)
	}
	for _, row := range rows {
		report, err := decode(row.Report)
		if err != nil { // of a version that writes it otherwise
			e.Logger.Warn("the fleet report of another node cannot be read", "component", "fleet", "node", row.Node, "err", err)
			continue
		}
		reports = append(reports, NodeReport{report, row.ReportedAt})
	}
	return reports, nil
}

// Run writes until ctx is done and then takes this node's row away. What fails is tried again.
func (e *Exchange) Run(ctx context.Context) error {
	if e.Gap == 0 {
		e.Gap = reportGap
	}
	defer e.leave(context.WithoutCancel(ctx))
	check := time.NewTicker(checkInterval)
	defer check.Stop()
	for {
		size, err := e.Once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !e.failing {
			e.Logger.Warn("other nodes do not learn of this node's clients; trying again", "component", "fleet", "err", err)
		}
		e.failing = err != nil
		rest := time.NewTimer(e.Gap + time.Duration(size)*time.Second/bytesPerSecond)
		select {
		case <-ctx.Done():
			rest.Stop()
			return nil
		case <-rest.C:
		}
		select {
		case <-ctx.Done():
			return nil
		case <-e.Registry.Dirty():
		case <-check.C:
		}
	}
}

// Once writes what has changed, or says that the node is there if it has not said so lately. It returns how many bytes it
// wrote.
func (e *Exchange) Once(ctx context.Context) (size int, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	plain, err := json.Marshal(e.Registry.Report(ctx))
	if err != nil {
		return 0, fmt.Errorf("encode fleet report: %w", err)
	}
	now := time.Now()
	if hash := xxhash.Sum64(plain); hash != e.written {
		return e.put(ctx, plain, hash)
	}
	if now.Sub(e.touchedAt) < touchInterval {
		return 0, nil
	}
	err = e.ask(ctx, func(conn *pgxpool.Conn) (time.Time, error) { return q.FleetReportTouch(ctx, conn, e.Registry.Node()) })
	if errors.Is(err, pgx.ErrNoRows) { // deleted as dead, or emptied as the database crashed
		return e.put(ctx, plain, e.written)
	}
	return 0, err
}

func (e *Exchange) put(ctx context.Context, plain []byte, hash uint64) (size int, err error) {
	packed, err := pack(plain)
	if err != nil {
		return 0, err
	}
	err = e.ask(ctx, func(conn *pgxpool.Conn) (time.Time, error) {
		return q.FleetReportPut(ctx, conn, queries.FleetReportPutParams{Node: e.Registry.Node(), Report: packed})
	})
	if err != nil {
		return 0, fmt.Errorf("write fleet report: %w", err)
	}
	e.written = hash
	return len(packed), nil
}

// ask runs a statement that returns the database's clock, and now and then deletes what dead nodes have left.
func (e *Exchange) ask(ctx context.Context, statement func(*pgxpool.Conn) (time.Time, error)) error {
	conn, err := e.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	before := time.Now()
	at, err := statement(conn)
	if err != nil {
		return err
	}
	after := time.Now()
	e.touchedAt = after
	if ahead, better := e.clock.look(before, after, at); better {
		e.Registry.SetClock(ahead)
	}
	if after.Sub(e.deletedAt) < deleteInterval {
		return nil
	}
	e.deletedAt = after
	return q.FleetReportDeleteDead(ctx, conn, int32(dead/time.Second))
}

// leave takes this node's row away.
func (e *Exchange) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if err := q.FleetReportDelete(ctx, e.Pool, e.Registry.Node()); err != nil {
		e.Logger.Debug("the fleet report is left to expire", "component", "fleet", "err", err)
	}
}

func pack(plain []byte) ([]byte, error) {
	if len(plain) < packFrom {
		return plain, nil
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("pack fleet report: %w", err)
	}
	if _, err = w.Write(plain); err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("pack fleet report: %w", err)
	}
	return packed.Bytes(), nil
}

func decode(packed []byte) (report fleet.Report, err error) {
	plain := packed
	if !bytes.HasPrefix(packed, []byte("{")) {
		r, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return report, fmt.Errorf("unpack fleet report: %w", err)
		}
		if plain, err = io.ReadAll(r); err != nil {
			return report, fmt.Errorf("unpack fleet report: %w", err)
		}
	}
	if err := json.Unmarshal(plain, &report); err != nil {
		return report, fmt.Errorf("decode fleet report: %w", err)
	}
	return report, nil
}

// clock is what is known of the difference between two clocks.
type clock struct {
	ahead   time.Duration // of the database's
	trip    time.Duration // how long the look took it is from: it is off by half of that at most
	lookAt  time.Time
	adopted time.Duration
}

// look takes what the database's clock showed between two moments of this node's. It returns by how much that is ahead if
// that differs from what it returned before.
func (c *clock) look(before, after, shown time.Time) (ahead time.Duration, better bool) {
	trip := after.Sub(before)
	if trip > c.trip && !c.lookAt.IsZero() && after.Sub(c.lookAt) < clockAge {
		return 0, false
	}
	// Without the monotonic reading: a clock that is set shall be seen to be.
	c.ahead, c.trip, c.lookAt = shown.Sub(before.Round(0).Add(trip/2)), trip, after
	if (c.ahead - c.adopted).Abs() < clockStep+trip/2 {
		return 0, false
	}
	c.adopted = c.ahead
	return c.ahead, true
}

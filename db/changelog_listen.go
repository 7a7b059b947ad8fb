package db

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/pennonhq/pennon/replica"
)

const (
	// ChangeLogName is the application_name of the connection that follows the change log, unless its URL names another, so
	// that operators can tell it from the others in pg_stat_activity.
	ChangeLogName = applicationName + " change log"

	// changeChannel is the one the triggers notify on.
	changeChannel = "pennon_changes"

	// planOnce makes PostgreSQL plan each of our few statements once, for the indexes. Left alone it would plan them anew
	// at every change or read whole tables, which takes several times as long as the reading. Through a pooler such a
	// setting would stick to somebody else's connection.
	planOnce = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off"

	// silenceMax is the longest wait for a notification before the connection is asked whether it still lives, and
	// answerMax how long it may take to say so. A connection whose packets vanish gives no sign by itself.
	silenceMax = time.Second
	answerMax  = time.Second

	// probeRetry is how long after a failed probe the next one runs.
	probeRetry = 5 * time.Second

	reconnectMin = 5 * time.Millisecond
	reconnectMax = time.Second
)

// follower is one Run of a ChangeLog. All of it belongs to Run's reading goroutine.
type follower struct {
	log    *ChangeLog
	sink   replica.Sink
	config *pgx.ConnConfig

	pooled       bool // the URL turned out to lead through a pooler
	warned       bool // said that notifications do not arrive
	hydrated     bool // the Sink has had its first Reset
	last         position
	environments map[string]bool // the Sink's

	probes sync.WaitGroup // outlive their session by a moment, but not Run
}

// position is the last row read. It survives reconnects.
type position struct {
	revision int64 // 0: the log was empty
	mark     uuid.UUID
}

// run connects again and again until ctx ends.
func (f *follower) run(ctx context.Context) {
	defer f.probes.Wait()
	for failures := 0; ctx.Err() == nil; failures++ {
		began := time.Now()
		err := f.session(ctx, func() {
			if failures > 0 {
				f.log.logger.Info("change log followed again", "attempts", failures, "revision", f.last.revision)
			}
			failures = 0
		})
		f.log.updateStatus(func(s *ChangeLogStatus) { s.Connected, s.Mode = false, ModeConnecting })
		if ctx.Err() != nil {
			return
		}
		if failures == 0 {
			f.log.logger.Warn("connection of the change log lost; reconnecting", "err", err, "after", time.Since(began))
		}
		delay := min(reconnectMax, reconnectMin<<min(failures, 10))
		select {
		case <-ctx.Done():
		case <-time.After(delay/2 + rand.N(delay/2)):
		}
	}
}

// session follows the log on one connection until it fails. It calls succeeded after the first good read.
func (f *follower) session(ctx context.Context, succeeded func()) error {
	l, err := f.connect(ctx)
	if err != nil {
		return err
	}
	defer l.close()
	if err := f.read(ctx, l.conn); err != nil {
		return err
	}
	succeeded()
	f.log.updateStatus(func(s *ChangeLogStatus) { s.Connected = true })
	verdict, stopProbe := f.probe(ctx)
	defer stopProbe()

	// Until the probe is back notifications are not relied upon.
	interval := f.log.config.PollInterval
	nextPoll := time.Now().Add(interval)
	for {
		heard, err := l.wait(ctx, min(silenceMax, time.Until(nextPoll)))
		if err != nil {
			return err
		}
		select {
		case hears := <-verdict:
			interval = f.setMode(hears)
			nextPoll = time.Now().Add(interval)
		default:
		}
		switch {
		case heard || !time.Now().Before(nextPoll):
			if err := f.read(ctx, l.conn); err != nil {
				return err
			}
			nextPoll = time.Now().Add(interval)
		case time.Until(nextPoll) > 0:
			if err := l.ping(ctx); err != nil {
				return err
			}
		}
	}
}

// setMode records whether notifications arrive and returns the interval between unasked reads that goes with it.
func (f *follower) setMode(hears bool) time.Duration {
	mode, interval := ModeListen, f.log.config.SafetyInterval
	if !hears {
		mode, interval = ModePoll, f.log.config.PollInterval
	}
	switch {
	case !hears && !f.warned:
		f.log.logger.Warn("PostgreSQL's notifications do not arrive on this connection, so changes are polled for; "+
			"set DATABASE_DIRECT_URL to a connection that does not lead through a transaction pooler", "interval", interval)
	case hears && f.warned:
		f.log.logger.Info("PostgreSQL's notifications arrive again")
	}
	f.warned = !hears
	f.log.updateStatus(func(s *ChangeLogStatus) { s.Mode = mode })
	return interval
}

// probe finds out beside the session whether notifications arrive on connections like its own. The answer comes on the
// channel, unless stop is called before.
func (f *follower) probe(ctx context.Context) (verdict <-chan bool, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	answer := make(chan bool, 1)
	f.probes.Go(func() {
		for {
			hears, err := notifyReaches(ctx, f.config)
			if err == nil {
				answer <- hears
				return
			}
			select {
			case <-ctx.Done():
				return
			case <-time.After(probeRetry):
			}
		}
	})
	return answer, cancel
}

// listener is the connection that listens and reads.
type listener struct {
	conn    *pgx.Conn
	pending bool // a notification has come that nobody has acted on
}

// connect opens the connection and listens, so that no change after the first read goes unheard.
func (f *follower) connect(ctx context.Context) (*listener, error) {
	for {
		l := &listener{}
		config := f.config.Copy()
		if config.RuntimeParams["application_name"] == applicationName {
			config.RuntimeParams["application_name"] = ChangeLogName
		}
		if f.pooled && config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
			config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe
		}
		config.OnNotification = func(_ *pgconn.PgConn, n *pgconn.Notification) {
			// Through a transaction pooler somebody else's notifications may stray here.
			l.pending = l.pending || n.Channel == changeChannel
		}
		var err error
		if l.conn, err = pgx.ConnectConfig(ctx, config); err != nil {
			return nil, err
		}
		pooled, err := l.listen(ctx)
		if err != nil {
			l.close()
			return nil, err
		}
		if pooled && !f.pooled {
			// Prepared statements may not work here, and how statements are run is fixed once connected.
			f.pooled = true
			l.close()
			continue
		}
		f.pooled = pooled // for the next connection
		f.log.updateStatus(func(s *ChangeLogStatus) {
			if !s.LastReadAt.IsZero() {
				s.Reconnects++
			}
		})
		return l, nil
	}
}

// listen begins to listen and tells whether a pooler stands between (it announces a process id of its own invention).
func (l *listener) listen(ctx context.Context) (pooled bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	results, err := l.conn.PgConn().Exec(ctx, "LISTEN "+changeChannel+"; SELECT pg_backend_pid()").ReadAll()
	if err != nil {
		return false, fmt.Errorf("listen: %w", err)
	}
	last := results[len(results)-1]
	if len(last.Rows) != 1 {
		return false, fmt.Errorf("listen: %d answers to a question for the process id", len(last.Rows))
	}
	backend, err := strconv.ParseUint(string(last.Rows[0][0]), 10, 32)
	if err != nil {
		return false, fmt.Errorf("listen: %w", err)
	}
	if uint32(backend) != l.conn.PgConn().PID() {
		return true, nil
	}
	if _, err := l.conn.PgConn().Exec(ctx, planOnce).ReadAll(); err != nil {
		return false, fmt.Errorf("listen: %w", err)
	}
	return false, nil
}

// wait returns at the next notification, or after at most d, and tells which.
func (l *listener) wait(ctx context.Context, d time.Duration) (heard bool, err error) {
	if !l.pending && d > 0 {
		waitCtx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		err := l.conn.PgConn().WaitForNotification(waitCtx)
		if err != nil && (!pgconn.Timeout(err) || ctx.Err() != nil) {
			return false, fmt.Errorf("wait for notification: %w", err)
		}
	}
	heard, l.pending = l.pending, false
	return heard, nil
}

// ping asks the connection whether it lives.
func (l *listener) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	if err := l.conn.Ping(ctx); err != nil {
		return fmt.Errorf("check connection: %w", err)
	}
	return nil
}

// close does not wait long for a peer that may be gone.
func (l *listener) close() {
	ctx, cancel := context.WithTimeout(context.Background(), answerMax)
	defer cancel()
	_ = l.conn.Close(ctx)
}

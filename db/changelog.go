package db

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/replica"
)

// Defaults of ChangeLogConfig.
const (
	DefaultPollInterval   = 500 * time.Millisecond
	DefaultSafetyInterval = 5 * time.Second
	DefaultRetention      = 7 * 24 * time.Hour
	DefaultRetentionRows  = 1_000_000
)

// ChangeLogConfig says how to follow the change log. Zero fields take the defaults above.
type ChangeLogConfig struct {
	// URL is for the one connection that listens and reads. It should lead to PostgreSQL directly or through a session
	// pooler (DATABASE_DIRECT_URL); through a transaction pooler notifications do not arrive and the log is polled.
	URL string

	PollInterval   time.Duration // between reads while notifications do not arrive
	SafetyInterval time.Duration // between reads that nothing asked for while they do

	Retention     time.Duration // how long rows stay in the log
	RetentionRows int64         // and how many at most

	Logger *slog.Logger
}

// ChangeLog is the server's replica.Source: it follows the change log in PostgreSQL. A notification only wakes it; what
// has changed is read from the log's table, above the last revision read, so that a lost notification or connection costs
// time and never a change. Make it with NewChangeLog, register with Watch, then call Run once.
type ChangeLog struct {
	pool     *pgxpool.Pool
	config   ChangeLogConfig
	logger   *slog.Logger
	watchers map[replica.Kind][]func([]replica.Row)

	mu     sync.Mutex
	status ChangeLogStatus
}

var _ replica.Source = (*ChangeLog)(nil)

// ChangeLogMode says how a ChangeLog learns of changes.
type ChangeLogMode string

// The modes of a ChangeLog.
const (
	ModeConnecting ChangeLogMode = "connecting" // no connection, or it is not known yet whether notifications arrive; polls
	ModeListen     ChangeLogMode = "listen"     // notifications arrive
	ModePoll       ChangeLogMode = "poll"       // they do not; polls
)

// ChangeLogStatus is for metrics and health.
type ChangeLogStatus struct {
	Mode       ChangeLogMode
	Connected  bool      // has a connection that has answered
	Revision   int64     // the last one handed to the Sink
	LastReadAt time.Time // when the log was last read successfully, news or not; zero: never
	Reconnects int64     // connections after the first one
}

// NewChangeLog returns a ChangeLog that does nothing until Run. pool serves the deletion of old rows; it may lead through
// a transaction pooler.
func NewChangeLog(pool *pgxpool.Pool, config ChangeLogConfig) *ChangeLog {
	setDefault(&config.PollInterval, DefaultPollInterval)
	setDefault(&config.SafetyInterval, DefaultSafetyInterval)
	setDefault(&config.Retention, DefaultRetention)
	setDefault(&config.RetentionRows, DefaultRetentionRows)
	setDefault(&config.Logger, slog.New(slog.DiscardHandler))
	return &ChangeLog{
		pool:     pool,
		config:   config,
		logger:   config.Logger.With("component", "changelog"),
		watchers: map[replica.Kind][]func([]replica.Row){},
		status:   ChangeLogStatus{Mode: ModeConnecting},
	}
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Watch has fn called with the rows of one kind, in order, before the Sink learns of the same change; with nil when
// anything of that kind may have changed. fn is called from Run's goroutine and holds up the log while it runs. Watch must
// not be called after Run.
func (l *ChangeLog) Watch(kind replica.Kind, fn func(rows []replica.Row)) {
	l.watchers[kind] = append(l.watchers[kind], fn)
}

// Status returns a copy of the present status. It may be called from any goroutine.
func (l *ChangeLog) Status() ChangeLogStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status
}

func (l *ChangeLog) updateStatus(update func(*ChangeLogStatus)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	update(&l.status)
}

// Run follows the log until ctx ends, then returns nil. It reconnects by itself; an error means that the configuration can
// never work. It also deletes rows that are too old. Sink and Watch functions are called from one goroutine.
func (l *ChangeLog) Run(ctx context.Context, sink replica.Sink) error {
	// The pool's parser, for the URL may be the pool's and hold settings that PostgreSQL does not know.
	poolConfig, err := pgxpool.ParseConfig(l.config.URL)
	if err != nil {
		return fmt.Errorf("parse database URL of the change log: %w", err)
	}
	config := poolConfig.ConnConfig
	prepareConn(config)
	follower := &follower{log: l, sink: sink, config: config}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		follower.run(ctx)
		return nil
	})
	group.Go(func() error {
		l.retain(ctx)
		return nil
	})
	return group.Wait()
}

// tellReset hands a snapshot to all who follow.
func (f *follower) tellReset(snapshot replica.Snapshot) {
	for _, functions := range f.log.watchers {
		for _, fn := range functions {
			fn(nil)
		}
	}
	f.sink.Reset(snapshot)
	f.environments = maps.Collect(func(yield func(string, bool) bool) {
		for name := range snapshot.Environments {
			if !yield(name, true) {
				return
			}
		}
	})
}

// tellDelta hands a change to all who follow. A revoked token must be dead before the next flag change is fanned out, so
// the watchers come first.
func (f *follower) tellDelta(delta replica.Delta) {
	byKind := map[replica.Kind][]replica.Row{}
	for _, row := range delta.Rows {
		if len(f.log.watchers[row.Kind]) > 0 {
			byKind[row.Kind] = append(byKind[row.Kind], row)
		}
	}
	for kind, rows := range byKind {
		for _, fn := range f.log.watchers[kind] {
			fn(rows)
		}
	}
	f.sink.Apply(delta)
	for _, name := range delta.EnvironmentsDeleted {
		delete(f.environments, name)
	}
	for name := range delta.EnvironmentsCreated {
		f.environments[name] = true
	}
}

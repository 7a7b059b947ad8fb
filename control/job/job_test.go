package job_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/job"
	"github.com/pennonhq/pennon/db/dbtest"
)

func TestMain(m *testing.M) { os.Exit(dbtest.Run(m)) }

type greeting struct{}

func (greeting) Kind() string { return "greeting" }

type greeter struct {
	river.WorkerDefaults[greeting]
	done chan struct{}
}

func (g *greeter) Work(context.Context, *river.Job[greeting]) error {
	g.done <- struct{}{}
	return nil
}

// area makes a job when it is asked to.
type area struct {
	greeter
	wanted atomic.Bool
	asked  atomic.Int32
	err    atomic.Pointer[error]
}

func (a *area) Register(workers *river.Workers) { river.AddWorker(workers, &a.greeter) }

func (a *area) Feed(ctx context.Context, jobs *job.Client) (bool, error) {
	a.asked.Add(1)
	if err := a.err.Load(); err != nil {
		return false, *err
	}
	if !a.wanted.Swap(false) {
		return false, nil
	}
	_, err := jobs.Insert(ctx, greeting{}, nil)
	return true, err
}

// safeLog is a log that is written and read at once.
type safeLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func run(t *testing.T, r *job.Runner) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
	})
}

func TestWorkIsDoneWhenThereIsSomeAndTheQueueRestsOtherwise(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	a := &area{greeter: greeter{done: make(chan struct{}, 1)}}
	run(t, &job.Runner{Pool: d.Pool, Logger: slog.New(slog.DiscardHandler), Areas: []job.Area{a}, Interval: 5 * time.Millisecond})
	require.Eventually(t, func() bool { return a.asked.Load() > 20 }, 30*time.Second, time.Millisecond)
	var elected int
	require.NoError(t, d.Pool.QueryRow(t.Context(), "SELECT count(*) FROM river_leader").Scan(&elected))
	require.Zero(t, elected, "without work River does not run")
	a.wanted.Store(true)
	<-a.done
}

func TestWorkBeginsWhenTheServerIsReady(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	var ready atomic.Bool
	var questions atomic.Int32
	a := &area{greeter: greeter{done: make(chan struct{}, 1)}}
	a.wanted.Store(true)
	run(t, &job.Runner{
		Pool: d.Pool, Logger: slog.New(slog.DiscardHandler), Areas: []job.Area{a}, Interval: time.Millisecond,
		Ready: func() bool { questions.Add(1); return ready.Load() },
	})
	require.Eventually(t, func() bool { return questions.Load() > 5 }, 30*time.Second, time.Millisecond)
	require.Zero(t, a.asked.Load())
	ready.Store(true)
	<-a.done
}

func TestJobsThatOthersLeftAreDone(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	_, err := d.Pool.Exec(t.Context(), "INSERT INTO river_job (kind, args, max_attempts) VALUES ('greeting', '{}', 5)")
	require.NoError(t, err)
	a := &area{greeter: greeter{done: make(chan struct{}, 1)}}
	run(t, &job.Runner{Pool: d.Pool, Logger: slog.New(slog.DiscardHandler), Areas: []job.Area{a}, Interval: 5 * time.Millisecond})
	<-a.done
}

func TestAFailureIsToldOnceAndWaitedFor(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	log := &safeLog{}
	a := &area{greeter: greeter{done: make(chan struct{}, 1)}}
	failure := errors.New("no database")
	a.err.Store(&failure)
	run(t, &job.Runner{Pool: d.Pool, Logger: slog.New(slog.NewTextHandler(log, nil)), Areas: []job.Area{a}, Interval: time.Millisecond})
	require.Eventually(t, func() bool { return a.asked.Load() > 10 }, 30*time.Second, time.Millisecond)
	a.err.Store(nil)
	a.wanted.Store(true)
	<-a.done
	require.Eventually(t, func() bool { return strings.Contains(log.String(), "goes on") }, 30*time.Second, time.Millisecond)
	require.Equal(t, 1, strings.Count(log.String(), "waits for the database"))
}

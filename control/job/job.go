// Package job runs background work on the River job queue, which lives in the same PostgreSQL: what is to be done is a row,
// written in the transaction that makes it necessary, so it survives restarts and is done by whichever server is there.
// Work is done at least once; workers must bear being repeated.
//
// Areas of the product bring their workers and feed the queue (Area); server runs the one Runner. River polls and never
// listens, so it works behind a transaction pooler. It is MPL-2.0 and used as a library. The package imports no other
// control package.
package job

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"
)

// Timing of a Runner.
const (
	// DefaultInterval is how often areas are asked for work: at most so late a job begins.
	DefaultInterval = time.Second

	// DefaultTimeout bounds one attempt at a job.
	DefaultTimeout = 30 * time.Second

	// DefaultRescue is after how long a job whose server died is given to another one.
	DefaultRescue = 90 * time.Second

	fetchInterval  = 250 * time.Millisecond // while there is work
	idleAfter      = time.Minute            // without work the queue's client stops
	openInterval   = 10 * time.Second       // how often an idle server looks for jobs that others left
	stopTimeout    = 5 * time.Second        // for running jobs, before they are cancelled
	cancelTimeout  = 10 * time.Second       // for cancelled ones
	keepCompleted  = 10 * time.Minute
	keepDiscarded  = 7 * 24 * time.Hour
	maxConcurrency = 16 // jobs a server works on at once
)

// Client inserts jobs. It may be used in any transaction.
type Client = river.Client[pgx.Tx]

// Area is a part of the product that has background work.
type Area interface {
	// Register adds the workers of the area's jobs.
	Register(workers *river.Workers)

	// Feed makes jobs of what is due and says whether it made any. It is called at every interval and should cost next to
	// nothing when nothing is due.
	Feed(ctx context.Context, jobs *Client) (made bool, err error)
}

// Runner does background work. Run it once.
//
// While there is nothing to do it only asks its areas and, now and then, whether another server left open jobs: River's
// client, with its polls and elections, runs only while there is work.
type Runner struct {
	Pool   *pgxpool.Pool
	Logger *slog.Logger
	Areas  []Area

	Ready    func() bool   // work begins when it says so, that the start is not slowed; nil: at once
	Interval time.Duration // 0 means DefaultInterval
	Timeout  time.Duration // 0 means DefaultTimeout
	Rescue   time.Duration // 0 means DefaultRescue; must be longer than Timeout

	client  *Client
	started bool
	busyAt  time.Time // when there was work last
	askedAt time.Time // when open jobs were looked for last
	failing bool
}

// Run works until ctx is done, then gives running jobs a moment to finish. A failing database is waited for.
func (r *Runner) Run(ctx context.Context) error {
	if err := r.connect(); err != nil {
		return err
	}
	interval := r.Interval
	if interval == 0 {
		interval = DefaultInterval
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	defer r.stop(context.WithoutCancel(ctx))
	for {
		if r.Ready == nil || r.Ready() {
			r.note(ctx, r.step(ctx))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *Runner) connect() (err error) {
	workers := river.NewWorkers()
	for _, area := range r.Areas {
		area.Register(workers)
	}
	timeout, rescue := r.Timeout, r.Rescue
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	if rescue == 0 {
		rescue = DefaultRescue
	}
	r.client, err = river.NewClient(riverpgxv5.New(r.Pool), &river.Config{
		Logger:                      slog.New(warnings{r.Logger.With("component", "job").Handler()}),
		Workers:                     workers,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: maxConcurrency}},
		PollOnly:                    true,
		FetchPollInterval:           fetchInterval,
		JobTimeout:                  timeout,
		RescueStuckJobsAfter:        rescue,
		SoftStopTimeout:             stopTimeout,
		CompletedJobRetentionPeriod: keepCompleted,
		DiscardedJobRetentionPeriod: keepDiscarded,
	})
	if err != nil {
		return fmt.Errorf("make client of job queue: %w", err)
	}
	return nil
}

// step feeds the queue, and starts or stops River's client as there is work or not.
func (r *Runner) step(ctx context.Context) error {
	var failures []error
	for _, area := range r.Areas {
		made, err := area.Feed(ctx, r.client)
		if made {
			r.busyAt = time.Now()
		}
		failures = append(failures, err)
	}
	now := time.Now()
	idle := now.Sub(r.busyAt) >= idleAfter
	if idle && now.Sub(r.askedAt) >= openInterval {
		r.askedAt = now
		open, err := r.open(ctx)
		if err != nil || open {
			r.busyAt, idle = now, false
		}
		failures = append(failures, err)
	}
	switch {
	case !idle && !r.started:
		if err := r.client.Start(context.WithoutCancel(ctx)); err != nil {
			failures = append(failures, fmt.Errorf("start job queue: %w", err))
			break
		}
		r.started = true
	case idle && r.started:
		r.stop(ctx)
	}
	return errors.Join(failures...)
}

// open reports whether there are jobs that are not done.
func (r *Runner) open(ctx context.Context) (bool, error) {
	list, err := r.client.JobList(ctx, river.NewJobListParams().First(1).States(rivertype.JobStateAvailable,
		rivertype.JobStatePending, rivertype.JobStateRetryable, rivertype.JobStateRunning, rivertype.JobStateScheduled))
	if err != nil {
		return false, fmt.Errorf("read open jobs: %w", err)
	}
	return len(list.Jobs) > 0, nil
}

// stop ends River's client. Jobs that do not end in time are cancelled, and tried again later.
func (r *Runner) stop(ctx context.Context) {
	if !r.started {
		return
	}
	r.started = false
	ctx, cancel := context.WithTimeout(ctx, stopTimeout+cancelTimeout)
	defer cancel()
	if err := r.client.Stop(ctx); err != nil {
		r.Logger.Warn("jobs were left running; another server will repeat them", "component", "job", "err", err)
	}
}

// note logs the first of a row of failures, and its end.
func (r *Runner) note(ctx context.Context, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil && !r.failing:
		r.failing = true
		r.Logger.Warn("background work waits for the database", "component", "job", "err", err)
	case err == nil && r.failing:
		r.failing = false
		r.Logger.Info("background work goes on", "component", "job")
	}
}

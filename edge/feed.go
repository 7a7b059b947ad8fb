package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/token"
)

// feed brings the flags of one upstream token. While the link has them it does nothing; else it uses the best mode that is
// not barred: streaming while that works, then polling, and returns to a better one by itself.
type feed struct {
	up          *Upstream
	index       int
	token       UpstreamToken
	environment string
	logger      *slog.Logger
	status      board
	left        atomic.Bool   // it has been removed
	leave       chan struct{} // closed then
	loaded      chan struct{} // closed when there are flags
	load        func()        // closes loaded
	withheld    atomic.Bool   // there are flags of an earlier run that are not served yet
	lastID      sharedText    // of the stream; only the goroutine of run writes it, or the link while that has the feed

	// What follows belongs to the goroutine of run.
	bars      [Full]bar // of the modes before Full; the link has its own
	failures  int       // in a row
	tries     int       // streams in a row that brought nothing
	refusals  int       // in a row
	retry     time.Duration
	deltaTag  string
	fullTag   string
	wholeAt   time.Time // when everything came the last time, unasked conditions
	announced Mode      // the mode logged last
	talked    bool      // anything was logged
	earlier   []byte    // flags of an earlier run, or nil
}

func newFeed(u *Upstream, index int, t UpstreamToken) *feed {
	f := &feed{
		up: u, index: index, token: t, environment: t.environment(), leave: make(chan struct{}), loaded: make(chan struct{}),
	}
	f.load = sync.OnceFunc(func() { close(f.loaded) })
	f.logger = u.config.Logger.With("environment", f.environment)
	f.status.set(func(s *Status) {
		s.Environment, s.Token, s.Mode = f.environment, token.Redact(t.Secret), u.config.Prefer
	})
	return f
}

// run feeds until ctx is done or the feed is removed.
func (f *feed) run(ctx context.Context) error {
	whole := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-f.leave:
			cancel()
		case <-ctx.Done():
		}
	}()
	f.up.link.enter(f, f.restore(ctx))
	for ctx.Err() == nil {
		own, done := f.up.link.own(ctx, f)
		f.ask(own)
		if errors.Is(context.Cause(own), errTakenOver) {
			f.talked, f.failures = false, 0
		}
		done()
	}
	if f.left.Load() {
		f.up.link.exit(f)
		_ = f.up.deliver(whole, &batch{feed: f.index, leave: true})
	}
	return nil
}

// ask gets flags from the upstream in the best mode, and waits until that is to be done again.
func (f *feed) ask(ctx context.Context) {
	var wait time.Duration
	if mode := f.mode(time.Now()); mode == Streaming {
		lived, err := f.stream(ctx)
		if ctx.Err() != nil {
			return
		}
		wait = f.afterStream(lived, err)
	} else {
		err := f.poll(ctx, mode)
		if ctx.Err() != nil {
			return
		}
		wait = f.afterPoll(mode, err)
	}
	f.pause(ctx, wait)
}

// mode is the best one to use now, without the link.
func (f *feed) mode(now time.Time) Mode {
	for mode := max(f.up.config.Prefer, Streaming); mode < Full; mode++ {
		if !now.Before(f.bars[mode].until) {
			return mode
		}
	}
	return Full
}

// pause waits, but not beyond the moment at which a better mode may be tried again.
func (f *feed) pause(ctx context.Context, wait time.Duration) {
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// afterStream judges how a stream ended and returns how long to wait.
func (f *feed) afterStream(lived time.Duration, err error) time.Duration {
	now := time.Now()
	limit := backoffMax
	if lived > 0 { // streams work: waiting for the next one must not cost more than polling would
		f.bars[Streaming], f.tries = bar{}, 0
		limit = min(limit, f.up.config.RefreshInterval)
		if lived >= time.Minute {
			f.failures = 0
		}
	}
	switch {
	case errors.Is(err, errAskedToPoll):
		f.bars[Streaming].set(now, jittered(troubleMax))
	case errors.Is(err, errUnhydrated):
		f.lastID.set("")
		f.failures++
	case unsupported(err):
		f.bars[Streaming].set(now, doubled(unsupportedFirst, unsupportedMax, f.bars[Streaming].times))
	case retryAfter(err) > 0:
		f.bars[Streaming].set(now, jittered(retryAfter(err)*5/4))
	default:
		f.failures++
		if lived == 0 {
			f.tries++
		}
		var status *statusError
		crowded := errors.As(err, &status) && status.code == http.StatusTooManyRequests
		if crowded || f.tries >= streamTries {
			f.bars[Streaming].set(now, doubled(troubleFirst, troubleMax, f.bars[Streaming].times))
			f.bars[Streaming].trouble = !crowded
		}
	}
	f.trouble(Streaming, err)
	if now.Before(f.bars[Streaming].until) {
		f.failures = 0
		return 0 // poll at once
	}
	if f.retry > 0 {
		return jittered(min(f.retry, backoffMax))
	}
	return doubled(backoffFirst, limit, max(f.failures, f.status.get().Failures)-1)
}

// afterPoll judges a poll and returns how long to wait.
func (f *feed) afterPoll(mode Mode, err error) time.Duration {
	interval := f.up.config.RefreshInterval
	if err == nil {
		f.failures, f.refusals = max(f.failures-1, 0), 0
		f.bars[Delta].times = 0
		return f.untilBetter(jitteredLittle(interval * time.Duration(1+f.failures)))
	}
	f.trouble(mode, err)
	if mode == Delta && (unsupported(err) || errors.Is(err, errUnhydrated)) {
		f.deltaTag = ""
		f.bars[Delta].set(time.Now(), doubled(unsupportedFirst, unsupportedMax, f.bars[Delta].times))
		return 0 // full polling at once
	}
	if refused(err) {
		f.refusals++
		return doubled(refusedFirst, refusedMax, f.refusals-1)
	}
	if f.bars[Streaming].trouble && f.tries > 0 { // it is the upstream that is away, not its streams
		f.bars[Streaming] = bar{}
		return max(doubled(backoffFirst, backoffMax, f.status.get().Failures-streamTries), retryAfter(err))
	}
	f.failures = min(f.failures+1, failuresMax)
	wait := jittered(interval * time.Duration(1+f.failures))
	if !f.status.get().Filled {
		wait = min(wait, doubled(backoffFirst, backoffMax, f.failures-1))
	}
	return max(f.untilBetter(wait), retryAfter(err))
}

// untilBetter shortens a wait to the moment at which a better mode may be tried again.
func (f *feed) untilBetter(wait time.Duration) time.Duration {
	for mode := max(f.up.config.Prefer, Streaming); mode < Full; mode++ {
		if until := time.Until(f.bars[mode].until); until > 0 {
			wait = min(wait, until)
		}
	}
	return wait
}

// jitteredLittle keeps an interval that people have set, give or take a twentieth.
func jitteredLittle(d time.Duration) time.Duration { return d*19/20 + (jittered(d)-d*3/4)/5 }

// contact notes that the upstream has answered as it should.
func (f *feed) contact(mode Mode) {
	var refused, away bool
	f.status.set(func(s *Status) {
		refused, away = s.Refused, !s.Connected
		s.Mode, s.Connected, s.Refused, s.Err, s.Failures, s.ContactAt = mode, true, false, nil, 0, time.Now()
	})
	if refused {
		f.up.link.accepted(f)
	}
	if away {
		f.up.link.back()
	}
	if !f.talked || f.announced != mode {
		f.talked, f.announced = true, mode
		f.logger.Info("flags come from the upstream", "mode", mode.String())
	}
}

// trouble notes that it has not. Of a row of failures the first is logged as a warning; refusals are all, as they last.
func (f *feed) trouble(mode Mode, err error) {
	denied := mode == Full && refused(err)
	var first bool
	f.status.set(func(s *Status) {
		first = s.Failures == 0
		s.Mode, s.Connected, s.Err = mode, false, err
		s.Refused = s.Refused || denied
		s.Failures++
	})
	if mode == Full || !unsupported(err) { // else the next mode is tried at once
		f.release()
	}
	switch {
	case errors.Is(err, context.Canceled):
	case denied:
		f.logger.Error("the upstream refuses the token; serving what there is and asking again slowly",
			"token", token.Redact(f.token.Secret), "err", err)
	case mode != Full && unsupported(err):
		f.logger.Debug("the upstream does not offer this", "mode", mode.String(), "err", err)
	case first:
		f.logger.Warn("no contact with the upstream; serving what there is", "mode", mode.String(), "err", err)
	default:
		f.logger.Debug("no contact with the upstream", "mode", mode.String(), "err", err)
	}
}

// take merges a document.
func (f *feed) take(ctx context.Context, d document, revision int64, earlier bool) error {
	now := f.up.deliver(ctx, f.batch(d, revision, earlier))
	if now.err == nil {
		f.status.set(func(s *Status) {
			s.Filled, s.Restored, s.Revision = now.filled, s.Restored && now.restored, now.revision
		})
	}
	switch {
	case now.filled:
		f.load()
	case now.restored:
		f.withhold()
	}
	return now.err
}

func (f *feed) batch(d document, revision int64, earlier bool) *batch {
	b := &batch{feed: f.index, document: d, revision: revision, accepts: f.up.config.Filter.accepts, initial: earlier, restored: earlier}
	b.resumed = earlier && f.lastID.get() != ""
	if scope := f.token.scope(); earlier && !scope.AllProjects() {
		b.accepts = func(feature *eval.Feature) bool {
			return f.up.config.Filter.accepts(feature) && scope.Sees(feature.Project)
		}
	}
	return b
}

// bootstrap fills in flags from elsewhere, once, if the upstream has not answered before. That it fails is not fatal: the
// upstream may still answer.
func (f *feed) bootstrap(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, f.up.config.RequestTimeout)
	defer cancel()
	if err := f.loadBootstrap(ctx); err != nil && !errors.Is(err, context.Canceled) {
		f.logger.Error("no flags from the bootstrap address", "err", err)
	}
	return nil
}

func (f *feed) loadBootstrap(ctx context.Context) error {
	from := f.up.config.Bootstrap
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from.URL, nil)
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	if from.Authorization != "" {
		r.Header.Set("Authorization", from.Authorization)
	}
	answer, err := f.up.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return newStatusError(answer)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument))
	if err != nil {
		return fmt.Errorf("read bootstrap: %w", err)
	}
	d, err := parseDocument(body)
	if err != nil {
		return err
	}
	return f.up.deliver(ctx, &batch{feed: f.index, document: d, accepts: f.up.config.Filter.accepts, initial: true}).err
}

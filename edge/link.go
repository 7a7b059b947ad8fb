package edge

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/pennonhq/pennon/replica"
)

// errTakenOver ends what a feed asks itself when the link brings it.
var errTakenOver = errors.New("the link brings the flags")

// uplink is the one connection that brings all feeds of an Upstream whose server is of our kind. It owns the connection, when
// to try it and the cursor; feeds take a seat and ask nothing themselves while it keeps them. Without the link, or where it
// refuses one of them, feeds use the other modes until it takes them over again.
type uplink struct {
	up     *Upstream
	dialer *websocket.Dialer // nil: there is no link
	rang   chan struct{}     // holds one when seats have changed

	mu      sync.Mutex
	seats   map[*feed]*seat // mu; of the feeds that run
	keeps   bool            // mu; feeds wait for the link, unless it has put them aside
	moved   chan struct{}   // mu; closed and made anew when a feed may have to get its flags itself
	cursor  string          // mu; where those stand that are held; empty: nowhere
	earlier bool            // mu; the cursor is that of an earlier run
	found   bool            // mu; the upstream was away, and a feed has found it again

	// What follows belongs to the goroutine of run.
	bar      bar
	failures int // in a row
	tries    int // connections in a row that brought nothing
	retry    time.Duration
}

// seat is the place of one feed.
type seat struct {
	held   bool // it stood at the cursor
	member bool // the link brings it
	bar    bar  // the link refuses it
	own    context.CancelCauseFunc
}

func newUplink(u *Upstream) *uplink {
	l := &uplink{up: u, rang: make(chan struct{}, 1), seats: map[*feed]*seat{}, moved: make(chan struct{})}
	if u.config.Prefer == Link && u.config.Filter.none() {
		l.dialer = linkDialer(u.config.Transport)
	}
	l.keeps = l.dialer != nil
	return l
}

func (l *uplink) ring() {
	select {
	case l.rang <- struct{}{}:
	default: // it looks soon
	}
}

// begin starts at a cursor of an earlier run.
func (l *uplink) begin(cursor string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cursor, l.earlier = cursor, cursor != ""
}

// enter takes a seat for a feed. Held says that what it has restored stands at the cursor of the earlier run.
func (l *uplink) enter(f *feed, held bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seats[f] = &seat{held: held && l.earlier}
	l.ring()
}

// exit gives the seat up.
func (l *uplink) exit(f *feed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.seats, f)
	l.ring()
}

// own waits until the feed has to get its flags itself. The context it returns ends when the link takes it over.
func (l *uplink) own(ctx context.Context, f *feed) (context.Context, context.CancelFunc) {
	for {
		l.mu.Lock()
		s, moved := l.seats[f], l.moved
		if !s.member && (!l.keeps || time.Now().Before(s.bar.until)) {
			own, cancel := context.WithCancelCause(ctx)
			s.own = cancel
			l.mu.Unlock()
			return own, func() { cancel(nil) }
		}
		l.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx, func() {}
		case <-moved:
		}
	}
}

// accepted says that the upstream has accepted the feed's token after it had refused it.
func (l *uplink) accepted(f *feed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.seats[f]; s != nil {
		s.bar = bar{}
		l.ring()
	}
}

// back says that a feed has found the upstream again.
func (l *uplink) back() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found = true
	l.ring()
}

// run connects, and connects again, until ctx is done.
func (l *uplink) run(ctx context.Context) error {
	if l.dialer == nil {
		return nil
	}
	for ctx.Err() == nil {
		if !l.gather(ctx) {
			return nil
		}
		l.retry = 0
		if lived, err := l.connect(ctx); ctx.Err() == nil {
			l.wait(ctx, l.after(ctx, lived, err))
		}
	}
	return nil
}

// wait lets time pass.
func (l *uplink) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// gather waits until there is something to bring and a connection may be tried. It reports false when ctx is done.
func (l *uplink) gather(ctx context.Context) bool {
	for {
		wanted, next := l.wanted(time.Now())
		l.hasten()
		if bar := time.Until(l.bar.until); bar > 0 {
			next = max(next, bar)
		} else if wanted {
			return true
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return false
		case <-timer.C:
		case <-l.rang:
		}
		timer.Stop()
	}
}

// hasten tries the link soon where the upstream was away, and is found again.
func (l *uplink) hasten() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if soon := time.Now().Add(jittered(backoffFirst)); l.found && l.bar.trouble && soon.Before(l.bar.until) {
		l.bar.until, l.bar.trouble = soon, false
	}
	l.found = false
}

// wanted reports whether all feeds that there are have taken their seats, and one of them is not refused; if not, when to
// look again.
func (l *uplink) wanted(now time.Time) (yes bool, next time.Duration) {
	next = time.Hour
	feeds := l.up.current()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range feeds {
		if l.seats[f] == nil && !f.left.Load() {
			return false, next
		}
	}
	for _, s := range l.seats {
		if until := s.bar.until.Sub(now); until > 0 {
			next = min(next, until)
			continue
		}
		yes = true
	}
	return yes, next
}

// after judges how a connection ended and returns how long to wait. Feeds wait for a few tries; then they go their own ways.
func (l *uplink) after(ctx context.Context, lived time.Duration, err error) time.Duration {
	now, limit := time.Now(), backoffMax
	if lived > 0 { // links work: waiting for the next one must not cost more than polling would
		l.bar, l.tries = bar{}, 0
		limit = min(limit, l.up.config.RefreshInterval)
		if lived >= time.Minute {
			l.failures = 0
		}
	}
	if !unsupported(err) {
		for _, f := range l.seated() {
			f.release()
		}
	}
	switch {
	case errors.Is(err, errNoScopes):
		l.free(ctx)
		return 0 // each of them has been put aside
	case refused(err):
		return 0 // likewise the one that has knocked; another may be let in
	case errors.Is(err, errUnhydrated), errors.Is(err, errIncomplete):
		l.forget()
		l.failures++
	case unsupported(err):
		l.bar.set(now, doubled(unsupportedFirst, unsupportedMax, l.bar.times))
	case retryAfter(err) > 0:
		l.bar.set(now, jittered(retryAfter(err)*5/4))
	default:
		l.failures++
		if lived == 0 {
			l.tries++
		}
		if l.tries >= l.patience() {
			l.bar.set(now, doubled(troubleFirst, troubleMax, l.bar.times))
			l.bar.trouble = true
		}
	}
	l.trouble(err)
	switch {
	case now.Before(l.bar.until):
		l.failures, l.tries = 0, 0
		l.free(ctx)
		return 0
	case l.retry > 0:
		return jittered(min(l.retry, backoffMax))
	default:
		return doubled(backoffFirst, limit, l.failures-1)
	}
}

// patience is how many connections in a row may fail before the feeds go their own ways: at once, if one of them has no flags.
func (l *uplink) patience() int {
	for _, f := range l.seated() {
		if s := f.status.get(); !s.Filled && !s.Restored {
			return 1
		}
	}
	return streamTries
}

// trouble notes on the feeds that they hear nothing.
func (l *uplink) trouble(err error) {
	first := false
	for _, f := range l.seated() {
		f.status.set(func(s *Status) {
			if s.Mode == Link {
				first = first || s.Failures == 0
				s.Connected, s.Err = false, err
				s.Failures++
			}
		})
	}
	logger := l.up.config.Logger
	switch {
	case unsupported(err):
		logger.Debug("the upstream does not offer this", "mode", Link.String(), "err", err)
	case first:
		logger.Warn("no contact with the upstream; serving what there is", "mode", Link.String(), "err", err)
	default:
		logger.Debug("no contact with the upstream", "mode", Link.String(), "err", err)
	}
}

// seated are the feeds that the link wants to bring.
func (l *uplink) seated() []*feed {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	var feeds []*feed
	for f, s := range l.seats {
		if !now.Before(s.bar.until) {
			feeds = append(feeds, f)
		}
	}
	slices.SortFunc(feeds, func(a, b *feed) int { return a.index - b.index })
	return feeds
}

// free lets all feeds go their own ways.
func (l *uplink) free(ctx context.Context) {
	l.mu.Lock()
	feeds := slices.Collect(maps.Keys(l.seats))
	l.mu.Unlock()
	l.release(ctx, feeds)
	l.mu.Lock()
	defer l.mu.Unlock()
	for f, s := range l.seats {
		if s.member {
			f.lastID.set(resumable(l.cursor)) // streams have the same
		}
		s.member = false
	}
	l.keeps = false
	l.stir()
}

// release has the merger accept what the feeds bring themselves.
func (l *uplink) release(ctx context.Context, feeds []*feed) {
	b := &batch{release: []int{}}
	for _, f := range feeds {
		b.release = append(b.release, f.index)
	}
	_ = l.up.deliver(ctx, b)
}

// stir has waiting feeds look whether they still have to wait. The caller holds mu.
func (l *uplink) stir() {
	close(l.moved)
	l.moved = make(chan struct{})
}

// aside lets one feed go its own way for a while: the link refuses its token, or cannot tell yet.
func (l *uplink) aside(ctx context.Context, f *feed, first, limit time.Duration) {
	l.release(ctx, []*feed{f})
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.seats[f]
	if s == nil {
		return
	}
	s.member, s.held = false, false
	s.bar.set(time.Now(), doubled(first, limit, s.bar.times))
	l.stir()
}

// arrived notes that the members stand at the cursor, and takes those over that were on their own.
func (l *uplink) arrived(members []*feed, at replica.Cursor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cursor, l.earlier, l.keeps = at.String(), false, true
	for _, s := range l.seats {
		s.held = false
	}
	for _, f := range members {
		s := l.seats[f]
		if s == nil {
			continue // it has left
		}
		s.member, s.held, s.bar = true, true, bar{}
		if s.own != nil {
			s.own(errTakenOver)
			s.own = nil
		}
	}
}

// forget starts from nothing the next time.
func (l *uplink) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cursor, l.earlier = "", false
	for _, s := range l.seats {
		s.held = false
	}
}

// position is where the link stands, and the feeds that stand there.
func (l *uplink) position() (cursor string, held map[*feed]bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	held = map[*feed]bool{}
	for f, s := range l.seats {
		if s.held {
			held[f] = true
		}
	}
	return l.cursor, held
}

package edge

import (
	"context"
	"time"
)

// restoredAfter is how long an upstream that says nothing keeps flags of an earlier run from being served.
const restoredAfter = 2 * time.Second

// withhold keeps flags of an earlier run back. They are older than what the upstream has, which clients may have seen already,
// so it gets the chance to answer first: they are served once it has failed to, or has not for a while.
func (f *feed) withhold() {
	f.withheld.Store(true)
	time.AfterFunc(restoredAfter, f.release)
}

// release has flags of an earlier run served, if there are any and the upstream has not answered meanwhile. It is safe for
// concurrent use.
func (f *feed) release() {
	if !f.withheld.CompareAndSwap(true, false) || f.isLoaded() {
		return
	}
	f.status.set(func(s *Status) { s.Restored = !s.Filled })
	f.load()
	f.logger.Info("serving flags of an earlier run until the upstream answers")
}

// restore takes in flags of an earlier run that have come late, where there are none yet. Call it while Run runs.
func (u *Upstream) restore(ctx context.Context, flags func(environment string) []byte) {
	for _, f := range u.current() {
		if f.left.Load() || f.isLoaded() {
			continue
		}
		if body := flags(f.environment); body != nil {
			f.restoreLate(ctx, body)
		}
	}
}

func (f *feed) isLoaded() bool {
	select {
	case <-f.loaded:
		return true
	default:
		return false
	}
}

// restoreLate is restore beside the goroutine of run, which may get the upstream's flags at the same time: those count.
func (f *feed) restoreLate(ctx context.Context, body []byte) {
	d, err := parseDocument(body)
	if err != nil {
		f.logger.Error("flags of an earlier run cannot be read", "err", err)
		return
	}
	now := f.up.deliver(ctx, f.batch(d, revisionInside(body), true))
	if now.err != nil {
		f.logger.Error("flags of an earlier run cannot be taken in", "err", now.err)
		return
	}
	f.status.set(func(s *Status) {
		if !s.Filled {
			s.Filled, s.Revision = now.filled, now.revision
		}
	})
	if now.restored {
		f.withhold()
	}
}

package edge

import "context"

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
			s.Filled, s.Restored, s.Revision = now.filled, now.restored, now.revision
		}
	})
	if now.restored {
		f.load()
		f.logger.Info("serving flags of an earlier run until the upstream answers")
	}
}

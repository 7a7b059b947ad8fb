package edge

import (
	"context"
	"slices"

	"github.com/pennonhq/pennon/token"
)

// Add brings in the flags of one more token. Earlier, unless it is nil, are flags of an earlier run: they count until the
// upstream has answered. A token that is there already is left as it is.
func (u *Upstream) Add(t UpstreamToken, earlier []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, f := range u.feeds {
		if f.token.Secret == t.Secret && !f.left.Load() {
			return
		}
	}
	f := newFeed(u, len(u.feeds), t)
	f.earlier = earlier
	u.feeds = append(slices.Clip(u.feeds), f)
	select {
	case u.joined <- struct{}{}:
	default: // it is known already
	}
}

// Remove stops asking with a token. Its flags go where another token's are served beside them; the last ones of an
// environment stay: nothing served is no better than something old.
func (u *Upstream) Remove(secret string) {
	for _, f := range u.current() {
		if f.token.Secret == secret && f.left.CompareAndSwap(false, true) {
			close(f.leave)
		}
	}
}

// current are the feeds there are, those that have left included. The caller must not change the slice.
func (u *Upstream) current() []*feed {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.feeds
}

// tokens are those in use.
func (u *Upstream) tokens() []UpstreamToken {
	var all []UpstreamToken
	for _, f := range u.current() {
		if !f.left.Load() {
			all = append(all, f.token)
		}
	}
	return all
}

// tokenOf returns one in use that is of the environment.
func (u *Upstream) tokenOf(environment string) (t UpstreamToken, found bool) {
	for _, f := range u.current() {
		if f.environment == environment && !f.left.Load() {
			return f.token, true
		}
	}
	return UpstreamToken{}, false
}

// Covers reports whether some token brings all that scope sees, and whether its flags are there.
func (u *Upstream) Covers(scope token.Scope) (covered, loaded bool) {
	for _, f := range u.current() {
		if f.left.Load() || !includes(f.token.scope(), scope) {
			continue
		}
		covered = true
		select {
		case <-f.loaded:
			return true, true
		default:
		}
	}
	return covered, false
}

// Await waits until the flags of a scope are there, if it is covered, or ctx is done. It reports whether they are.
func (u *Upstream) Await(ctx context.Context, scope token.Scope) bool {
	for _, f := range u.current() {
		if f.left.Load() || !includes(f.token.scope(), scope) {
			continue
		}
		select {
		case <-f.loaded:
			return true
		case <-f.leave:
		case <-ctx.Done():
			return false
		}
	}
	return false
}

// Brings reports whether flags of the environment come from some token, and whether all that can be said of it is there.
func (u *Upstream) Brings(environment string) (known, loaded bool) {
	loaded = true
	for _, f := range u.current() {
		if f.left.Load() || f.environment != environment {
			continue
		}
		known = true
		select {
		case <-f.loaded:
		default:
			loaded = false
		}
	}
	return known, known && loaded
}

// includes reports whether all that inner sees, outer sees.
func includes(outer, inner token.Scope) bool {
	if outer.Environment != inner.Environment {
		return false
	}
	if outer.AllProjects() {
		return true
	}
	for _, project := range inner.Projects() {
		if project == token.All || !outer.Sees(project) {
			return false
		}
	}
	return true
}

// restore takes in the flags of an earlier run. It reports whether they stand at the link's cursor of that run.
func (f *feed) restore(ctx context.Context) (held bool) {
	saved, found := f.earlierPosition()
	body := f.earlier
	f.earlier = nil
	if body == nil {
		return false
	}
	if found {
		f.lastID.set(saved.StreamID)
	}
	d, err := parseDocument(body)
	if err == nil {
		err = f.take(ctx, d, revisionInside(body), true)
	}
	if err != nil {
		f.logger.Error("flags of an earlier run cannot be read", "err", err)
		f.lastID.set("")
		return false
	}
	if f.up.earlier != nil {
		f.status.set(func(s *Status) { s.ContactAt = f.up.earlier.savedAt })
	}
	return found && saved.Held
}

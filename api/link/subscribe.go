package link

import (
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

const (
	// maxChecks bounds how many tokens of one link are checked at the same time.
	maxChecks = 8

	// maxAttempts is how often a token is asked for that changes meanwhile.
	maxAttempts = 5
)

// hello opens the link.
func (l *link) hello(frame *FromEdge) error {
	if l.greeted {
		return errMalformed
	}
	l.greeted, l.name = true, frame.AppName
	cursor, came := replica.ParseCursor(frame.Cursor)
	if err := l.subscribe(frame.Scopes, came); err != nil {
		return err
	}
	l.mu.Lock()
	holds := slices.ContainsFunc(l.scopes, func(s *scope) bool { return s.held })
	if came && holds {
		l.resume = &cursor
	} else {
		cursor = replica.Cursor{}
	}
	l.opened = time.Now()
	l.mu.Unlock()
	l.enter(frame, cursor)
	l.begin(frame)
	return nil
}

// enter tells the fleet of the edge.
func (l *link) enter(frame *FromEdge, held replica.Cursor) {
	l.reporting.Lock()
	defer l.reporting.Unlock()
	scopes := l.seen()
	l.member = l.h.config.Fleet.Join(fleet.Edge{
		InstanceID: frame.InstanceID, AppName: frame.AppName, Version: frame.Version, ConnectionID: l.connection,
		TokenName: l.opener.Name, Scopes: scopes, Held: held, Since: l.since,
	})
	l.h.config.Logger.Info("edge linked", "app", frame.AppName, "instance", frame.InstanceID, "version", frame.Version,
		"connection", l.connection, "scopes", len(scopes), "cursor", held.String())
}

// begin has the scopes that were asked for sent, or ends the link if there are none.
func (l *link) begin(frame *FromEdge) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(frame.Scopes) > 0 {
		l.settleLocked()
	}
	l.ring()
}

// join adds scopes to an open link.
func (l *link) join(frame *FromEdge) error {
	if err := l.subscribe(frame.Scopes, false); err != nil {
		return err
	}
	l.report()
	l.begin(frame)
	return nil
}

// drop takes scopes off that the edge no longer wants.
func (l *link) drop(frame *FromEdge) {
	l.mu.Lock()
	l.scopes = slices.DeleteFunc(l.scopes, func(s *scope) bool { return slices.Contains(frame.IDs, s.id) })
	for _, id := range frame.IDs {
		delete(l.later, id)
	}
	l.generation++
	l.mu.Unlock()
	l.report()
}

// ack notes what the edge has applied.
func (l *link) ack(frame *FromEdge) error {
	cursor, ok := replica.ParseCursor(frame.Cursor)
	if !ok {
		return errMalformed
	}
	l.member.Ack(cursor)
	return nil
}

// subscribe checks the tokens of scopes and makes them part of the link, all at once. Those that may not be are refused.
// With a cursor, what the edge says it holds counts.
func (l *link) subscribe(wanted []Subscription, cursor bool) error {
	scopes, err := l.expect(wanted)
	if err != nil {
		return err
	}
	var checks errgroup.Group
	checks.SetLimit(maxChecks)
	for i, s := range scopes {
		checks.Go(func() error {
			l.check(s, &wanted[i], cursor)
			return nil
		})
	}
	_ = checks.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.joining = false
	for _, s := range scopes {
		s.active = true // some have left; nobody looks at those
	}
	return nil
}

// expect puts scopes on the books, so that they leave when their tokens change while they are being checked.
func (l *link) expect(wanted []Subscription) ([]*scope, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range wanted {
		delete(l.later, wanted[i].ID)
	}
	if len(l.scopes)+len(l.later)+len(wanted) > MaxScopes {
		return nil, errTooMuch
	}
	scopes := make([]*scope, 0, len(wanted))
	for i := range wanted {
		id := wanted[i].ID
		if slices.ContainsFunc(l.scopes, func(s *scope) bool { return s.id == id }) {
			return nil, errMalformed
		}
		s := &scope{id: id}
		scopes = append(scopes, s)
		l.scopes = append(l.scopes, s)
	}
	l.joining = true
	return scopes, nil
}

// check asks for the token of a scope, and once it is on the books, whether it is still that one: what becomes of it later,
// tokenChanged tells.
func (l *link) check(s *scope, wanted *Subscription, cursor bool) {
	var known *token.Token
	for attempt := 1; ; attempt++ {
		var err error
		known, err = l.h.config.Tokens.Token(l.ctx, wanted.Token)
		if why, ok := check(known, err); !ok {
			l.refuse(s, why)
			return
		}
		l.mu.Lock()
		s.token = known
		l.mu.Unlock()
		again, ok := l.h.config.Tokens.ByHash(token.Hash(wanted.Token))
		if ok && again.ID == known.ID && again.Kind == known.Kind && again.Scope.Key() == known.Scope.Key() {
			break
		}
		// It has changed this instant, or others have while it was asked for, so that it is not remembered.
		if attempt == maxAttempts {
			l.refuse(s, refusedChanged)
			return
		}
	}
	s.query = replica.Query{Scope: known.Scope, Departures: true}
	s.held = wanted.Held && cursor
	s.fresh = !s.held || token.NewScope(wanted.Environment, wanted.Projects...).Key() != known.Scope.Key()
}

func (l *link) refuse(s *scope, why refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuseLocked(s, why)
}

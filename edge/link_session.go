package edge

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// session is one connection of a link. It belongs to the goroutine of link.run.
type session struct {
	*uplink

	connection *linkConn
	asked      map[int]*feed  // by the id of their scopes
	members    map[*feed]bool // that stand at the cursor
	opened     time.Time      // when the first changes came; zero: not yet
	acks       acks
}

// acks tell the server which frames have been applied, not too often.
type acks struct {
	every  time.Duration
	sentAt time.Time
	due    string // cursor that was not acknowledged yet
}

// connect opens a connection and follows it until it ends. It returns for how long flags came. The error is never nil.
func (l *uplink) connect(ctx context.Context) (lived time.Duration, err error) {
	feeds := l.seated()
	if len(feeds) == 0 {
		return 0, errNoScopes
	}
	connection, err := l.dial(ctx, feeds[0])
	if err != nil {
		if refused(err) {
			l.aside(ctx, feeds[0], unsupportedFirst, unsupportedMax)
		}
		return 0, err
	}
	s := &session{uplink: l, connection: connection, asked: map[int]*feed{}, members: map[*feed]bool{}}
	answer := connection.PingHandler()
	connection.SetPingHandler(func(payload string) error {
		l.heard()
		return answer(payload)
	})
	incoming, ended := make(chan *link.FromServer), make(chan error, 1)
	over := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() { ended <- s.read(incoming, over) })
	defer func() {
		close(over)
		_ = connection.Close()
		reading.Wait()
	}()
	if err = s.hello(ctx); err == nil {
		err = s.run(ctx, incoming, ended)
	}
	if ctx.Err() != nil {
		bye := websocket.FormatCloseMessage(websocket.CloseGoingAway, "")
		_ = connection.WriteControl(websocket.CloseMessage, bye, time.Now().Add(time.Second))
	}
	return since(s.opened), err
}

// read passes on what the server sends.
func (s *session) read(incoming chan<- *link.FromServer, over <-chan struct{}) error {
	for {
		_, data, err := s.connection.ReadMessage()
		if err != nil {
			return linkEnded(err)
		}
		message := &link.FromServer{}
		if err := json.Unmarshal(data, message); err != nil {
			return fmt.Errorf("%w: %w", errIncomplete, err)
		}
		select {
		case incoming <- message:
		case <-over:
			return nil
		}
	}
}

// hello asks for all feeds, those that stand at the cursor from there on.
func (s *session) hello(ctx context.Context) error {
	hello := &link.FromEdge{
		Type: link.TypeHello, AppName: s.up.config.AppName, InstanceID: s.up.config.InstanceID, Version: s.up.config.Version,
	}
	var held map[*feed]bool
	hello.Cursor, held = s.position()
	for _, f := range s.room(ctx) {
		scope := f.token.scope()
		s.asked[f.index] = f
		wanted := link.Subscription{ID: f.index, Token: f.token.Secret}
		if hello.Cursor != "" && held[f] {
			s.members[f] = true
			wanted.Held, wanted.Environment, wanted.Projects = true, scope.Environment, scope.Projects()
		}
		hello.Scopes = append(hello.Scopes, wanted)
	}
	if err := s.connection.send(hello); err != nil {
		return err
	}
	return s.watch(s.up.tokenNews.all(), nil)
}

// room are the feeds for which a link has room. The others go their own ways.
func (s *session) room(ctx context.Context) []*feed {
	feeds := s.seated()
	for _, f := range feeds[min(len(feeds), link.MaxScopes):] {
		s.aside(ctx, f, unsupportedMax, unsupportedMax)
	}
	return feeds[:min(len(feeds), link.MaxScopes)]
}

func (s *session) run(ctx context.Context, incoming <-chan *link.FromServer, ended <-chan error) error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(s.next())
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err = <-ended:
			return err
		case message := <-incoming:
			err = s.take(ctx, message)
		case <-s.rang:
			err = s.agree(ctx)
		case <-s.up.tokenNews.rang:
			err = s.watch(s.up.tokenNews.take())
		case <-timer.C:
			if err = s.ack(); err == nil {
				err = s.agree(ctx)
			}
		}
		if err != nil {
			return err
		}
	}
}

// next is how long nothing needs to be looked at unless something happens.
func (s *session) next() time.Duration {
	_, next := s.wanted(time.Now())
	if s.acks.due != "" {
		next = min(next, time.Until(s.acks.sentAt.Add(s.acks.every)))
	}
	return next
}

func (s *session) take(ctx context.Context, message *link.FromServer) error {
	switch message.Type {
	case link.TypeWelcome:
		s.acks.every = time.Duration(message.AckEvery) * time.Millisecond
	case link.TypeChanges:
		return s.changes(ctx, message)
	case link.TypeRefused:
		s.refused(ctx, message)
	case link.TypeToken:
		s.up.tokenNews.told(message.Hash, message.State)
	case link.TypeRetry:
		s.retry = time.Duration(message.Data) * time.Millisecond
	}
	return nil
}

// changes applies a frame and says so.
func (s *session) changes(ctx context.Context, message *link.FromServer) error {
	cursor, ok := replica.ParseCursor(message.Cursor)
	if !ok {
		return fmt.Errorf("%w: a frame without a cursor", errIncomplete)
	}
	f := &frame{cursor: cursor, log: message.Log, begins: message.Log == nil}
	if message.At != nil {
		f.at = *message.At
	}
	for i := range message.Scopes {
		scope := &message.Scopes[i]
		from := s.asked[scope.ID]
		if from == nil || !s.expected(ctx, from, scope) {
			continue
		}
		events, err := parseEvents(scope.Events)
		if err != nil {
			return err
		}
		f.parts = append(f.parts, part{from.index, events})
		s.members[from] = true
	}
	members := slices.Collect(maps.Keys(s.members))
	for _, member := range members {
		f.members = append(f.members, member.index)
	}
	if merged := s.up.deliver(ctx, &batch{frame: f}); merged.err != nil {
		return merged.err
	}
	if s.opened.IsZero() {
		s.opened = time.Now()
		s.up.config.Logger.Info("flags come from the upstream", "mode", Link.String(), "scopes", len(members), "revision", cursor.Revision)
	}
	for _, member := range members {
		member.linked(cursor.Revision)
	}
	s.arrived(members, cursor)
	s.acks.due = message.Cursor
	return s.ack()
}

// expected reports whether a scope is what the feed's token was said to see. If not, the token is asked about again, and what
// comes of that is another feed.
func (s *session) expected(ctx context.Context, f *feed, scope *link.ScopeEvents) bool {
	if f.token.Projects == nil || token.NewScope(scope.Environment, scope.Projects...).Key() == f.token.scope().Key() {
		return true
	}
	delete(s.asked, f.index)
	delete(s.members, f)
	s.aside(ctx, f, troubleFirst, troubleMax)
	s.up.tokenNews.doubt(f.token.Secret)
	_ = s.connection.send(&link.FromEdge{Type: link.TypeLeave, IDs: []int{f.index}}) // the next reading tells of a broken connection
	return false
}

// ack acknowledges the newest frame, if that is due.
func (s *session) ack() error {
	if s.acks.due == "" || time.Since(s.acks.sentAt) < s.acks.every {
		return nil
	}
	cursor := s.acks.due
	s.acks.due, s.acks.sentAt = "", time.Now()
	return s.connection.send(&link.FromEdge{Type: link.TypeAck, Cursor: cursor})
}

// refused lets a feed go its own way, which tells what that means for it.
func (s *session) refused(ctx context.Context, message *link.FromServer) {
	f := s.asked[message.ID]
	if f == nil {
		return
	}
	delete(s.asked, f.index)
	delete(s.members, f)
	f.logger.Info("the upstream refuses a token on the link", "token", token.Redact(f.token.Secret), "status", message.Status, "message", message.Message)
	if (&statusError{code: message.Status}).denied() {
		s.aside(ctx, f, unsupportedFirst, unsupportedMax)
	} else {
		s.aside(ctx, f, backoffFirst, troubleMax)
	}
}

// agree asks for the feeds that have come, and leaves those that have gone.
func (s *session) agree(ctx context.Context) error {
	join, leave := &link.FromEdge{Type: link.TypeJoin}, &link.FromEdge{Type: link.TypeLeave}
	present := map[*feed]bool{}
	for _, f := range s.room(ctx) {
		present[f] = true
		if s.asked[f.index] == nil {
			s.asked[f.index] = f
			join.Scopes = append(join.Scopes, link.Subscription{ID: f.index, Token: f.token.Secret})
		}
	}
	for id, f := range s.asked {
		if !present[f] {
			delete(s.asked, id)
			delete(s.members, f)
			leave.IDs = append(leave.IDs, id)
		}
	}
	var err error
	if len(leave.IDs) > 0 {
		err = s.connection.send(leave)
	}
	if err == nil && len(join.Scopes) > 0 {
		err = s.connection.send(join)
	}
	if err == nil && len(s.asked) == 0 {
		return errNoScopes
	}
	return err
}

// watch asks to be told of tokens, and no more of others.
func (s *session) watch(watched, unwatched []string) error {
	const most = 10_000 // in one frame
	for chunk := range slices.Chunk(unwatched, most) {
		if err := s.connection.send(&link.FromEdge{Type: link.TypeUnwatch, Tokens: chunk}); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(watched, most) {
		if err := s.connection.send(&link.FromEdge{Type: link.TypeWatch, Tokens: chunk}); err != nil {
			return err
		}
	}
	return nil
}

// heard notes that the upstream is there.
func (l *uplink) heard() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for f, s := range l.seats {
		if s.member {
			f.status.set(func(s *Status) { s.ContactAt = time.Now() })
		}
	}
}

// linked notes that the link has brought the feed's flags.
func (f *feed) linked(revision int64) {
	f.status.set(func(s *Status) {
		s.Mode, s.Connected, s.Refused, s.Err, s.Failures, s.ContactAt = Link, true, false, nil, 0, time.Now()
		s.Filled, s.Restored, s.Revision = true, false, revision
	})
	f.load()
}

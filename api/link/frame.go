package link

import (
	"slices"
	"strconv"
	"time"
	"weak"

	"github.com/pennonhq/pennon/replica"
)

const (
	// quietPause is how often the cursor is moved by a frame that says nothing else, at most.
	quietPause = 3 * time.Second

	// aheadPatience is how long an edge that comes from a server which is further than this one waits for this one to
	// follow, before it is taken for one that knows a history that is no more.
	aheadPatience = 2 * time.Second
)

// frame is one frame of changes, or why there is none.
type frame struct {
	view       *replica.View
	scopes     []interest
	generation uint64

	parts [][]byte  // nil: nothing is due
	again time.Time // when to look again without being rung, if nothing is due
	retry bool      // a scope has left: look again at once
}

// interest is a scope while a frame is made of it.
type interest struct {
	*scope

	state   *replica.State
	payload *replica.Payload // nil: nothing to tell
	whole   bool             // payload is a hydration
}

// changes makes the frame that brings all scopes from the link's cursor to the newest view.
func (l *link) changes() frame {
	f := frame{view: l.h.config.Store.View()}
	now := time.Now()
	if !l.collect(&f, now) {
		if f.retry {
			l.report()
		}
		return f
	}
	if !l.framed.IsZero() && l.sent == weak.Make(f.view) && !slices.ContainsFunc(f.scopes, func(i interest) bool { return i.fresh }) {
		return f
	}
	if l.framed.IsZero() && l.known && l.cursor.Revision > f.view.Cursor().Revision && now.Before(l.patience) {
		f.again = l.patience
		return f
	}
	rows, ok := l.ask(&f)
	if !ok {
		f.retry = true
		return f
	}
	told := slices.ContainsFunc(f.scopes, func(i interest) bool { return i.payload != nil })
	if !told && rows != nil && !l.framed.IsZero() {
		if len(rows) == 0 {
			l.sent = weak.Make(f.view)
			return f
		}
		if due := l.framed.Add(quietPause); now.Before(due) {
			f.again = due
			return f
		}
	}
	f.parts = encode(&f, rows)
	return f
}

// collect gathers the scopes of the frame. It returns false when there can be no frame now.
func (l *link) collect(f *frame, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.opened.IsZero() {
		return false
	}
	if l.resume != nil {
		l.cursor, l.known, l.patience = *l.resume, true, l.opened.Add(aheadPatience)
		l.resume = nil
	}
	f.scopes = make([]interest, 0, len(l.scopes))
	for _, s := range slices.Clone(l.scopes) {
		switch {
		case !s.active:
		case s.token.Expired(now):
			l.refuseLocked(s, refusedExpired)
			f.retry = true
		default:
			f.scopes = append(f.scopes, interest{scope: s})
		}
	}
	if f.retry {
		l.settleLocked()
	}
	f.generation = l.generation
	return !f.retry
}

// ask asks the states what each scope has to be told, and returns the rows of the log that come with it; nil for a history
// that begins here. It returns false when a scope had to leave.
func (l *link) ask(f *frame) ([]replica.Cursor, bool) {
	if !l.findStates(f) {
		return nil, false
	}
	if !l.framed.IsZero() && l.sent == weak.Make(f.view) {
		l.askAll(f, func(in *interest) bool { return true })
		return []replica.Cursor{}, true
	}
	var rows []replica.Cursor
	continued := false
	if l.known {
		rows, continued = f.view.RowsAfter(l.cursor, MaxLogRows)
	}
	again := false // a scope that the edge holds starts over
	if continued {
		again = l.askAll(f, func(in *interest) (resumed bool) {
			in.payload, resumed = in.state.Since(in.query, l.cursor)
			return resumed
		})
	}
	switch {
	case !continued, again && len(rows) == 0: // the same place, of another history
		l.askAll(f, func(*interest) bool { return false })
		return nil, true
	case again: // what came and went meanwhile is not told, so nobody resumes from where it may have been
		return rows[len(rows)-1:], true
	}
	return slices.DeleteFunc(rows, func(c replica.Cursor) bool {
		return c != f.view.Cursor() && slices.ContainsFunc(f.scopes, func(in interest) bool {
			return !in.whole && !in.state.Resumable(in.query.Scope, c)
		})
	}), true
}

// askAll has the scopes that start, and those that resume refuses, told everything. It reports whether the edge holds
// something of one of these.
func (l *link) askAll(f *frame, resume func(*interest) bool) (again bool) {
	for i := range f.scopes {
		in := &f.scopes[i]
		if !in.fresh && resume(in) {
			continue
		}
		in.payload, in.whole = in.state.Hydration(replica.Query{Scope: in.query.Scope}), true // which streams share
		again = again || in.held || !in.fresh
	}
	return again
}

// findStates finds the state of each scope. Scopes of environments that there are not leave, and it returns false.
func (l *link) findStates(f *frame) bool {
	all := true
	for i := range f.scopes {
		in := &f.scopes[i]
		if in.state = f.view.State(in.query.Scope.Environment); in.state == nil {
			l.refuse(in.scope, refusedEnvironment)
			all = false
		}
	}
	if !all {
		l.report()
	}
	return all
}

// sentFrame notes that the edge has been sent the frame.
func (l *link) sentFrame(f *frame) {
	l.cursor, l.known = f.view.Cursor(), true
	l.sent = weak.Make(f.view)
	l.framed = time.Now()
	for i := range f.scopes {
		f.scopes[i].fresh, f.scopes[i].held = false, false
	}
}

// shareAbove is the size in bytes from which the events of a scope are sent as they are instead of being copied.
const shareAbove = 16 << 10

// encode writes the frame in parts; those that hold events are shared and must not be changed.
func encode(f *frame, rows []replica.Cursor) (parts [][]byte) {
	b := append(make([]byte, 0, 512), `{"type":"changes","cursor":"`...)
	b = append(f.view.Cursor().Append(b), '"')
	if at := f.view.At(); !at.IsZero() {
		b = append(b, `,"at":"`...)
		b = append(at.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z07:00"), '"')
	}
	if rows != nil {
		b = append(b, `,"log":`...)
		b = appendList(b, rows, func(b []byte, row replica.Cursor) []byte { return LogRow(row).append(b) })
	}
	b = append(b, `,"scopes":[`...)
	first := true
	for _, in := range f.scopes {
		if in.payload == nil {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = strconv.AppendInt(append(b, `{"id":`...), int64(in.id), 10)
		b = replica.AppendString(append(b, `,"environment":`...), in.query.Scope.Environment)
		b = appendList(append(b, `,"projects":`...), in.query.Scope.Projects(), replica.AppendString)
		b = append(b, ',')
		events := in.payload.JSON[1:] // of {"events":[…]}: its end is the scope's
		if len(events) < shareAbove {
			b = append(b, events...)
			continue
		}
		parts = append(parts, b, events)
		b = make([]byte, 0, 256)
	}
	return append(parts, append(b, "]}"...))
}

func appendList[T any](b []byte, elements []T, appendOne func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, element := range elements {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOne(b, element)
	}
	return append(b, ']')
}

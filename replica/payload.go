package replica

import (
	"strconv"
	"sync"
)

// Payload is an encoded `{"events":[…]}` and the cursor a reader holds after applying it. It is immutable and shared: do
// not change JSON.
type Payload struct {
	JSON   []byte
	Cursor Cursor

	compress sync.Once
	gzip     []byte
}

// Gzip returns JSON compressed. The work is done once, by the first caller.
func (p *Payload) Gzip() []byte {
	p.compress.Do(func() { p.gzip = compressed(p.JSON) })
	return p.gzip
}

// payloadsMax bounds how many deltas a State keeps encoded. Streams ask for one or two cursors a scope; only readers that
// poll with old cursors ask for many.
const payloadsMax = 512

// payloads are the deltas of one State, each encoded once however many ask for it at the same time.
type payloads struct {
	mu    sync.Mutex
	cells map[payloadKey]*payloadCell
}

type payloadKey struct {
	query string
	since int64
}

type payloadCell struct {
	build   sync.Once
	payload *Payload
}

func (p *payloads) get(key payloadKey, build func() *Payload) *Payload {
	p.mu.Lock()
	cell := p.cells[key]
	if cell == nil {
		if p.cells == nil || len(p.cells) >= payloadsMax {
			p.cells = map[payloadKey]*payloadCell{}
		}
		cell = &payloadCell{}
		p.cells[key] = cell
	}
	p.mu.Unlock()
	cell.build.Do(func() { cell.payload = build() })
	return cell.payload
}

// Since returns what has changed for the query since the cursor. A nil payload with true means that nothing has; the
// reader may go on with the state's Cursor or keep its own. False means that the state cannot resume from the cursor: it
// is older than what is remembered, of another history, or ahead of this state. The reader then needs a Hydration.
func (st *State) Since(q Query, cursor Cursor) (*Payload, bool) {
	if !st.Resumable(q.Scope, cursor) {
		return nil, false
	}
	if cursor.Revision == st.head() {
		return nil, true
	}
	return st.payloads.get(payloadKey{q.Key(), cursor.Revision}, func() *Payload {
		events := st.eventsSince(&q, cursor.Revision, st.head())
		if len(events) == 0 {
			return nil
		}
		return &Payload{JSON: appendEvents(nil, events), Cursor: st.Cursor()}
	}), true
}

// Hydration returns everything the query selects as one event, with the segments the flags refer to and no others. Its
// cursor may be older than the state's, if nothing the query selects has changed since.
func (st *State) Hydration(q Query) *Payload {
	return st.shelf.hydration(st, q)
}

func (st *State) hydrate(q *Query) *Payload {
	segments := st.selectedSegments(q)
	size := 128
	for e := range st.selected(q) {
		size += len(e.json) + 1
	}
	for _, s := range segments {
		size += len(s.json) + 1
	}
	b := make([]byte, 0, size)
	b = append(b, `{"events":[{"type":"hydration","eventId":`...)
	b = strconv.AppendInt(b, st.head(), 10)
	b = append(b, `,"features":`...)
	b = st.appendSelected(b, q)
	b = append(b, `,"segments":`...)
	b = appendSegments(b, segments)
	return &Payload{JSON: append(b, `}]}`...), Cursor: st.Cursor()}
}

func (c *content) appendSelected(b []byte, q *Query) []byte {
	b = append(b, '[')
	start := len(b)
	for e := range c.selected(q) {
		if len(b) > start {
			b = append(b, ',')
		}
		b = append(b, e.json...)
	}
	return append(b, ']')
}

func appendSegments(b []byte, segments []*segment) []byte {
	b = append(b, '[')
	for i, s := range segments {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, s.json...)
	}
	return append(b, ']')
}

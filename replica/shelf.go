package replica

import (
	"strings"
	"sync"
	"sync/atomic"
	"weak"
)

const (
	// shelfMax is how many answers a Store keeps: scopes times shapes.
	shelfMax = 2048
	// shelfMaxBytes bounds the memory of the compressed bodies among them.
	shelfMaxBytes = 32 << 20
)

// shape is the form of an answer on the shelf.
type shape uint8

const (
	shapeHydration shape = iota
	shapeFeatures
	shapeInlined
)

type shelfKey struct {
	query string
	shape shape
}

// shelf keeps whole answers over successive states, for as long as what they say is still so, and lets only one reader at
// a time put an answer together. It belongs to one history: after a fork the Store starts a new one.
type shelf struct {
	clock atomic.Int64
	built *atomic.Uint64 // counts the bodies that were put together

	mu    sync.Mutex
	cells map[shelfKey]*shelfCell
	bytes int
}

type shelfCell struct {
	used  atomic.Int64 // the shelf's clock when it was asked for last
	bytes int          // guarded by shelf.mu

	build sync.Mutex // held while an answer is put together
	kept  atomic.Pointer[answer]
}

// answer is what a cell holds. Hydrations are big and wanted by many at once or by none: they are held weakly.
type answer struct {
	upTo      int64 // the newest revision at which the answer is known to hold
	hydration weak.Pointer[Payload]
	body      *Body
}

func newShelf(built *atomic.Uint64) *shelf {
	return &shelf{cells: map[shelfKey]*shelfCell{}, built: built}
}

func (s *shelf) features(st *State, q FeaturesQuery) *Body {
	cell := s.cell(shelfKey{q.Key(), q.shape()})
	head := st.head()
	if kept := cell.kept.Load(); kept != nil && kept.upTo == head {
		return kept.body
	}
	cell.build.Lock()
	defer cell.build.Unlock()
	switch kept := cell.kept.Load(); {
	case kept == nil:
	case kept.upTo == head:
		return kept.body
	case kept.upTo > head: // st is an old state: leave the newer answer alone
		s.built.Add(1)
		return st.body(q.normal())
	case kept.upTo >= st.base && !st.changed(&q.Query, kept.upTo):
		same := *kept.body
		same.state = st // so that the old one can be freed
		cell.kept.Store(&answer{upTo: head, body: &same})
		return &same
	}
	s.built.Add(1)
	body := st.body(q.normal())
	cell.kept.Store(&answer{upTo: head, body: body})
	return body
}

func (s *shelf) hydration(st *State, q Query) *Payload {
	cell := s.cell(shelfKey{q.Key(), shapeHydration})
	cell.build.Lock()
	defer cell.build.Unlock()
	head := st.head()
	if kept := cell.kept.Load(); kept != nil {
		if kept.upTo > head {
			return st.hydrate(&q)
		}
		payload := kept.hydration.Value()
		if payload != nil && kept.upTo == head {
			return payload
		}
		if payload != nil && st.Resumable(q.Scope, payload.Cursor) && !st.changed(&q, kept.upTo) {
			cell.kept.Store(&answer{upTo: head, hydration: kept.hydration})
			return payload
		}
	}
	payload := st.hydrate(&q)
	cell.kept.Store(&answer{upTo: head, hydration: weak.Make(payload)})
	return payload
}

func (s *shelf) cell(key shelfKey) *shelfCell {
	s.mu.Lock()
	defer s.mu.Unlock()
	cell := s.cells[key]
	if cell == nil {
		cell = &shelfCell{}
		s.cells[key] = cell
		cell.used.Store(s.clock.Add(1))
		s.shrink(cell)
		return cell
	}
	cell.used.Store(s.clock.Add(1))
	return cell
}

// grow accounts for memory a cell's answer has come to hold.
func (s *shelf) grow(key shelfKey, bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cell := s.cells[key]; cell != nil {
		s.bytes += bytes - cell.bytes
		cell.bytes = bytes
		s.shrink(cell)
	}
}

// shrink drops what was not asked for the longest, but not the cell in use.
func (s *shelf) shrink(inUse *shelfCell) {
	for len(s.cells) > 1 && (len(s.cells) > shelfMax || s.bytes > shelfMaxBytes) {
		var oldest shelfKey
		least := inUse.used.Load()
		for key, cell := range s.cells {
			if used := cell.used.Load(); cell != inUse && used < least {
				oldest, least = key, used
			}
		}
		cell, found := s.cells[oldest]
		if !found {
			return
		}
		s.bytes -= cell.bytes
		delete(s.cells, oldest)
	}
}

// sweep drops the answers nobody has asked for since the state was at that revision.
func (s *shelf) sweep(revision int64) {
	s.delete(func(_ shelfKey, cell *shelfCell) bool {
		kept := cell.kept.Load()
		return kept != nil && kept.upTo < revision
	})
}

// drop forgets an environment.
func (s *shelf) drop(environment string) {
	s.delete(func(key shelfKey, _ *shelfCell) bool { return strings.HasPrefix(key.query, environment+"\x00") })
}

func (s *shelf) delete(expired func(shelfKey, *shelfCell) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, cell := range s.cells {
		if expired(key, cell) {
			s.bytes -= cell.bytes
			delete(s.cells, key)
		}
	}
}

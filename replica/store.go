package replica

import (
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pennonhq/pennon/eval"
)

const (
	// sweepAfter is after how many changed flags the shelf drops answers nobody asks for: they keep old states alive.
	sweepAfter = 1000
	// wakeAfter is after how many rows that did not concern an environment its readers are woken all the same, so that
	// their cursors do not fall behind what the history remembers.
	wakeAfter = historyKept / 4
)

// Store is the Sink that holds the newest State of every environment. Readers call State, Cursor, Ready and TokenRevision
// from any goroutine; the Source calls Reset and Apply from one.
type Store struct {
	logger *slog.Logger
	view   atomic.Pointer[View]
	built  *atomic.Uint64 // see Built

	listeners  []func(environments []string)
	changedAt  time.Time // see ChangedAt; the Source's goroutine's
	strategies eval.Strategies

	// What follows belongs to the Source's goroutine.
	encoder encoder
	shelf   *shelf
	swept   int64          // head at the last sweep of the shelf
	changes int            // flags changed since
	silent  map[string]int // rows since the environment's readers were woken

	tokensMu sync.RWMutex
	tokens   map[string]int64 // newest revision at which a token changed
}

var _ Sink = (*Store)(nil)

// NewStore makes an empty Store. It is not ready before the first Reset.
func NewStore(logger *slog.Logger) *Store {
	built := new(atomic.Uint64)
	return &Store{logger: logger.With("component", "replica"), shelf: newShelf(built), built: built, silent: map[string]int{}, tokens: map[string]int64{}}
}

// OnChange registers a function that is called after each swap with the names of the environments whose readers may have
// missed something, deleted ones included. It is called from the Source's goroutine and must not block. Register before
// the Source runs.
func (s *Store) OnChange(changed func(environments []string)) {
	s.listeners = append(s.listeners, changed)
}

// Built counts the answers with all flags of a scope that were put together because there was none yet, or none that still
// held. Every other one was ready.
func (s *Store) Built() uint64 { return s.built.Load() }

// ChangedAt is when the change was committed that OnChange's functions are called for, on the database's clock; the first
// one where there are several, and zero where that is not known. Only those functions may call it.
func (s *Store) ChangedAt() time.Time { return s.changedAt }

// UseStrategies makes State.Compiled know strategies beyond Unleash's. Call it before the Source runs.
func (s *Store) UseStrategies(custom eval.Strategies) { s.strategies = custom }

// State returns the newest state of the environment, or nil if there is no such environment or no state yet.
func (s *Store) State(environment string) *State {
	return s.view.Load().State(environment)
}

// Environments lists the environments there are, in order.
func (s *Store) Environments() []string {
	v := s.view.Load()
	if v == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(v.states))
}

// Ready reports whether there is state to serve: after the first Reset.
func (s *Store) Ready() bool { return s.view.Load() != nil }

// Cursor is the newest row of the change log that has been applied.
func (s *Store) Cursor() Cursor {
	return s.view.Load().Cursor()
}

// TokenRevision is the newest revision at which the token of that id was made or changed, 0 if that is not remembered. A
// reader whose cursor is older saw what an other scope shows: it needs a Hydration, as Since knows nothing of the past of
// scopes.
func (s *Store) TokenRevision(id string) int64 {
	s.tokensMu.RLock()
	defer s.tokensMu.RUnlock()
	return s.tokens[id]
}

// TokenChanged notes that a token shows something else from now on: whoever holds a cursor needs a Hydration. Sources whose
// rows tell of tokens need not call it. It is safe for concurrent use.
func (s *Store) TokenChanged(id string) {
	head := s.Cursor().Revision
	s.tokensMu.Lock()
	defer s.tokensMu.Unlock()
	s.tokens[id] = head + 1
}

// Apply moves every environment to the delta's last revision.
func (s *Store) Apply(delta Delta) {
	old := s.view.Load()
	if old == nil {
		s.logger.Error("delta before the first snapshot")
		return
	}
	known := old.log.head().Revision
	rows := rowsAfter(delta.Rows, known)
	at := old.at
	switch {
	case len(rows) > 0:
		at = rows[len(rows)-1].At
	case len(delta.Rows) > 0 || !delta.unseen():
		s.logger.Error("delta without new rows", "revision", known)
		return
	default:
		s.shelf = newShelf(s.built) // which takes it that states at one revision are the same
	}
	s.noteTokens(rows)
	log := old.log.with(rows)
	head := log.head().Revision
	// What changes now is news to everybody who knows the state before, whatever row it is said to come from.
	revision := func(claimed int64) int64 {
		if claimed <= known || claimed > head {
			return head
		}
		return claimed
	}
	for i := range delta.Segments {
		delta.Segments[i].Revision = revision(delta.Segments[i].Revision)
	}
	trim := len(log.revisions) > historyMax
	if trim {
		log = log.trimmed(historyKept)
	}
	// Other servers may have handed out cursors between the transactions of the delta, for states this one never had.
	exact := oneTransaction(rows)
	segments := s.segmentChanges(old.segments, delta.Segments, exact)
	next := &View{states: make(map[string]*State, len(old.states)+1), log: log, segments: old.segments, at: at}
	changed := map[string]bool{}
	contents := make(map[string]*content, len(old.states))
	for name, state := range old.states {
		c := state.content
		for _, change := range segments {
			if change.apply(&c) && c.refersTo(change.id) {
				changed[name] = true
			}
		}
		next.segments = c.segments
		contents[name] = &c
	}
	if len(old.states) == 0 {
		var c content
		c.segments = old.segments
		for _, change := range segments {
			change.apply(&c)
		}
		next.segments = c.segments
	}
	for _, name := range delta.EnvironmentsDeleted {
		delete(contents, name)
		s.shelf.drop(name)
		changed[name] = true
	}
	for name, features := range delta.EnvironmentsCreated {
		c := s.load(features, next.segments, anyContent(contents), head)
		contents[name] = &c
		changed[name] = true
	}
	for i := range delta.Features {
		change := &delta.Features[i]
		if c := contents[change.Environment]; c != nil && s.applyFeature(c, change, revision(change.Revision), exact, contents) {
			changed[change.Environment] = true
			s.changes++
		}
	}
	for name, c := range contents {
		if !exact {
			c.between(name, rows, known)
		}
		c.depart(name, delta.Departures, revision)
		c.open(name, delta.Gaps, head)
		if trim {
			c.forget(log.oldest())
		}
		next.states[name] = s.state(name, *c, log, old.states[name])
	}
	if len(rows) > 0 {
		s.changedAt = rows[0].At
	}
	s.publish(next, changed, len(rows))
	s.changedAt = time.Time{}
}

// applyFeature changes one flag in one environment and reports whether that is news.
func (s *Store) applyFeature(c *content, change *FeatureChange, revision int64, exact bool, others map[string]*content) bool {
	if change.Feature == nil {
		return c.remove(change.Name, revision)
	}
	twins := make([]*entry, 0, len(others))
	twins = append(twins, c.feature(change.Name))
	for _, other := range others {
		if other != c {
			twins = append(twins, other.feature(change.Name))
		}
	}
	return c.put(s.encoder.entry(change.Feature, twins...), revision, exact)
}

// segmentChange is a SegmentChange, encoded.
type segmentChange struct {
	id       int
	segment  *segment // nil: deleted
	revision int64
}

func (s *Store) segmentChanges(present list[*segment], changes []SegmentChange, exact bool) []segmentChange {
	encoded := make([]segmentChange, 0, len(changes))
	for i := range changes {
		change := segmentChange{id: changes[i].ID, revision: changes[i].Revision}
		if changes[i].Segment != nil {
			change.segment = s.encoder.segment(changes[i].Segment)
			change.segment.revision = change.revision
			old, found := present.find(func(s *segment) int { return compareSegments(s, change.segment) })
			if found && exact && old.json == change.segment.json {
				continue
			}
		}
		encoded = append(encoded, change)
	}
	return encoded
}

func (change segmentChange) apply(c *content) bool {
	if change.segment == nil {
		return c.removeSegment(change.id, change.revision)
	}
	c.putSegment(change.segment)
	return true
}

// state makes the State of an environment that follows old, which is nil for a new one.
func (s *Store) state(name string, c content, log history, old *State) *State {
	next := &State{content: c, environment: name, log: log, shelf: s.shelf}
	next.compiled.strategies = s.strategies
	if old != nil {
		next.compiled.follow(&old.compiled)
	}
	return next
}

// publish swaps the view and tells the listeners.
func (s *Store) publish(next *View, changed map[string]bool, rows int) {
	s.view.Store(next)
	if s.changes >= sweepAfter {
		s.shelf.sweep(s.swept)
		s.swept, s.changes = next.log.head().Revision, 0
	}
	for name := range next.states {
		s.silent[name] += rows
		if s.silent[name] >= wakeAfter {
			changed[name] = true
		}
	}
	if len(changed) == 0 {
		return
	}
	names := slices.Sorted(maps.Keys(changed))
	for _, name := range names {
		delete(s.silent, name)
	}
	for _, listener := range s.listeners {
		listener(names)
	}
}

func oneTransaction(rows []Row) bool {
	return !slices.ContainsFunc(rows, func(r Row) bool { return r.Mark != rows[0].Mark })
}

func (s *Store) noteTokens(rows []Row) {
	s.tokensMu.Lock()
	defer s.tokensMu.Unlock()
	for i := range rows {
		if rows[i].Kind == KindToken {
			s.tokens[rows[i].Entity] = rows[i].Revision
		}
	}
}

func anyContent(contents map[string]*content) *content {
	for _, c := range contents {
		return c
	}
	return nil
}

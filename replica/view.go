package replica

import (
	"slices"
	"time"
)

// View is all environments at one point of the change log. A Store swaps it as a whole, so that they move together. It is
// immutable and safe for concurrent use. On a nil View there is nothing.
type View struct {
	states   map[string]*State
	log      history
	segments list[*segment]
	at       time.Time
}

// View returns what the Store holds now, or nil before the first Reset. Keeping a View keeps all its states.
func (s *Store) View() *View { return s.view.Load() }

// State returns the state of the environment, or nil if there is no such environment.
func (v *View) State(environment string) *State {
	if v == nil {
		return nil
	}
	return v.states[environment]
}

// Cursor is the newest row of the change log that the View includes.
func (v *View) Cursor() Cursor {
	if v == nil {
		return Cursor{}
	}
	return v.log.head()
}

// At is when that row was written, on the database's clock; zero: not known.
func (v *View) At() time.Time {
	if v == nil {
		return time.Time{}
	}
	return v.at
}

// RowsAfter returns the rows of the change log after the cursor, ascending, and of more than most the newest. False means
// that the cursor is no point of this history, or of a part of it that is no longer remembered. The last row is Cursor.
func (v *View) RowsAfter(cursor Cursor, most int) ([]Cursor, bool) {
	if v == nil || !v.log.continues(cursor) {
		return nil, false
	}
	from, _ := slices.BinarySearch(v.log.revisions, cursor.Revision+1)
	from = max(from, len(v.log.revisions)-most)
	rows := make([]Cursor, 0, len(v.log.revisions)-from)
	for i := from; i < len(v.log.revisions); i++ {
		rows = append(rows, Cursor{Revision: v.log.revisions[i], Mark: v.log.marks[i]})
	}
	return rows, true
}

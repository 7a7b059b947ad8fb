package replica

import (
	"iter"

	"github.com/pennonhq/pennon/token"
)

// State is one environment at one revision. It is immutable and safe for concurrent use; a newer one shares what has not
// changed with it. Whoever needs several answers that fit together asks one State.
type State struct {
	content

	environment string
	log         history
	shelf       *shelf
	payloads    payloads
	compiled    compiled
}

// Environment is the name of the environment.
func (st *State) Environment() string { return st.environment }

// Cursor is the newest row of the change log that the state includes.
func (st *State) Cursor() Cursor { return st.log.head() }

// head is the revision of Cursor.
func (st *State) head() int64 { return st.log.head().Revision }

// Resumable reports whether Since can resume from the cursor for a scope.
func (st *State) Resumable(scope token.Scope, cursor Cursor) bool {
	return st.log.continues(cursor) && st.resumable(scope, cursor.Revision)
}

// Names yields the names of the flags the query selects, in order.
func (st *State) Names(q Query) iter.Seq[string] {
	return func(yield func(string) bool) {
		for e := range st.selected(&q) {
			if !yield(e.name) {
				return
			}
		}
	}
}

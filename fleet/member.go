package fleet

import (
	"slices"
	"time"

	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// acksKept is how many confirmations of an edge are remembered, with their times.
const acksKept = 32

// Member is one connection of an edge. Its methods are safe for concurrent use, and do nothing on a nil Member.
type Member struct {
	registry *Registry

	// What follows is guarded by registry.membersMu.
	edge  Edge
	acks  []ack // ascending; the newest last
	heard time.Time
}

// ack is one confirmation.
type ack struct {
	revision int64
	at       time.Time
}

// Join enters an edge that has connected. The caller must call Leave when its connection ends.
func (r *Registry) Join(edge Edge) *Member {
	if r == nil {
		return nil
	}
	now := r.now()
	if edge.Since.IsZero() {
		edge.Since = now
	}
	edge.Scopes = slices.Clone(edge.Scopes)
	m := &Member{registry: r, edge: edge, heard: now}
	if edge.Held.Revision > 0 {
		m.acks = append(m.acks, ack{edge.Held.Revision, now})
	}
	r.membersMu.Lock()
	defer r.membersMu.Unlock()
	r.members[m] = struct{}{}
	r.touch()
	return m
}

// Ack notes that the edge serves everything up to cursor. Cursors that go back, as after a restored backup, are believed.
func (m *Member) Ack(cursor replica.Cursor) {
	if m == nil {
		return
	}
	r := m.registry
	now := r.now()
	r.membersMu.Lock()
	held := m.held()
	m.heard = now
	if cursor.Revision < held {
		m.acks = m.acks[:0]
	}
	if cursor.Revision != held || len(m.acks) == 0 {
		if len(m.acks) == acksKept {
			m.acks = append(m.acks[:0], m.acks[1:]...)
		}
		m.acks = append(m.acks, ack{cursor.Revision, now})
	}
	environments := environmentsOf(m.edge.Scopes)
	r.membersMu.Unlock()
	if cursor.Revision == held {
		return
	}
	r.touch()
	for _, environment := range environments {
		r.took(Acked, environment, held, cursor.Revision, now)
	}
}

// SetScopes replaces what the connection carries.
func (m *Member) SetScopes(scopes []token.Scope) {
	if m == nil {
		return
	}
	m.registry.membersMu.Lock()
	defer m.registry.membersMu.Unlock()
	m.edge.Scopes = slices.Clone(scopes)
	m.registry.touch()
}

// Leave takes the edge off: its connection has ended.
func (m *Member) Leave() {
	if m == nil {
		return
	}
	m.registry.membersMu.Lock()
	defer m.registry.membersMu.Unlock()
	delete(m.registry.members, m)
	m.registry.touch()
}

// held is the newest revision the edge has confirmed, 0: none.
func (m *Member) held() int64 {
	if len(m.acks) == 0 {
		return 0
	}
	return m.acks[len(m.acks)-1].revision
}

// environmentsOf lists the environments of scopes, each once, in order.
func environmentsOf(scopes []token.Scope) []string {
	names := make([]string, 0, len(scopes))
	for _, scope := range scopes {
		names = append(names, scope.Environment)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

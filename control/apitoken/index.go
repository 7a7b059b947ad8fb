package apitoken

import (
	"maps"
	"slices"
	"strconv"

	"github.com/pennonhq/pennon/token"
)

func newEntry(row Row) *entry {
	e := &entry{id: row.ID, secrets: []hash{hash(row.SecretHash)}}
	if row.Alias != nil {
		e.secrets = append(e.secrets, token.Hash(*row.Alias))
	}
	environment := ""
	if row.Environment != nil {
		environment = *row.Environment
	}
	e.token = &token.Token{
		ID:    strconv.FormatInt(row.ID, 10),
		Name:  row.Name,
		Kind:  token.Kind(row.Kind),
		Scope: token.NewScope(environment, ProjectsOf(row)...),
	}
	if row.ExpiresAt != nil {
		e.token.ExpiresAt = *row.ExpiresAt
	}
	if row.LastSeenAt != nil {
		e.stored.Store(row.LastSeenAt.Unix())
	}
	return e
}

func newIndex(entries []*entry) *index {
	x := &index{bySecret: make(map[hash]*entry, len(entries)), byID: make(map[int64]*entry, len(entries))}
	x.add(entries)
	return x
}

func (x *index) add(entries []*entry) {
	for _, e := range entries {
		x.byID[e.id] = e
		for i, secret := range e.secrets {
			// A secret beats another token's alias of the same text, whichever comes first.
			if other, taken := x.bySecret[secret]; taken && other != e && i > 0 {
				continue
			}
			x.bySecret[secret] = e
		}
	}
}

// with returns a copy of x without the tokens of ids and then with entries.
func (x *index) with(ids []int64, entries []*entry) *index {
	next := &index{bySecret: maps.Clone(x.bySecret), byID: maps.Clone(x.byID)}
	ids = slices.Clone(ids)
	for _, e := range entries {
		ids = append(ids, e.id)
	}
	for _, id := range ids {
		if old, ok := next.byID[id]; ok {
			delete(next.byID, id)
			maps.DeleteFunc(next.bySecret, func(_ hash, e *entry) bool { return e == old })
		}
	}
	next.add(entries)
	return next.inherit(x)
}

// inherit takes over from before when each token was seen.
func (x *index) inherit(before *index) *index {
	for id, e := range x.byID {
		if old, ok := before.byID[id]; ok && old != e {
			e.seen.Store(max(e.seen.Load(), old.seen.Load()))
			e.stored.Store(max(e.stored.Load(), old.stored.Load()))
		}
	}
	return x
}

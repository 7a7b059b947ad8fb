package replica

import "slices"

const (
	// historyMax is how many rows of the change log a Store remembers for resuming: 12 bytes each.
	historyMax = 200_000
	// historyKept is how many remain after trimming, so that it is rare.
	historyKept = 150_000
)

// history holds the revisions and marks of the rows of the change log that readers may resume from. A value is an
// immutable view: adding to it returns a longer one that shares the memory. Only the newest view may be added to.
type history struct {
	revisions []int64 // ascending
	marks     []uint32

	// numbersFrom is the lowest revision accepted without a mark. After a fork, numbers handed out before must not be
	// mistaken for those of the new history.
	numbersFrom int64
}

func (h history) with(rows []Row) history {
	h.revisions = slices.Grow(h.revisions, len(rows))
	h.marks = slices.Grow(h.marks, len(rows))
	for i := range rows {
		if n := len(h.revisions); n > 0 && h.revisions[n-1] == rows[i].Revision {
			continue // it concerns several things
		}
		h.revisions = append(h.revisions, rows[i].Revision)
		h.marks = append(h.marks, rows[i].Mark)
	}
	return h
}

// trimmed returns the newest rows in memory of their own.
func (h history) trimmed(kept int) history {
	if len(h.revisions) > kept {
		h.revisions = slices.Clone(h.revisions[len(h.revisions)-kept:])
		h.marks = slices.Clone(h.marks[len(h.marks)-kept:])
	}
	return h
}

// head is the cursor of the newest row.
func (h history) head() Cursor {
	if len(h.revisions) == 0 {
		return Cursor{}
	}
	last := len(h.revisions) - 1
	return Cursor{Revision: h.revisions[last], Mark: h.marks[last]}
}

// oldest is the revision of the oldest row: the lowest one to resume from. Without rows it is 0, the state before any.
func (h history) oldest() int64 {
	if len(h.revisions) == 0 {
		return 0
	}
	return h.revisions[0]
}

// continues reports whether c is a point of this history.
func (h history) continues(c Cursor) bool {
	if len(h.revisions) == 0 {
		return c == Cursor{}
	}
	i, found := slices.BinarySearch(h.revisions, c.Revision)
	if !found || c.Mark == 0 {
		return found && c.Revision >= h.numbersFrom
	}
	return h.marks[i] == c.Mark
}

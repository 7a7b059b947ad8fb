package replica

import (
	"cmp"
	"slices"
	"strconv"
)

// Log is what is remembered of the change log, so that a Snapshot can give it back after a restart: the newest rows, at
// most limit revisions of them, and with each what it concerned as far as a reader may still have to be told; a row that
// concerned several things is there several times. Readers who resumed before resume after, but for those whom a gap or a
// barrier concerns, or who are behind the limit.
func (v *View) Log(limit int) []Row {
	if v == nil || len(v.log.revisions) == 0 {
		return nil
	}
	from := max(len(v.log.revisions)-limit, 0)
	revisions, marks := v.log.revisions[from:], v.log.marks[from:]
	var concerns []Row
	concern := func(revision int64, row Row) {
		if revision <= revisions[0] {
			return
		}
		i, _ := slices.BinarySearch(revisions, revision)
		row.Revision = revisions[min(i, len(revisions)-1)]
		concerns = append(concerns, row)
	}
	for name, state := range v.states {
		base := state.base
		for _, b := range state.barriers {
			base = max(base, b.revision)
		}
		concern(base, Row{Kind: KindEnvironment, Entity: name, Environment: name})
		for i := range state.after(revisions[0]) {
			switch i.kind {
			case itemUpdated, itemRetagged, itemDeparted:
				concern(i.revision, Row{Kind: KindFeature, Entity: i.feature.name, Project: i.feature.project, Environment: name})
			case itemSegment, itemSegmentDeleted:
				concern(i.revision, Row{Kind: KindSegment, Entity: strconv.Itoa(i.segment)})
			case itemUnreferenced: // the segment may stay with readers, who do not look at it
			}
		}
	}
	slices.SortFunc(concerns, compareRows)
	concerns = slices.Compact(concerns)
	rows := make([]Row, 0, len(revisions)+len(concerns))
	for i, revision := range revisions {
		row := Row{Revision: revision, Mark: marks[i], Kind: KindSetting}
		for len(concerns) > 0 && concerns[0].Revision == revision {
			row, concerns = concerns[0], concerns[1:]
			row.Mark = marks[i]
			if len(concerns) > 0 && concerns[0].Revision == revision {
				rows = append(rows, row)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func compareRows(a, b Row) int {
	return cmp.Or(cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Entity, b.Entity),
		cmp.Compare(a.Project, b.Project), cmp.Compare(a.Environment, b.Environment))
}

package edge

import (
	"time"

	"github.com/pennonhq/pennon/api/link"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// featureLeft is an event of links alone: the flag is in another project of the scope now, see replica.Query.
const featureLeft = "feature-left"

// frame is what comes over the link at once: all feeds that it brings stand at its cursor then.
type frame struct {
	cursor  replica.Cursor
	at      time.Time
	log     []link.LogRow // that readers can resume from
	begins  bool          // there is no log: nobody resumes from before
	parts   []part        // what changes
	members []int         // the feeds that the link brings
}

// part is what a frame changes of one feed.
type part struct {
	feed   int
	events []event
}

func (p *part) whole() bool { return len(p.events) > 0 && p.events[0].Type == hydration }

// follow applies a frame. It fails without having changed anything when some part cannot be understood where its feed stands.
func (m *merger) follow(f *frame) error {
	for i := range f.parts {
		if p := &f.parts[i]; !p.whole() && !m.feeds[p.feed].filled && !m.feeds[p.feed].restored {
			return errUnhydrated
		}
	}
	rows := m.rows(f)
	delta := replica.Delta{Rows: rows}
	begin := true // all that changes was not there before
	for i := range f.parts {
		p := &f.parts[i]
		h := m.feeds[p.feed]
		if h.left {
			continue
		}
		known := m.environments[h.environment]
		if gap, open := m.gap(h, p, len(rows)); open && known {
			delta.Gaps = append(delta.Gaps, gap)
		}
		c := newChange(h)
		c.between = severalMarks(rows) && !p.whole() // nobody resumes into a gap
		begins := m.apply(h, c, p)
		if !h.filled {
			h.filled, h.restored = true, false
			m.sweep(h, c)
			begins = begins && c.adds(h.scope)
		}
		begin = begin && begins
		c.fill(&delta, h.environment, known)
	}
	changed := len(delta.EnvironmentsCreated)+len(delta.Features)+len(delta.Segments)+len(delta.Gaps) > 0
	switch {
	case len(rows) > 0 && (m.started || len(delta.EnvironmentsCreated) > 0):
		m.adopted = rows[len(rows)-1].Revision
		m.hand(delta)
	case !changed || len(rows) > 0:
	case m.head == f.cursor && begin: // readers at the cursor have it already
		m.hand(delta)
	default:
		if f.begins {
			m.mark = newMark()
			m.logger.Info("the upstream's history has gone back; going on with what is different",
				"revision", m.head.Revision, "upstream_revision", f.cursor.Revision)
		}
		delta.Rows = []replica.Row{m.row(0)}
		m.hand(delta)
	}
	for _, i := range f.members {
		h := m.feeds[i]
		if h.left {
			continue
		}
		h.linked, h.filled, h.restored, h.resumable = true, true, false, false
		h.upstream, h.asOf = f.cursor.Revision, m.head.Revision
	}
	return nil
}

// rows are those of the frame's that can be taken over, because they are above the Sink's.
func (m *merger) rows(f *frame) []replica.Row {
	log := f.log
	if f.begins {
		log = []link.LogRow{link.LogRow(f.cursor)}
	}
	var rows []replica.Row
	for _, row := range log {
		if row.Revision > m.head.Revision {
			rows = append(rows, replica.Row{Revision: row.Revision, Mark: row.Mark, Kind: replica.KindSetting, At: f.at})
		}
	}
	return rows
}

func severalMarks(rows []replica.Row) bool {
	for i := range rows {
		if rows[i].Mark != rows[0].Mark {
			return true
		}
	}
	return false
}

// gap is the stretch over which nobody can resume in the feed's scope, if a part opens one: what left it before a hydration
// is not told.
func (m *merger) gap(h *held, p *part, rows int) (gap replica.Gap, open bool) {
	switch {
	case !p.whole():
		return gap, false
	case !h.filled && !h.restored:
		return replica.Gap{Scope: h.scope, Since: -1}, true
	default:
		return replica.Gap{Scope: h.scope, Since: h.asOf}, rows > 1 || m.adopted > h.asOf
	}
}

// apply takes the events of a part in. It reports whether nothing of what they change can have been read before.
func (m *merger) apply(h *held, c *change, p *part) (begins bool) {
	begins = p.whole() && !h.filled && !h.restored
	for i := range p.events {
		e := &p.events[i]
		c.at = e.ID
		switch e.Type {
		case hydration:
			c.at = 0
			m.replace(h, c, &batch{}, *e.Features, e.Segments)
		case featureUpdated:
			m.feature(h, c, &batch{}, e.Feature)
		case featureRemoved:
			m.removeFeature(h, c, e.FeatureName)
			c.depart(e)
		case featureLeft:
			c.depart(e)
		case segmentUpdated:
			m.segment(h, c, e.Segment)
		case segmentRemoved:
			m.removeSegment(h, c, e.SegmentID)
		default:
			m.logger.Debug("an event of an unknown type was skipped", "type", e.Type)
		}
	}
	return begins
}

// adds reports whether the change adds flags of the scope and does nothing else to flags.
func (c *change) adds(scope token.Scope) bool {
	for _, feature := range c.features {
		if feature == nil || !scope.Sees(feature.Project) {
			return false
		}
	}
	return true
}

// depart notes for readers who come with a cursor in between that they may have to be told.
func (c *change) depart(e *event) {
	if c.between {
		c.gone = append(c.gone, replica.Departure{Name: e.FeatureName, Project: e.Project, Revision: e.ID})
	}
}

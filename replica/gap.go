package replica

import (
	"slices"

	"github.com/pennonhq/pennon/token"
)

// Departure says that at some moment before the end of a delta a flag was in a project in which it is no more.
type Departure struct {
	Environment string
	Name        string
	Project     string
	Revision    int64 // at or above that of the row with which it left
}

// Gap says that of some scope nobody knows what has left it before a delta's last row: readers of any part of it resume
// from that row on. Readers at or before Since hold nothing of what has left unnoticed, so they resume as well; -1: there
// are no such readers.
type Gap struct {
	Scope token.Scope
	Since int64
}

// unseen reports whether nothing of the delta can have been read at the present revision.
func (d *Delta) unseen() bool {
	if len(d.EnvironmentsDeleted)+len(d.Departures) > 0 {
		return false
	}
	for i := range d.Features {
		change := &d.Features[i]
		begins := func(g Gap) bool {
			return g.Since < 0 && g.Scope.Environment == change.Environment &&
				change.Feature != nil && g.Scope.Sees(change.Feature.Project)
		}
		if !slices.ContainsFunc(d.Gaps, begins) {
			return false
		}
	}
	return len(d.Gaps)+len(d.EnvironmentsCreated) > 0
}

// depart records flags that readers between the rows of a delta may have seen.
func (c *content) depart(environment string, departures []Departure, revision func(int64) int64) {
	for i := range departures {
		d := &departures[i]
		if d.Environment != environment {
			continue
		}
		if now := c.feature(d.Name); now == nil || now.project != d.Project {
			c.leave(item{revision: revision(d.Revision), kind: itemDeparted, feature: &entry{name: d.Name, project: d.Project}})
		}
	}
}

// open keeps readers from resuming over the gaps, which end at head.
func (c *content) open(environment string, gaps []Gap, head int64) {
	for _, gap := range gaps {
		if gap.Scope.Environment != environment || gap.Since >= head {
			continue
		}
		projects := gap.Scope.Projects()
		if gap.Scope.AllProjects() {
			if gap.Since < 0 {
				c.forget(head)
				continue
			}
			projects = []string{""}
		}
		for _, project := range projects {
			b := barrier{project: project, after: gap.Since, revision: head}
			c.barriers = append(slices.DeleteFunc(slices.Clone(c.barriers), func(old barrier) bool {
				return old.project == b.project && old.after >= b.after
			}), b)
		}
	}
}

package replica

import (
	"iter"
	"strconv"
)

// origins are what the rows of a change log tell about a state read without them: when each flag and segment may have
// changed last, and what may have left which project.
//
// A revision found here is never lower than that of the last change, because every change writes a row that concerns what
// it changes; it may be higher. So a reader who resumes gets everything it misses, and perhaps some of what it has.
type origins struct {
	oldest     int64 // the first retained row: what no row concerns is no younger
	everything int64 // newest resync row

	environments map[string]int64 // newest row of the environment itself
	features     map[inEnvironment]int64
	projects     map[inEnvironment]int64
	segments     map[int]int64
	departures   map[departure]int64 // newest row that names the flag with the project
}

// inEnvironment names a flag or project in one environment, or in all if environment is empty.
type inEnvironment struct {
	environment string
	name        string
}

// departure names a flag in a project it may have left.
type departure struct {
	project string
	name    string
}

func newOrigins(log history, rows []Row) *origins {
	o := &origins{
		oldest:       log.oldest(),
		environments: map[string]int64{},
		features:     map[inEnvironment]int64{},
		projects:     map[inEnvironment]int64{},
		segments:     map[int]int64{},
		departures:   map[departure]int64{},
	}
	for i := range rows { // ascending: the last one wins
		row := &rows[i]
		switch row.Kind {
		case KindFeature:
			o.features[inEnvironment{row.Environment, row.Entity}] = row.Revision
			if row.Project != "" {
				o.departures[departure{row.Project, row.Entity}] = row.Revision
			}
		case KindProject, KindProjectEnvironment:
			o.projects[inEnvironment{row.Environment, row.Project}] = row.Revision
		case KindSegment:
			if id, err := strconv.Atoi(row.Entity); err == nil {
				o.segments[id] = row.Revision
			}
		case KindEnvironment:
			o.environments[row.Entity] = row.Revision
		case KindResync:
			o.everything = row.Revision
		case KindToken, KindSetting: // concern no flag
		}
	}
	return o
}

// base is the lowest revision to resume from: below it, flags may have left that no row names.
func (o *origins) base(environment string) int64 {
	return max(o.oldest, o.everything, o.environments[environment])
}

// feature is the newest revision at which the flag may have changed.
func (o *origins) feature(environment string, e *entry) int64 {
	return max(
		o.base(environment),
		o.features[inEnvironment{"", e.name}],
		o.features[inEnvironment{environment, e.name}],
		o.projects[inEnvironment{"", e.project}],
		o.projects[inEnvironment{environment, e.project}],
	)
}

// projectsOf yields the projects that rows concern in the environment, some perhaps twice.
func (o *origins) projectsOf(environment string) iter.Seq2[string, int64] {
	return func(yield func(string, int64) bool) {
		for place, revision := range o.projects {
			if (place.environment == "" || place.environment == environment) && !yield(place.name, revision) {
				return
			}
		}
	}
}

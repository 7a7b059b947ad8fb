package replica

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pennonhq/pennon/token"
)

// Query is what a reader selects of one environment: the flags of its scope's projects, narrowed by name and by tag.
type Query struct {
	Scope      token.Scope
	NamePrefix string
	Tags       []Tag // flags with any of them; none: flags with any tags or none

	// Departures makes Since tell of flags that left a project for another one that the query sees, too, as feature-left. It
	// is for readers that serve narrower scopes themselves.
	Departures bool
}

// FeaturesQuery is a query for a whole /api/client/features body.
type FeaturesQuery struct {
	Query
	InlineSegments bool // for SDKs that know no segments: write their constraints into the strategies
}

// Key identifies the query: two queries with the same key select the same. It is not for display.
func (q Query) Key() string {
	scope := q.Scope.Key()
	// Names in the request of a caller may hold any character, and so look like another scope's.
	exact := strings.Count(scope, "\x00") == max(1, len(q.Scope.Projects()))
	if exact && q.NamePrefix == "" && len(q.Tags) == 0 && !q.Departures {
		return scope
	}
	var key strings.Builder
	key.WriteString(scope)
	key.WriteString("\x00\x00") // in no scope's key, as it holds no name twice
	part := func(text string) {
		key.WriteString(strconv.Itoa(len(text)))
		key.WriteByte(':')
		key.WriteString(text)
	}
	if q.Departures {
		key.WriteByte('d')
	}
	if !exact {
		for _, project := range q.Scope.Projects() {
			part(project)
		}
		key.WriteByte(';')
	}
	part(q.NamePrefix)
	for _, tag := range sortedTags(q.Tags) {
		part(tag.Type)
		part(tag.Value)
	}
	return key.String()
}

// sees reports whether a flag of that name in that project may be shown, whatever its tags.
func (q *Query) sees(project, name string) bool {
	return q.Scope.Sees(project) && strings.HasPrefix(name, q.NamePrefix)
}

// selects reports whether the flag is part of the answer.
func (q *Query) selects(e *entry) bool {
	return q.sees(e.project, e.name) && q.tagged(e)
}

// tagged reports whether the flag passes the query's tag filter.
func (q *Query) tagged(e *entry) bool {
	if len(q.Tags) == 0 {
		return true
	}
	for _, tag := range q.Tags {
		if slices.Contains(e.tags, tag) {
			return true
		}
	}
	return false
}

func sortedTags(tags []Tag) []Tag {
	sorted := slices.Clone(tags)
	slices.SortFunc(sorted, compareTags)
	return slices.Compact(sorted)
}

func compareTags(a, b Tag) int {
	if c := strings.Compare(a.Type, b.Type); c != 0 {
		return c
	}
	return strings.Compare(a.Value, b.Value)
}

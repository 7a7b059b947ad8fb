package stream

import (
	"net/url"
	"regexp"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// tagPattern is how a tag is written in a query.
var tagPattern = regexp.MustCompile(`^(\w+):(.+)$`)

// queryOf is what the token may see, narrowed by the parameters that /api/client/features has too. As there, project is
// ignored where the token names projects itself.
func queryOf(scope token.Scope, parameters url.Values) (replica.Query, error) {
	query := replica.Query{Scope: scope, NamePrefix: parameters.Get("namePrefix")}
	if projects := parameters["project"]; len(projects) > 0 && scope.AllProjects() {
		query.Scope = token.NewScope(scope.Environment, projects...)
	}
	for i, tag := range parameters["tag"] {
		parts := tagPattern.FindStringSubmatch(tag)
		if parts == nil {
			return replica.Query{}, fault.New(fault.Invalid, `"tag[%d]" with value %q fails to match the tag pattern`, i, tag)
		}
		query.Tags = append(query.Tags, replica.Tag{Type: parts[1], Value: parts[2]})
	}
	return query, nil
}

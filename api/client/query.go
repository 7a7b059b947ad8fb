package client

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// maxQueryBytes bounds the query string: what it selects is kept in memory under it.
const maxQueryBytes = 16 << 10

// errNoToken is a mistake in putting the server together.
var errNoToken = errors.New("client API without a token check")

// query reads what the request selects, or answers what is wrong with it and returns false.
func query(w http.ResponseWriter, r *http.Request) (q replica.FeaturesQuery, known *token.Token, ok bool) {
	known = api.TokenFrom(r.Context())
	if known == nil {
		api.WriteProblem(w, r, errNoToken)
		return q, nil, false
	}
	q.Scope = known.Scope
	var err error
	if q.InlineSegments, err = inlinesSegments(r.Header); err == nil && r.URL.RawQuery != "" {
		err = narrow(&q.Query, r.URL)
	}
	if err != nil {
		api.WriteProblem(w, r, err)
		return q, nil, false
	}
	return q, known, true
}

// narrow applies the parameters of the request. Others than these are ignored, also environment: the token decides.
func narrow(q *replica.Query, address *url.URL) error {
	if len(address.RawQuery) > maxQueryBytes {
		return fault.New(fault.Invalid, "the query string is over the limit of %d bytes", maxQueryBytes)
	}
	parameters := address.Query()
	q.NamePrefix = parameters.Get("namePrefix")
	// A token that names projects decides over those, too.
	if projects := parameters["project"]; len(projects) > 0 && q.Scope.AllProjects() {
		q.Scope = token.NewScope(q.Scope.Environment, projects...)
	}
	var err error
	q.Tags, err = Tags(parameters)
	return err
}

// Tags reads the tags that the parameters of a request select flags by.
func Tags(parameters url.Values) (tags []replica.Tag, err error) {
	for i, text := range parameters["tag"] {
		kind, value, found := strings.Cut(text, ":")
		if !found || !isWord(kind) || value == "" {
			return nil, fault.New(fault.Invalid, "bad tag").With(fault.Detail{
				Message: `"tag[` + strconv.Itoa(i) + `]" with value "` + text + `" fails to match the tag pattern. You provided "` + text + `".`,
			})
		}
		tags = append(tags, replica.Tag{Type: kind, Value: value})
	}
	return tags, nil
}

// isWord reports whether text is what \w+ matches.
func isWord(text string) bool {
	for i := range len(text) {
		c := text[i]
		if c != '_' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return text != ""
}

// segmentsSince is the version of the client specification from which SDKs know segments.
var segmentsSince = semver.New(4, 2, 0, "", "")

// inlinesSegments tells by the version of the client specification that the SDK follows whether it needs the constraints
// of segments in the strategies. SDKs that name none are older than segments.
func inlinesSegments(header http.Header) (bool, error) {
	values := header["Unleash-Client-Spec"]
	if len(values) == 0 || values[0] == "" {
		return true, nil
	}
	value := values[0]
	if value == "5.2.0" { // what nearly all send; spares the parsing
		return false, nil
	}
	version, err := semver.StrictNewVersion(value)
	switch {
	case err == nil:
		return version.LessThan(segmentsSince), nil
	case value[0] == 'v' || value[0] == 'V':
		return false, fault.New(fault.Invalid, `Invalid prefix in the Unleash-Client-Spec header: "%s".`, value)
	default:
		return false, fault.New(fault.Invalid, `Invalid SemVer in the Unleash-Client-Spec header: "%s".`, value)
	}
}

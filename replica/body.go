package replica

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"weak"

	"github.com/cespare/xxhash/v2"

	"github.com/pennonhq/pennon/eval"
)

// Body is the answer to a FeaturesQuery, ready to be sent. It is immutable and shared.
//
// Its ETag reads `"<hash>:<revision>:v1"`. The hash is over the whole text but for the meta object, so that equal tags mean
// equal flags, segments and query whichever server made them, however much of the log it remembers and whatever became of
// the history in between; and that a reader who goes from one server to another keeps its copy. The revision is the
// scope's own: it is for people and may differ between servers, so Matches looks at the hash alone.
type Body struct {
	state    *State // one that selects what this body says; younger than the body if nothing changed since
	query    FeaturesQuery
	etag     string
	revision int64
	size     int
	text     *bodyText
}

// bodyText is shared by the bodies of successive states that say the same.
type bodyText struct {
	mu    sync.Mutex
	plain weak.Pointer[[]byte]
	gzip  []byte
}

// ETag is the entity tag, with its quotes.
func (b *Body) ETag() string { return b.etag }

// Revision is the newest change the query could notice.
func (b *Body) Revision() int64 { return b.revision }

// Size is the length of Plain in bytes.
func (b *Body) Size() int { return b.size }

// Matches reports whether one tag of an If-None-Match header names this body.
func (b *Body) Matches(ifNoneMatch string) bool { return matches(b.etag, ifNoneMatch) }

// Plain is the JSON. It is many times the size of everything else that is kept, mostly asked for in bursts, and cheap to
// put together again: so it is kept only as long as the garbage collector finds it in use.
func (b *Body) Plain() []byte {
	b.text.mu.Lock()
	defer b.text.mu.Unlock()
	return b.plain()
}

func (b *Body) plain() []byte {
	if kept := b.text.plain.Value(); kept != nil {
		return *kept
	}
	plain := appendMeta(b.state.appendFeatures(&b.query), b)
	b.text.plain = weak.Make(&plain)
	return plain
}

// Gzip is the JSON compressed, at most once.
func (b *Body) Gzip() []byte {
	b.text.mu.Lock()
	defer b.text.mu.Unlock()
	if b.text.gzip == nil {
		b.text.gzip = compressed(b.plain())
		b.state.shelf.grow(shelfKey{b.query.Key(), b.query.shape()}, len(b.text.gzip))
	}
	return b.text.gzip
}

// Features returns the whole body of /api/client/features for the query. As long as nothing the query selects changes, it
// stays the same over all following states.
func (st *State) Features(q FeaturesQuery) *Body {
	return st.shelf.features(st, q)
}

// Feature returns one flag as /api/client/features/{featureName} does, and its ETag.
func (st *State) Feature(q FeaturesQuery, name string) (body []byte, etag string, found bool) {
	e := st.feature(name)
	if e == nil || !q.selects(e) {
		return nil, "", false
	}
	body = st.appendEntry(nil, e, q.InlineSegments)
	return body, entityTag(body, max(e.revision, st.base)), true
}

// FeatureMatches is Body.Matches for a tag that Feature returned.
func FeatureMatches(etag, ifNoneMatch string) bool { return matches(etag, ifNoneMatch) }

func (st *State) body(q FeaturesQuery) *Body {
	text := st.appendFeatures(&q)
	b := &Body{state: st, query: q, revision: st.revision(&q.Query), text: &bodyText{}}
	b.etag = entityTag(text, b.revision)
	text = appendMeta(text, b)
	b.size = len(text)
	b.text.plain = weak.Make(&text)
	return b
}

// appendFeatures encodes the body up to the meta object.
func (st *State) appendFeatures(q *FeaturesQuery) []byte {
	size := 512
	for e := range st.selected(&q.Query) {
		size += len(e.json) + 1
	}
	var segments []*segment
	if !q.InlineSegments {
		segments = st.selectedSegments(&q.Query)
		for _, s := range segments {
			size += len(s.json) + 1
		}
	}
	b := make([]byte, 0, size)
	b = append(b, `{"version":2,"features":`...)
	if q.InlineSegments {
		b = append(b, '[')
		for e := range st.selected(&q.Query) {
			if b[len(b)-1] != '[' {
				b = append(b, ',')
			}
			b = st.appendEntry(b, e, true)
		}
		b = append(b, ']')
	} else {
		b = st.appendSelected(b, &q.Query)
	}
	b = append(b, `,"query":`...)
	b = appendQuery(b, q)
	if !q.InlineSegments {
		b = append(b, `,"segments":`...)
		b = appendSegments(b, segments)
	}
	return b
}

// appendEntry encodes one flag, with the constraints of its segments in its strategies if inline.
func (st *State) appendEntry(b []byte, e *entry, inline bool) []byte {
	if !inline || len(e.segments) == 0 {
		return append(b, e.json...)
	}
	var f eval.Feature
	decode(e.json, &f)
	for i := range f.Strategies {
		strategy := &f.Strategies[i]
		for _, id := range strategy.Segments {
			if s := st.segment(id); s != nil {
				var segment eval.Segment
				decode(s.json, &segment)
				strategy.Constraints = append(strategy.Constraints, segment.Constraints...)
			} else {
				// SDKs hold a strategy with a missing segment to be off; without the id only this says so.
				strategy.Constraints = append(strategy.Constraints, eval.Constraint{ContextName: "userId", Operator: "IN"})
			}
		}
		strategy.Segments = nil
	}
	return appendFeature(b, &f)
}

// decode reads back what the encoder wrote.
func decode(text string, into any) {
	if err := json.Unmarshal([]byte(text), into); err != nil {
		panic(fmt.Sprintf("replica: own encoding is not valid JSON: %v", err)) // the encoder is broken
	}
}

// appendQuery encodes the echo of the query. A scope of all projects names none.
func appendQuery(b []byte, q *FeaturesQuery) []byte {
	b = append(b, '{')
	if len(q.Tags) > 0 {
		b = append(b, `"tag":[`...)
		for i, tag := range sortedTags(q.Tags) {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendStrings(b, []string{tag.Type, tag.Value})
		}
		b = append(b, `],`...)
	}
	if !q.Scope.AllProjects() {
		b = append(b, `"project":`...)
		b = appendStrings(b, q.Scope.Projects())
		b = append(b, ',')
	}
	if q.NamePrefix != "" {
		b = append(b, `"namePrefix":`...)
		b = appendString(b, q.NamePrefix)
		b = append(b, ',')
	}
	b = append(b, `"environment":`...)
	b = appendString(b, q.Scope.Environment)
	b = append(b, `,"inlineSegmentConstraints":`...)
	b = strconv.AppendBool(b, q.InlineSegments)
	return append(b, '}')
}

func appendMeta(text []byte, b *Body) []byte {
	query := uint32(xxhash.Sum64(appendQuery(nil, &b.query)))
	return fmt.Appendf(text, `,"meta":{"revisionId":%d,"etag":%s,"queryHash":"%08x"}}`, b.revision, appendString(nil, b.etag), query)
}

// hashDigits is how long the hash in an entity tag is.
const hashDigits = 16

func entityTag(text []byte, revision int64) string {
	return fmt.Sprintf(`"%0*x:%d:v1"`, hashDigits, xxhash.Sum64(text), revision)
}

// matches compares a tag of ours with those of an If-None-Match header, weakly (RFC 9110, section 8.8.3.2).
func matches(etag, ifNoneMatch string) bool {
	if ifNoneMatch == etag {
		return true
	}
	hash := etag[:1+hashDigits+1] // quote, hash, colon
	for tag := range strings.SplitSeq(ifNoneMatch, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.HasPrefix(strings.TrimPrefix(tag, "W/"), hash) {
			return true
		}
	}
	return false
}

func (q *FeaturesQuery) shape() shape {
	if q.InlineSegments {
		return shapeInlined
	}
	return shapeFeatures
}

// normal returns the query in the form that is kept: its own copy of the tags, in order.
func (q FeaturesQuery) normal() FeaturesQuery {
	q.Tags = slices.Clip(sortedTags(q.Tags))
	return q
}

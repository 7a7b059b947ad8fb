package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// generator makes values from the schemas of the OpenAPI document, and spoils them. What it makes follows from its seed.
type generator struct {
	*rand.Rand
	schemas huma.Registry
	known   map[string][]any // values that mean something to the server, by the name of the property; the first is the best
	right   bool             // make values that are most likely right
	made    int
}

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }

// fresh is a name that was not used before.
func (g *generator) fresh() string {
	g.made++
	return fmt.Sprintf("made-%d", g.made)
}

// value makes a value that the schema allows, as far as it goes by the schema.
func (g *generator) value(s *huma.Schema, name string, depth int) any {
	if s.Ref != "" {
		s = g.schemas.SchemaFromRef(s.Ref)
	}
	if known := g.known[name]; len(known) > 0 && s.Type != huma.TypeArray {
		switch {
		case g.right && g.IntN(4) > 0:
			return known[0]
		case g.right || g.IntN(4) > 0:
			return pick(g, known)
		}
	}
	switch {
	case len(s.Enum) > 0:
		return pick(g, s.Enum)
	case len(s.OneOf) > 0:
		return g.value(pick(g, s.OneOf), name, depth)
	case s.Nullable && g.IntN(8) == 0:
		return nil
	}
	switch s.Type {
	case huma.TypeObject:
		return g.object(s, depth)
	case huma.TypeArray:
		list := []any{}
		for range g.IntN(3) {
			if depth > 0 {
				list = append(list, g.value(s.Items, name, depth-1))
			}
		}
		return list
	case huma.TypeBoolean:
		return g.IntN(2) == 0
	case huma.TypeInteger, huma.TypeNumber:
		least, most := 0, 1000
		if s.Minimum != nil {
			least = int(*s.Minimum)
		}
		if s.Maximum != nil {
			most = int(min(*s.Maximum, 1e6))
		}
		return least + g.IntN(max(1, most-least+1))
	case huma.TypeString:
		if s.Format == "date-time" {
			return "2099-01-01T00:00:00.000Z"
		}
		return g.fresh()
	}
	return pick(g, spoilt)
}

func (g *generator) object(s *huma.Schema, depth int) map[string]any {
	object := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if slices.Contains(s.Required, name) || (depth > 0 && g.IntN(2) == 0) {
			object[name] = g.value(s.Properties[name], name, depth-1)
		}
	}
	if items, ok := s.AdditionalProperties.(*huma.Schema); ok && depth > 0 {
		for range g.IntN(3) {
			object[pick(g, []string{"rollout", "stickiness", "groupId", g.fresh()})] = g.value(items, "", depth-1)
		}
	}
	return object
}

// spoilt are values to which no property should say more than no. None can be changed by spoiling it further.
var spoilt = []any{
	nil, true, -1, 0, 0.5, json.Number("1e400"), json.Number("-2147483649"), json.Number("9223372036854775808"), json.Number("123456789012345678901234567890"),
	"", " ", "\x00", "a\x00b", json.RawMessage(`"\ud800"`), "\u202e\U0001F4A9é", strings.Repeat("x", 5000), strings.Repeat("é", 300), "1", "true", "null",
	"*", "..", "a/b", "'; DROP TABLE features; --", "%00", "2026-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "99999-01-01T00:00:00Z",
	json.RawMessage(`[]`), json.RawMessage(`[null]`), json.RawMessage(`[{}]`), json.RawMessage(`{}`), json.RawMessage(`{"a":{"b":null}}`),
	json.RawMessage(strings.Repeat("[", 500) + strings.Repeat("]", 500)),
}

// place is where a value can be replaced or, within an object, left out.
type place struct {
	set  func(any)
	drop func()
}

func places(value any, set func(any), drop func()) []place {
	list := []place{{set, drop}}
	switch value := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			list = append(list, places(value[name], func(v any) { value[name] = v }, func() { delete(value, name) })...)
		}
	case []any:
		for i := range value {
			list = append(list, places(value[i], func(v any) { value[i] = v }, func() { value[i] = nil })...)
		}
	}
	return list
}

// spoil changes a value in one to three places.
func (g *generator) spoil(value any) any {
	for range 1 + g.IntN(3) {
		all := places(value, func(v any) { value = v }, func() {})
		at := all[0]
		if len(all) > 1 && g.IntN(20) > 0 {
			at = pick(g, all[1:])
		}
		switch object, ok := value.(map[string]any); {
		case g.IntN(6) == 0:
			at.drop()
		case ok && g.IntN(6) == 0:
			object[pick(g, []string{"", "unknown", "a\x00", "__proto__", "é"})] = pick(g, spoilt)
		default:
			at.set(pick(g, spoilt))
		}
	}
	return value
}

// sent is a request's body and how it says what it is.
type sent struct {
	body        string
	contentType string
}

const jsonType = "application/json"

func asJSON(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // the values are all made here
	}
	return string(text)
}

// bodies makes n bodies for a schema: some right, most spoilt, some that are no JSON at all.
func (g *generator) bodies(s *huma.Schema, n int) []sent {
	var list []sent
	for i := range n {
		g.right = i%4 == 0
		good := g.value(s, "", 3)
		g.right = false
		text := asJSON(good)
		switch {
		case i%4 == 0:
			list = append(list, sent{text, jsonType})
		case i%4 < 3:
			list = append(list, sent{asJSON(g.spoil(good)), jsonType})
		default:
			list = append(list, pick(g, []sent{
				{text[:g.IntN(len(text))], jsonType},
				{text + pick(g, []string{"x", text, "]"}), jsonType},
				{pick(g, []string{"", "null", "[]", "1", `"x"`, "{}", `{"name":"a","name":1}`, "\xef\xbb\xbf" + text, "\xff\xfe"}), jsonType},
				{text, pick(g, []string{"", "text/plain", "application/json; charset=latin1", "application/x-www-form-urlencoded", ";;", "application/*", "multipart/form-data"})},
				{`{"name":"` + strings.Repeat("x", 2<<20) + `"}`, jsonType},
				{strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000), jsonType},
			}))
		}
	}
	return list
}

// oddSegments are what may stand for a name in a path. They are escaped already.
var oddSegments = []string{
	"nope", "%00", "a%00b", "%ff", "%F0%9F%92%A9", "..%2f..", "%2e%2e", "%20", "'%20OR%201=1", "-1", "0", "2147483648", "99999999999999999999", "1e3", "*", "[]",
	strings.Repeat("x", 3000), strings.Repeat("%C3%A9", 300),
}

// oddQueries are for any operation.
var oddQueries = []string{
	"unknown=1", "limit=x&offset=-1&sortBy=%00&sortOrder=x", "limit=99999999999999999999&offset=1e9", "a=%zz", "%00=%00", ";;&&==", strings.Repeat("a=b&", 500),
	"namePrefix=%ff&project=%00&tag=x", "tag=:&tag=a:b&tag=%F0%9F%92%A9:x", "project=IS:%00&archived=perhaps&type=IS_ANY_OF:&query=%25_%5C'",
}

// query makes values for the documented parameters of an operation, half of them odd.
func (g *generator) query(o *huma.Operation) string {
	var parts []string
	for _, p := range o.Parameters {
		if p.In != "query" || g.IntN(3) == 0 {
			continue
		}
		value := fmt.Sprint(g.value(p.Schema, p.Name, 1))
		if g.IntN(2) == 0 {
			value = pick(g, oddSegments)
		}
		parts = append(parts, p.Name+"="+strings.NewReplacer(" ", "+", "&", "%26", "#", "%23").Replace(value))
	}
	if len(parts) == 0 || g.IntN(4) == 0 {
		parts = append(parts, pick(g, oddQueries))
	}
	return strings.Join(parts, "&")
}

package db

import (
	"slices"
	"strings"

	"github.com/pennonhq/pennon/eval"
)

// plainReader reads the common shapes of our jsonb columns from the text PostgreSQL prints, about ten times as fast as
// encoding/json: at start that text is nearly all there is to do. It gives up (failed) at the first thing that is not as
// the Admin API writes it, an escaped character included; then the lenient decoding of changelog_decode.go decides. What
// it reads, that decoding reads alike. Strings are parts of text.
type plainReader struct {
	text   string
	at     int
	failed bool

	list []string // of the values being read; reused
}

// begin starts on a new text.
func (r *plainReader) begin(text string) { r.text, r.at, r.failed = text, 0, false }

// ended reports whether all of the text was read and understood.
func (r *plainReader) ended() bool { return !r.failed && r.at == len(r.text) }

// take skips c, if it comes next, and the space that PostgreSQL prints after a comma or colon.
func (r *plainReader) take(c byte) bool {
	if r.failed || r.at >= len(r.text) || r.text[r.at] != c {
		return false
	}
	r.at++
	if (c == ',' || c == ':') && r.at < len(r.text) && r.text[r.at] == ' ' {
		r.at++
	}
	return true
}

func (r *plainReader) expect(c byte) {
	if !r.take(c) {
		r.failed = true
	}
}

func (r *plainReader) takeWord(word string) bool {
	if r.failed || !strings.HasPrefix(r.text[r.at:], word) {
		return false
	}
	r.at += len(word)
	return true
}

// string reads a string without escapes.
func (r *plainReader) string() string {
	r.expect('"')
	if r.failed {
		return ""
	}
	for i := r.at; i < len(r.text); i++ {
		switch r.text[i] {
		case '"':
			s := r.text[r.at:i]
			r.at = i + 1
			return s
		case '\\':
			r.failed = true
			return ""
		}
	}
	r.failed = true
	return ""
}

func (r *plainReader) bool() bool {
	if r.takeWord("true") {
		return true
	}
	if !r.takeWord("false") {
		r.failed = true
	}
	return false
}

// object calls member with the name of each member; member reads the value.
func (r *plainReader) object(member func(name string)) {
	r.expect('{')
	if r.take('}') {
		return
	}
	for !r.failed {
		name := r.string()
		r.expect(':')
		if r.failed {
			return
		}
		member(name)
		if !r.take(',') {
			r.expect('}')
			return
		}
	}
}

// array calls item to read each item.
func (r *plainReader) array(item func()) {
	r.expect('[')
	if r.take(']') {
		return
	}
	for !r.failed {
		item()
		if !r.take(',') {
			r.expect(']')
			return
		}
	}
}

// strings reads an array of strings.
func (r *plainReader) strings() []string {
	r.list = r.list[:0]
	r.array(func() { r.list = append(r.list, r.string()) })
	if len(r.list) == 0 {
		return []string{}
	}
	return slices.Clone(r.list)
}

// parameters reads an object of strings. ok is false when it is something else.
func (r *plainReader) parameters(text string) (parameters map[string]string, ok bool) {
	r.begin(text)
	parameters = map[string]string{}
	r.object(func(name string) { parameters[name] = r.string() })
	return parameters, r.ended()
}

// constraints reads an array of complete constraints. ok is false when it is something else.
func (r *plainReader) constraints(text string) (constraints []eval.Constraint, ok bool) {
	r.begin(text)
	constraints = make([]eval.Constraint, 0, strings.Count(text, `{"`))
	r.array(func() { constraints = append(constraints, r.constraint()) })
	return constraints, r.ended() && allComplete(constraints)
}

func (r *plainReader) constraint() (c eval.Constraint) {
	r.object(func(name string) {
		switch name {
		case "contextName":
			c.ContextName = r.string()
		case "operator":
			c.Operator = r.string()
		case "values":
			c.Values = r.strings()
		case "value":
			if c.Value = nil; !r.takeWord("null") {
				value := r.string()
				c.Value = &value
			}
		case "inverted":
			c.Inverted = r.bool()
		case "caseInsensitive":
			c.CaseInsensitive = r.bool()
		default:
			r.failed = true
		}
	})
	return c
}

package replica

import (
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/pennonhq/pennon/eval"
)

// The encoders below write what encoding/json (without HTML escaping) writes for the same value, except that absent lists
// and maps are written as [] and {}: SDKs require them. They exist because a change of one flag should not cost the
// reflection and the garbage of a Marshal, and because equal flags must always have equal text.

func appendFeature(b []byte, f *eval.Feature) []byte {
	b = append(b, `{"name":`...)
	b = appendString(b, f.Name)
	if f.Type != "" {
		b = append(b, `,"type":`...)
		b = appendString(b, f.Type)
	}
	b = append(b, `,"enabled":`...)
	b = strconv.AppendBool(b, f.Enabled)
	if f.Project != "" {
		b = append(b, `,"project":`...)
		b = appendString(b, f.Project)
	}
	b = append(b, `,"stale":`...)
	b = strconv.AppendBool(b, f.Stale)
	b = append(b, `,"strategies":`...)
	b = appendList(b, f.Strategies, appendStrategy)
	b = append(b, `,"variants":`...)
	b = appendList(b, f.Variants, appendVariant)
	b = append(b, `,"description":`...)
	if f.Description == nil {
		b = append(b, "null"...)
	} else {
		b = appendString(b, *f.Description)
	}
	b = append(b, `,"impressionData":`...)
	b = strconv.AppendBool(b, f.ImpressionData)
	if len(f.Dependencies) > 0 {
		b = append(b, `,"dependencies":`...)
		b = appendList(b, f.Dependencies, appendDependency)
	}
	return append(b, '}')
}

func appendStrategy(b []byte, s *eval.Strategy) []byte {
	b = append(b, `{"name":`...)
	b = appendString(b, s.Name)
	b = append(b, `,"constraints":`...)
	b = appendList(b, s.Constraints, appendConstraint)
	b = append(b, `,"parameters":{`...)
	names := make([]string, 0, 8)
	for name := range s.Parameters {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, name)
		b = append(b, ':')
		b = appendString(b, s.Parameters[name])
	}
	b = append(b, `},"variants":`...)
	b = appendList(b, s.Variants, appendVariant)
	if len(s.Segments) > 0 {
		b = append(b, `,"segments":[`...)
		for i, id := range s.Segments {
			if i > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendInt(b, int64(id), 10)
		}
		b = append(b, ']')
	}
	if s.Disabled {
		b = append(b, `,"disabled":true`...)
	}
	return append(b, '}')
}

func appendConstraint(b []byte, c *eval.Constraint) []byte {
	b = append(b, `{"contextName":`...)
	b = appendString(b, c.ContextName)
	b = append(b, `,"operator":`...)
	b = appendString(b, c.Operator)
	b = append(b, `,"values":`...)
	b = appendStrings(b, c.Values)
	if c.Value != nil {
		b = append(b, `,"value":`...)
		b = appendString(b, *c.Value)
	}
	if c.Inverted {
		b = append(b, `,"inverted":true`...)
	}
	if c.CaseInsensitive {
		b = append(b, `,"caseInsensitive":true`...)
	}
	return append(b, '}')
}

func appendVariant(b []byte, v *eval.Variant) []byte {
	b = append(b, `{"name":`...)
	b = appendString(b, v.Name)
	b = append(b, `,"weight":`...)
	b = strconv.AppendInt(b, int64(v.Weight), 10)
	if v.WeightType != "" {
		b = append(b, `,"weightType":`...)
		b = appendString(b, v.WeightType)
	}
	if v.Stickiness != "" {
		b = append(b, `,"stickiness":`...)
		b = appendString(b, v.Stickiness)
	}
	if v.Payload != nil {
		b = append(b, `,"payload":{"type":`...)
		b = appendString(b, v.Payload.Type)
		b = append(b, `,"value":`...)
		b = appendString(b, v.Payload.Value)
		b = append(b, '}')
	}
	if len(v.Overrides) > 0 {
		b = append(b, `,"overrides":`...)
		b = appendList(b, v.Overrides, appendOverride)
	}
	return append(b, '}')
}

func appendOverride(b []byte, o *eval.Override) []byte {
	b = append(b, `{"contextName":`...)
	b = appendString(b, o.ContextName)
	b = append(b, `,"values":`...)
	b = appendStrings(b, o.Values)
	return append(b, '}')
}

func appendDependency(b []byte, d *eval.Dependency) []byte {
	b = append(b, `{"feature":`...)
	b = appendString(b, d.Feature)
	if d.Enabled != nil {
		b = append(b, `,"enabled":`...)
		b = strconv.AppendBool(b, *d.Enabled)
	}
	if len(d.Variants) > 0 {
		b = append(b, `,"variants":`...)
		b = appendStrings(b, d.Variants)
	}
	return append(b, '}')
}

func appendSegment(b []byte, s *eval.Segment) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, int64(s.ID), 10)
	if s.Name != "" {
		b = append(b, `,"name":`...)
		b = appendString(b, s.Name)
	}
	b = append(b, `,"constraints":`...)
	b = appendList(b, s.Constraints, appendConstraint)
	return append(b, '}')
}

func appendList[T any](b []byte, elements []T, appendOne func([]byte, *T) []byte) []byte {
	b = append(b, '[')
	for i := range elements {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendOne(b, &elements[i])
	}
	return append(b, ']')
}

func appendStrings(b []byte, texts []string) []byte {
	b = append(b, '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, text)
	}
	return append(b, ']')
}

// AppendString writes text as every JSON of the data plane does.
func AppendString(b []byte, text string) []byte { return appendString(b, text) }

const hexDigits = "0123456789abcdef"

// appendString writes text as a JSON string. Invalid UTF-8 becomes U+FFFD, as in encoding/json.
func appendString(b []byte, text string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, text[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\b':
				b = append(b, '\\', 'b')
			case '\f':
				b = append(b, '\\', 'f')
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(append(b, text[start:i]...), `\ufffd`...)
			start = i + size
		case r == '\u2028' || r == '\u2029': // line ends to JavaScript, though not to JSON
			b = append(append(b, text[start:i]...), `\u202`...)
			b = append(b, hexDigits[r&15])
			start = i + size
		}
		i += size
	}
	return append(append(b, text[start:]...), '"')
}

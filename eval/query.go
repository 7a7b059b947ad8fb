package eval

import (
	"net/url"
	"slices"
	"strings"
)

// Set sets one field from text, by the name it has in the query of a request: a standard field, properties[name], or any
// other name, which becomes a property unless properties[name] says otherwise. An empty standard field is as good as none.
func (c *Context) Set(name, text string) {
	if !c.setStandard(name, text) {
		c.setUnknown(name, text)
	}
}

// setUnknown sets a property. The form properties[name] wins over name, in whatever order they come; deeper nesting
// (properties[a][b]) makes an object, which no constraint can look at.
func (c *Context) setUnknown(name, text string) {
	inner, nested := strings.CutPrefix(name, "properties[")
	if nested {
		inner, nested = strings.CutSuffix(inner, "]")
	}
	if nested {
		if inner == "" || strings.ContainsAny(inner, "[]") {
			return
		}
		name = inner
	} else if _, known := c.Properties[name]; known || name == "" || strings.IndexByte(name, '[') >= 0 || name == "properties" {
		return
	}
	c.setProperty(name, text)
}

// SetQuery sets fields from the query of a URL, as it was sent. Names in skip are no fields. Parts that are not properly
// escaped are left out. Text without escapes is not copied.
func (c *Context) SetQuery(rawQuery string, skip ...string) {
	for rawQuery != "" {
		var part string
		part, rawQuery, _ = strings.Cut(rawQuery, "&")
		name, text, _ := strings.Cut(part, "=")
		name, ok := unescape(name)
		if !ok || name == "" || slices.Contains(skip, name) {
			continue
		}
		if text, ok = unescape(text); ok {
			c.Set(name, text)
		}
	}
}

func unescape(text string) (string, bool) {
	if strings.IndexByte(text, '%') < 0 && strings.IndexByte(text, '+') < 0 {
		return text, true
	}
	text, err := url.QueryUnescape(text)
	return text, err == nil
}

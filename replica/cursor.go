package replica

import (
	"strconv"
	"strings"
)

// Cursor is a point in the change log that a client holds: the newest revision it has seen and the mark of that row.
// A zero Mark is unknown and not checked. The zero Cursor is before everything.
type Cursor struct {
	Revision int64
	Mark     uint32
}

// String is the form that goes to clients as SSE id and delta ETag: `<revision>-<mark in hex>`. Clients echo it verbatim.
// Clients that parse it as a number (Unleash Edge) get Number instead.
func (c Cursor) String() string {
	if c.Mark == 0 {
		return c.Number()
	}
	return string(c.Append(make([]byte, 0, 32)))
}

// Append appends what String returns.
func (c Cursor) Append(b []byte) []byte {
	b = strconv.AppendInt(b, c.Revision, 10)
	if c.Mark == 0 {
		return b
	}
	b = append(b, '-')
	for shift := 28; shift >= 0; shift -= 4 {
		b = append(b, "0123456789abcdef"[c.Mark>>shift&15])
	}
	return b
}

// Number is the revision alone, for clients that parse ids as numbers. It gives up the check of the mark.
func (c Cursor) Number() string { return strconv.FormatInt(c.Revision, 10) }

// ParseCursor reads either form, with or without the quotes of an ETag and a weak prefix.
func ParseCursor(text string) (cursor Cursor, ok bool) {
	text = strings.TrimPrefix(strings.TrimSpace(text), "W/")
	text = strings.Trim(text, `"`)
	revision, mark, marked := strings.Cut(text, "-")
	n, err := strconv.ParseInt(revision, 10, 64)
	if err != nil || n < 0 {
		return Cursor{}, false
	}
	cursor.Revision = n
	if marked {
		m, err := strconv.ParseUint(mark, 16, 32)
		if err != nil {
			return Cursor{}, false
		}
		cursor.Mark = uint32(m)
	}
	return cursor, true
}

package eval

import (
	"maps"
	"math"
)

// fieldID names a context field inside compiled constraints. The standard fields have fixed ids; a snapshot gives each
// property name that its features mention the next free one.
type fieldID uint16

const (
	fieldUserID fieldID = iota
	fieldSessionID
	fieldRemoteAddress
	fieldEnvironment
	fieldAppName
	fieldCurrentTime
	firstProperty
)

// cachedFields bounds the fields that All looks up once per context instead of once per constraint. It is a power of
// two, and 32 keep the cache within a few lines of the processor's own.
const cachedFields = 32

// uncached is the id that all properties beyond the bound share; they are looked up each time.
const uncached fieldID = cachedFields - 1

// field is a context field as an override or a stickiness refers to it.
type field struct {
	id   fieldID
	name string
}

var standardFields = map[string]fieldID{
	"userId":        fieldUserID,
	"sessionId":     fieldSessionID,
	"remoteAddress": fieldRemoteAddress,
	"environment":   fieldEnvironment,
	"appName":       fieldAppName,
	"currentTime":   fieldCurrentTime,
}

// fieldTable gives property names their ids. Ids are never reused or changed within a line of snapshots, because
// features compiled earlier keep theirs. A snapshot's table is immutable; compiling into a copy extends it.
type fieldTable struct {
	ids    map[string]fieldID
	shared bool // ids belongs to a published snapshot
}

func (t *fieldTable) field(name string) field {
	return field{t.id(name), name}
}

func (t *fieldTable) id(name string) fieldID {
	if id, ok := standardFields[name]; ok {
		return id
	}
	if id, ok := t.ids[name]; ok {
		return id
	}
	id := firstProperty + fieldID(len(t.ids))
	if id >= uncached {
		return uncached
	}
	if t.shared || t.ids == nil {
		ids := make(map[string]fieldID, len(t.ids)+1)
		maps.Copy(ids, t.ids)
		t.ids, t.shared = ids, false
	}
	t.ids[name] = id
	return id
}

// value looks a field up. Standard fields fall back to a property of their name, as in the SDKs.
func (c *Context) value(id fieldID, name string) (string, bool) {
	var text string
	switch id {
	case fieldUserID:
		text = c.UserID
	case fieldSessionID:
		text = c.SessionID
	case fieldRemoteAddress:
		text = c.RemoteAddress
	case fieldEnvironment:
		text = c.Environment
	case fieldAppName:
		text = c.AppName
	case fieldCurrentTime:
		text = c.timeText
	}
	if text != "" {
		return text, true
	}
	text, ok := c.Properties[name]
	return text, ok
}

// frame is the state of one evaluation. It lives on the caller's stack and must stay there: it is handed down by
// pointer to plain functions only, never to an interface or a function value.
type frame struct {
	ctx     *Context
	cache   *fieldCache
	feature string  // whose rules are at work, parents having been answered
	now     float64 // milliseconds since 1970, valid once clock is read
	clock   bool
}

// fieldCache holds the fields that were looked up for one context.
type fieldCache [cachedFields]cachedField

type cachedField struct {
	text   string
	number float64 // text as a number, NaN if it is none
	read   bool    // text and found are valid
	found  bool
	parsed bool // number is valid
}

// noCache serves the evaluation of one feature, where filling a cache would cost more than it saves. It stays empty.
var noCache fieldCache

// value is the field's text.
func (f *frame) value(id fieldID, name string) (string, bool) {
	if entry := &f.cache[id%cachedFields]; entry.read {
		return entry.text, entry.found
	}
	return f.look(id, name)
}

func (f *frame) look(id fieldID, name string) (string, bool) {
	text, ok := f.ctx.value(id, name)
	if f.cache != &noCache && id != uncached {
		entry := &f.cache[id]
		entry.text, entry.found, entry.read = text, ok, true
	}
	return text, ok
}

// number is the field's value as a number, NaN when it is absent or none.
func (f *frame) number(id fieldID, name string) float64 {
	if entry := &f.cache[id%cachedFields]; entry.parsed {
		return entry.number
	}
	return f.parse(id, name)
}

func (f *frame) parse(id fieldID, name string) float64 {
	n := math.NaN()
	if text, ok := f.value(id, name); ok {
		n = parseNumber(text)
	}
	if f.cache != &noCache && id != uncached {
		entry := &f.cache[id]
		entry.number, entry.parsed = n, true
	}
	return n
}

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

// cachedFields bounds the fields that All looks up once per context instead of once per constraint. Fields beyond it
// are looked up each time; 32 keep the cache within a few lines of the processor's own.
const cachedFields = 32

// field is a context field as a constraint, an override or a stickiness refers to it.
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
	if id, ok := standardFields[name]; ok {
		return field{id, name}
	}
	if id, ok := t.ids[name]; ok {
		return field{id, name}
	}
	id := firstProperty + fieldID(len(t.ids))
	if id >= cachedFields {
		return field{math.MaxUint16, name}
	}
	if t.shared || t.ids == nil {
		ids := make(map[string]fieldID, len(t.ids)+1)
		maps.Copy(ids, t.ids)
		t.ids, t.shared = ids, false
	}
	t.ids[name] = id
	return field{id, name}
}

// value looks a field up. Standard fields fall back to a property of their name, as in the SDKs.
func (c *Context) value(fd *field) (string, bool) {
	var text string
	switch fd.id {
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
	text, ok := c.Properties[fd.name]
	return text, ok
}

// frame is the state of one evaluation. It lives on the caller's stack and must stay there: it is handed down by
// pointer to plain functions only, never to an interface or a function value.
type frame struct {
	ctx   *Context
	cache *fieldCache // nil when one feature is evaluated: filling it would cost more than it saves
	now   int64       // milliseconds since 1970, valid once clock is read
	clock bool
}

type fieldCache [cachedFields]struct {
	text   string
	number float64 // text as a number, NaN if it is none
	state  fieldState
	parsed bool // number is valid
}

type fieldState uint8

const (
	fieldUnread fieldState = iota
	fieldPresent
	fieldAbsent
)

func (f *frame) value(fd *field) (string, bool) {
	if f.cache == nil || fd.id >= cachedFields {
		return f.ctx.value(fd)
	}
	entry := &f.cache[fd.id]
	if entry.state == fieldUnread {
		f.read(fd)
	}
	return entry.text, entry.state == fieldPresent
}

func (f *frame) read(fd *field) {
	entry := &f.cache[fd.id]
	text, ok := f.ctx.value(fd)
	entry.text, entry.state = text, fieldAbsent
	if ok {
		entry.state = fieldPresent
	}
}

// number is the field's value as a number, NaN when it is absent or none.
func (f *frame) number(fd *field) float64 {
	if f.cache == nil || fd.id >= cachedFields {
		return f.parseNumber(fd)
	}
	entry := &f.cache[fd.id]
	if !entry.parsed {
		entry.number, entry.parsed = f.parseNumber(fd), true
	}
	return entry.number
}

func (f *frame) parseNumber(fd *field) float64 {
	text, ok := f.value(fd)
	if !ok {
		return math.NaN()
	}
	return parseNumber(text)
}

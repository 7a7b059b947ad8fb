package eval

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// fixed are the texts of the standard fields, in a fixed order.
func (c *Context) fixed() [6]string {
	return [...]string{c.UserID, c.SessionID, c.RemoteAddress, c.Environment, c.AppName, c.currentTimeText()}
}

// currentTimeText is what SetCurrentTime has to be given for the same time.
func (c *Context) currentTimeText() string {
	if c.timeText != "" || c.CurrentTime.IsZero() {
		return c.timeText
	}
	return c.CurrentTime.UTC().Format(time.RFC3339Nano)
}

// AppendKey appends what tells the context from others: contexts with equal keys get equal answers. Hostname and Random do
// not count. It is not for display.
func (c *Context) AppendKey(b []byte) []byte {
	appendPart := func(text string) {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	for _, text := range c.fixed() {
		appendPart(text)
	}
	appendPart(strconv.FormatInt(c.CurrentTime.UnixMilli(), 36))
	for _, name := range slices.Sorted(maps.Keys(c.Properties)) {
		appendPart(name)
		appendPart(c.Properties[name])
	}
	return b
}

// Size is how much text the context holds, in bytes.
func (c *Context) Size() int {
	size := 0
	for _, text := range c.fixed() {
		size += len(text)
	}
	for name, text := range c.Properties {
		size += len(name) + len(text)
	}
	return size
}

// MarshalJSON writes the form that UnmarshalJSON reads, without fields that are absent.
func (c *Context) MarshalJSON() ([]byte, error) {
	text := c.fixed()
	return json.Marshal(struct {
		UserID        string            `json:"userId,omitempty"`
		SessionID     string            `json:"sessionId,omitempty"`
		RemoteAddress string            `json:"remoteAddress,omitempty"`
		Environment   string            `json:"environment,omitempty"`
		AppName       string            `json:"appName,omitempty"`
		CurrentTime   string            `json:"currentTime,omitempty"`
		Properties    map[string]string `json:"properties,omitempty"`
	}{text[0], text[1], text[2], text[3], text[4], text[5], c.Properties})
}

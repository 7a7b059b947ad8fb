package eval

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Context is what an evaluation may look at: who asks, from where, and when. An empty standard field counts as absent;
// a property counts as present even when it is empty. A Context is read only during evaluation, so one value may serve
// many goroutines at once.
type Context struct {
	UserID        string
	SessionID     string
	RemoteAddress string
	Environment   string
	AppName       string

	// CurrentTime is what the DATE operators compare with; the zero value means now. They compare in milliseconds.
	CurrentTime time.Time

	// Properties are the custom context fields. A standard field with a value hides a property of the same name.
	Properties map[string]string

	// Hostname is what the applicationHostname strategy compares with; empty means this process's host name.
	Hostname string

	// Random draws a number in [0, n) for the random stickiness of a feature; nil means math/rand/v2. Whoever has to answer
	// one client the same each time sets it, and tests do to pin an answer.
	Random func(feature string, n uint32) uint32

	timeText string // the text given to SetCurrentTime
	badTime  bool   // that text is no date, so every DATE operator is false
}

// noContext stands in for a nil *Context.
var noContext Context

// SetCurrentTime sets CurrentTime from text as an SDK would. Empty text means now; text that is no date makes every
// DATE constraint false, which is what the SDKs answer. It reports whether the text is a date or empty.
func (c *Context) SetCurrentTime(text string) bool {
	t, ok := parseTime(text)
	c.CurrentTime, c.timeText, c.badTime = t, text, !ok && text != ""
	return !c.badTime
}

// UnmarshalJSON reads the context form of the SDKs and the frontend API. Numbers and booleans become their text, null
// means absent, objects and arrays (outside properties) are ignored, and unknown top-level fields become properties,
// where constraints find them as the SDKs do.
func (c *Context) UnmarshalJSON(data []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return fmt.Errorf("read context: %w", err)
	}
	*c = Context{Hostname: c.Hostname, Random: c.Random}
	if raw, ok := fields["properties"]; ok {
		var properties map[string]json.RawMessage
		if err := json.Unmarshal(raw, &properties); err != nil {
			return fmt.Errorf("read context properties: %w", err)
		}
		for name, raw := range properties {
			if text, ok := scalarText(raw); ok {
				c.setProperty(name, text)
			}
		}
		delete(fields, "properties")
	}
	for name, raw := range fields {
		if text, ok := scalarText(raw); ok && !c.setStandard(name, text) {
			c.setProperty(name, text)
		}
	}
	return nil
}

// setStandard sets a standard field by its name. It reports false if there is none of that name.
func (c *Context) setStandard(name, text string) bool {
	switch name {
	case "userId":
		c.UserID = text
	case "sessionId":
		c.SessionID = text
	case "remoteAddress":
		c.RemoteAddress = text
	case "environment":
		c.Environment = text
	case "appName":
		c.AppName = text
	case "currentTime":
		c.SetCurrentTime(text)
	default:
		return false
	}
	return true
}

func (c *Context) setProperty(name, text string) {
	if c.Properties == nil {
		c.Properties = make(map[string]string)
	}
	c.Properties[name] = text
}

// scalarText gives the text that JavaScript's String() gives for a JSON string, number or boolean.
func scalarText(raw json.RawMessage) (string, bool) {
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return "", false
	}
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case float64:
		if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
			// Go pads the exponent to two digits, JavaScript does not.
			return strings.Replace(strconv.FormatFloat(v, 'e', -1, 64), "e-0", "e-", 1), true
		}
		return strconv.FormatFloat(v+0, 'f', -1, 64), true
	default:
		return "", false
	}
}

func (c *Context) hostname() string {
	if c.Hostname != "" {
		return c.Hostname
	}
	return processHostname()
}

// processHostname is read once: it cannot change what a flag answers during the life of a process.
var processHostname = sync.OnceValue(func() string {
	name, _ := os.Hostname()
	return cmp.Or(os.Getenv("HOSTNAME"), name, "undefined")
})

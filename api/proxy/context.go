package proxy

import (
	"encoding/json"
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"

	"github.com/pennonhq/pennon/eval"
)

const currentTime = "currentTime"

// readQuery reads the context of a GET request.
func readQuery(c *eval.Context, query string) {
	c.SetQuery(query, currentTime)
	if strings.Contains(query, currentTime) {
		if values, err := url.ParseQuery(query); err == nil {
			setTime(c, values.Get(currentTime))
		}
	}
}

// readObject reads the context of a body that has passed its schema. Other names than the known ones are properties,
// unless properties says otherwise.
func readObject(c *eval.Context, value any) {
	fields, _ := value.(map[string]any)
	for name, value := range fields {
		switch name {
		case currentTime:
			setTime(c, textOf(value))
		case "properties":
			properties, _ := value.(map[string]any)
			for inner, value := range properties {
				setProperty(c, inner, value)
			}
		case "userId", "sessionId", "remoteAddress", "environment", "appName":
			c.Set(name, textOf(value))
		default:
			if properties, ok := fields["properties"].(map[string]any); !ok || properties[name] == nil {
				setProperty(c, name, value)
			}
		}
	}
}

func setProperty(c *eval.Context, name string, value any) {
	switch value.(type) {
	case nil, map[string]any, []any: // nothing a constraint can look at
		return
	}
	if c.Properties == nil {
		c.Properties = make(map[string]string)
	}
	c.Properties[name] = textOf(value)
}

// setTime ignores what is no date, as the legacy proxy does.
func setTime(c *eval.Context, text string) {
	if !c.SetCurrentTime(text) {
		c.SetCurrentTime("")
	}
}

// drawSession gives requests without a session one by chance.
func drawSession(c *eval.Context) {
	if c.SessionID == "" {
		c.SessionID = strconv.FormatFloat(rand.Float64(), 'f', -1, 64)
	}
}

// textOf is the text of a scalar out of JSON, "" of anything else.
func textOf(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	case bool:
		return strconv.FormatBool(value)
	}
	return ""
}

func textsOf(value any) []string {
	list, _ := value.([]any)
	texts := make([]string, 0, len(list))
	for _, element := range list {
		texts = append(texts, textOf(element))
	}
	return texts
}

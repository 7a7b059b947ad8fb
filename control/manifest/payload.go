package manifest

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/pennonhq/pennon/control/feature"
	"github.com/pennonhq/pennon/fault"
)

// payloadOf is the payload that makes a flag of that type with that default value; nil for a switch that is false.
func payloadOf(kind string, value json.RawMessage) (*feature.Payload, error) {
	var compact bytes.Buffer
	if len(value) == 0 || json.Compact(&compact, value) != nil {
		return nil, wrongDefault("is required")
	}
	text := compact.String()
	switch kind {
	case "boolean":
		switch text {
		case "false":
			return nil, nil
		case "true":
			return &feature.Payload{Type: "json", Value: text}, nil
		}
		return nil, wrongDefault("must be a boolean")
	case "string":
		var content string
		if json.Unmarshal(value, &content) != nil || text[0] != '"' {
			return nil, wrongDefault("must be a string")
		}
		return &feature.Payload{Type: "string", Value: content}, nil
	case "integer":
		var number int64
		if json.Unmarshal(value, &number) != nil || strings.ContainsAny(text, ".eE") || text == "null" {
			return nil, wrongDefault("must be a whole number")
		}
		return &feature.Payload{Type: "number", Value: text}, nil
	case "float":
		var number float64
		if json.Unmarshal(value, &number) != nil || text == "null" {
			return nil, wrongDefault("must be a number")
		}
		if !strings.ContainsAny(text, ".eE") {
			text += ".0" // which says that others may have a fraction
		}
		return &feature.Payload{Type: "number", Value: text}, nil
	case "object":
		if text[0] != '{' {
			return nil, wrongDefault("must be an object")
		}
		return &feature.Payload{Type: "json", Value: text}, nil
	}
	return nil, fault.New(fault.Invalid, "The type is not known.").
		With(fault.Detail{Path: "/body/type", Message: "must be boolean, string, integer, float or object"})
}

func wrongDefault(problem string) error {
	return fault.New(fault.Invalid, "The default value does not fit the type.").
		With(fault.Detail{Path: "/body/defaultValue", Message: problem})
}

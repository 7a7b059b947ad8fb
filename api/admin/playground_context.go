package admin

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pennonhq/pennon/control/playground"
	"github.com/pennonhq/pennon/eval"
)

// SdkContextSchema is a context as SDKs hold it. It may have more fields than these.
type SdkContextSchema struct {
	_             struct{}          `additionalProperties:"true"`
	AppName       string            `json:"appName" minLength:"1"`
	CurrentTime   string            `json:"currentTime,omitempty" format:"date-time"`
	Environment   string            `json:"environment,omitempty" deprecated:"true"`
	Properties    map[string]string `json:"properties,omitempty"`
	RemoteAddress string            `json:"remoteAddress,omitempty"`
	SessionID     string            `json:"sessionId,omitempty"`
	UserID        string            `json:"userId,omitempty"`

	raw        json.RawMessage
	evaluation eval.Context
}

// SdkFlatContextSchema is a context with its properties beside the other fields.
type SdkFlatContextSchema struct {
	_             struct{} `additionalProperties:"true"`
	AppName       string   `json:"appName" minLength:"1"`
	CurrentTime   string   `json:"currentTime,omitempty" format:"date-time"`
	Environment   string   `json:"environment,omitempty" deprecated:"true"`
	RemoteAddress string   `json:"remoteAddress,omitempty"`
	SessionID     string   `json:"sessionId,omitempty"`
	UserID        string   `json:"userId,omitempty"`

	raw json.RawMessage
}

// UnmarshalJSON keeps the context as it was sent.
func (s *SdkContextSchema) UnmarshalJSON(data []byte) error {
	s.raw = slices.Clone(data)
	return s.evaluation.UnmarshalJSON(data)
}

// MarshalJSON writes the context as it was sent.
func (s SdkContextSchema) MarshalJSON() ([]byte, error) { return s.raw, nil }

// MarshalJSON writes all fields.
func (s SdkFlatContextSchema) MarshalJSON() ([]byte, error) { return s.raw, nil }

// fields are the strings of the context beside its properties, the properties, and the names of what is neither.
func (s SdkContextSchema) fields() (top, properties map[string]string, invalid []string) {
	var all map[string]json.RawMessage
	top, properties = map[string]string{}, map[string]string{}
	_ = json.Unmarshal(s.raw, &all) // it has been read before
	for name, raw := range all {
		var text *string
		switch {
		case name == "properties":
			if string(raw) != "null" {
				_ = json.Unmarshal(raw, &properties)
			}
		case json.Unmarshal(raw, &text) != nil || text == nil:
			invalid = append(invalid, name)
		default:
			top[name] = *text
		}
	}
	slices.Sort(invalid)
	return top, properties, invalid
}

// warnings name what combinations leave out.
func (s SdkContextSchema) warnings() *PlaygroundWarnings {
	_, _, invalid := s.fields()
	if len(invalid) == 0 {
		return nil
	}
	return &PlaygroundWarnings{InvalidContextProperties: invalid}
}

// combinations are contexts with one value for each field.
type combinations []combination

type combination struct {
	evaluation eval.Context
	flat       SdkFlatContextSchema
}

// dimension is a field with the values it is to have.
type dimension struct {
	in     map[string]string // that holds the field
	name   string
	values []string
}

// combinations fails with fault.Invalid when there are too many for the environments.
func (s SdkContextSchema) combinations(environments int) (combinations, error) {
	top, properties, _ := s.fields()
	dimensions := append(dimensionsOf(properties), dimensionsOf(top)...)
	count, bytes := 1, 0
	for _, d := range dimensions {
		count *= len(d.values)
		if err := playground.CheckAnswers(1, environments, count); err != nil {
			return nil, err
		}
		bytes += len(d.name) + len(strings.Join(d.values, ""))/len(d.values)
	}
	if err := playground.CheckBytes(count * bytes); err != nil {
		return nil, err
	}
	list := make(combinations, count)
	for i := range list {
		rest := i
		for _, d := range slices.Backward(dimensions) {
			d.in[d.name] = d.values[rest%len(d.values)]
			rest /= len(d.values)
		}
		if err := list[i].set(top, properties); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// dimensionsOf are the fields in order of name. Values are not trimmed: space may be part of them.
func dimensionsOf(fields map[string]string) []dimension {
	dimensions := make([]dimension, 0, len(fields))
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		values := []string{fields[name]}
		if name != "currentTime" {
			values = distinct(strings.Split(fields[name], ","))
		}
		dimensions = append(dimensions, dimension{fields, name, values})
	}
	return dimensions
}

// distinct drops values that came before.
func distinct(values []string) []string {
	seen := make(map[string]bool, len(values))
	return slices.DeleteFunc(values, func(value string) bool {
		before := seen[value]
		seen[value] = true
		return before
	})
}

// set makes the context of its fields. As in SDKs, a field hides a property of its name unless it is empty.
func (c *combination) set(top, properties map[string]string) error {
	nested := make(map[string]any, len(top)+1)
	flat := maps.Clone(properties)
	for name, value := range top {
		nested[name] = value
		if flat[name] == "" || value != "" {
			flat[name] = value
		}
	}
	nested["properties"] = properties
	text, err := json.Marshal(nested)
	if err != nil {
		return fmt.Errorf("marshal context: %w", err)
	}
	if err := c.evaluation.UnmarshalJSON(text); err != nil {
		return err
	}
	c.flat.raw, err = json.Marshal(flat)
	return err
}

// bytes is what all flat contexts take.
func (c combinations) bytes() int {
	total := 0
	for i := range c {
		total += len(c[i].flat.raw)
	}
	return total
}

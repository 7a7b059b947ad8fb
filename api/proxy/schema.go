package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
)

// schema is the part of JSON Schema that the legacy proxy's OpenAPI document uses for bodies.
type schema struct {
	Type                 string
	Format               string
	Required             []string
	Properties           properties
	AdditionalProperties *schema
	Items                *schema
	Minimum              *float64
	OneOf                []*schema

	path string // of a schema in the document's components
}

// properties are in the order of the document, in which they are checked.
type properties []property

type property struct {
	name   string
	schema *schema
}

// UnmarshalJSON keeps the order.
func (p *properties) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if _, err := decoder.Token(); err != nil {
		return err
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return err
		}
		one := property{schema: &schema{}}
		one.name, _ = name.(string)
		if err := decoder.Decode(one.schema); err != nil {
			return err
		}
		*p = append(*p, one)
	}
	return nil
}

// The schemas of the bodies.
var (
	lookupSchema   = componentSchema("lookupTogglesSchema")
	metricsSchema  = componentSchema("registerMetricsSchema")
	registerSchema = componentSchema("registerClientSchema")
)

func componentSchema(name string) *schema {
	var document struct {
		Components struct {
			Schemas map[string]json.RawMessage
		}
	}
	s := &schema{path: "#/components/schemas/" + name}
	err := json.Unmarshal(openapiText, &document)
	if err == nil {
		err = json.Unmarshal(document.Components.Schemas[name], s)
	}
	if err != nil { // embedded at build time
		panic(fmt.Sprintf("schema %s: %v", name, err))
	}
	return s
}

// violation is what is wrong with a body, as the legacy proxy tells it.
type violation struct {
	InstancePath string         `json:"instancePath"`
	SchemaPath   string         `json:"schemaPath"`
	Keyword      string         `json:"keyword"`
	Params       map[string]any `json:"params"`
	Message      string         `json:"message"`
}

// check holds value against the schema and stops at the first violation. Like the legacy proxy it converts scalars to the
// type that is wanted where that loses nothing, and returns what came of it.
func (s *schema) check(value any, instance, path string) (any, []violation) {
	if s.Type != "" {
		converted, ok := convert(value, s.Type)
		if !ok {
			return value, one(instance, path+"/type", "type", "type", s.Type, "must be "+s.Type)
		}
		value = converted
	}
	if v := s.checkScalar(value, instance, path); v != nil {
		return value, v
	}
	switch value := value.(type) {
	case map[string]any:
		if v := s.checkObject(value, instance, path); v != nil {
			return value, v
		}
	case []any:
		if s.Items == nil {
			break
		}
		for i := range value {
			element, v := s.Items.check(value[i], instance+"/"+strconv.Itoa(i), path+"/items")
			if v != nil {
				return value, v
			}
			value[i] = element
		}
	}
	return s.checkOneOf(value, instance, path)
}

func (s *schema) checkScalar(value any, instance, path string) []violation {
	if number, ok := value.(json.Number); ok && s.Minimum != nil {
		if n, err := number.Float64(); err == nil && n < *s.Minimum {
			v := one(instance, path+"/minimum", "minimum", "comparison", ">=", fmt.Sprintf("must be >= %v", *s.Minimum))
			v[0].Params["limit"] = *s.Minimum
			return v
		}
	}
	if text, ok := value.(string); ok && s.Format == "date-time" {
		if _, err := time.Parse(time.RFC3339, text); err != nil {
			return one(instance, path+"/format", "format", "format", s.Format, `must match format "date-time"`)
		}
	}
	return nil
}

func (s *schema) checkObject(object map[string]any, instance, path string) []violation {
	for _, name := range s.Required {
		if _, present := object[name]; !present {
			return one(instance, path+"/required", "required", "missingProperty", name, "must have required property '"+name+"'")
		}
	}
	for _, name := range sortedNames(object) {
		if s.AdditionalProperties == nil || s.Properties.schema(name) != nil {
			continue
		}
		converted, v := s.AdditionalProperties.check(object[name], instance+"/"+name, path+"/additionalProperties")
		if v != nil {
			return v
		}
		object[name] = converted
	}
	for _, p := range s.Properties {
		value, present := object[p.name]
		if !present {
			continue
		}
		converted, v := p.schema.check(value, instance+"/"+p.name, path+"/properties/"+p.name)
		if v != nil {
			return v
		}
		object[p.name] = converted
	}
	return nil
}

// checkOneOf takes the first that fits: the document's alternatives exclude one another.
func (s *schema) checkOneOf(value any, instance, path string) (any, []violation) {
	if len(s.OneOf) == 0 {
		return value, nil
	}
	var violations []violation
	for i, alternative := range s.OneOf {
		converted, v := alternative.check(value, instance, path+"/oneOf/"+strconv.Itoa(i))
		if v == nil {
			return converted, nil
		}
		violations = append(violations, v...)
	}
	return value, append(violations, one(instance, path+"/oneOf", "oneOf", "passingSchemas", nil, "must match exactly one schema in oneOf")...)
}

func (p properties) schema(name string) *schema {
	for _, one := range p {
		if one.name == name {
			return one.schema
		}
	}
	return nil
}

func one(instance, path, keyword, param string, value any, message string) []violation {
	return []violation{{InstancePath: instance, SchemaPath: path, Keyword: keyword, Params: map[string]any{param: value}, Message: message}}
}

func sortedNames(object map[string]any) []string {
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// convert makes value one of the wanted type, if it is one or can be read as one.
func convert(value any, wanted string) (any, bool) {
	switch wanted {
	case "object":
		_, ok := value.(map[string]any)
		return value, ok
	case "array":
		_, ok := value.([]any)
		return value, ok
	case "string":
		switch value := value.(type) {
		case nil:
			return "", true
		case string, json.Number, bool:
			return textOf(value), true
		}
	case "number", "integer":
		switch value := value.(type) {
		case nil:
			return json.Number("0"), true
		case bool:
			return map[bool]json.Number{true: "1", false: "0"}[value], true
		case json.Number:
			return value, fits(value, wanted)
		case string:
			return json.Number(value), fits(json.Number(value), wanted)
		}
	case "boolean":
		_, ok := value.(bool)
		return value, ok
	}
	return value, false
}

func fits(number json.Number, wanted string) bool {
	n, err := number.Float64()
	return err == nil && !math.IsNaN(n) && !math.IsInf(n, 0) && (wanted == "number" || n == math.Trunc(n))
}

package db

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/queries"
)

// The jsonb columns hold what the Admin API has checked, or what somebody wrote with plain SQL. A value of the wrong shape
// must neither stop the log nor open a flag up to more users than it was meant for: what cannot be read is reported and
// narrowed. In the usual case the shapes are right and the plain decoding below succeeds.

// never is a constraint that no context meets: no value is in the empty list.
var never = eval.Constraint{ContextName: "userId", Operator: "IN", Values: []string{}}

// warn reports a value that could not be read. about are slog attributes.
func (f *follower) warn(what string, err error, about []any) {
	f.log.logger.Warn("a stored value has the wrong shape", append([]any{"value", what, "err", err}, about...)...)
}

func (f *follower) decodeSegment(row queries.ChangeLogSegmentsRow) eval.Segment {
	return eval.Segment{ID: int(row.ID), Name: row.Name, Constraints: f.decodeConstraints(row.Constraints, "segment", row.ID)}
}

// decodeDependency cannot fail: a variant that is no text becomes text that no parent gives.
func decodeDependency(row queries.FeatureDependency) eval.Dependency {
	enabled := row.Enabled
	dependency := eval.Dependency{Feature: row.Parent, Enabled: &enabled}
	if enabled {
		dependency.Variants, _ = texts(row.Variants) // an array by the schema
	}
	if len(dependency.Variants) == 0 {
		dependency.Variants = nil
	}
	return dependency
}

func (f *follower) decodeParameters(raw json.RawMessage, about ...any) map[string]string {
	parameters := map[string]string{}
	if isEmpty(raw) {
		return parameters
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		f.warn("parameters", err, about)
		return parameters
	}
	for name, value := range values {
		if !isNull(value) {
			parameters[name] = text(value)
		}
	}
	return parameters
}

// decodeConstraints replaces a constraint it cannot read by one that no context meets.
func (f *follower) decodeConstraints(raw json.RawMessage, about ...any) []eval.Constraint {
	constraints := []eval.Constraint{}
	if isEmpty(raw) {
		return constraints
	}
	if err := json.Unmarshal(raw, &constraints); err == nil && allComplete(constraints) {
		return constraints
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		f.warn("constraints", err, about)
		return []eval.Constraint{never}
	}
	constraints = make([]eval.Constraint, 0, len(items))
	for _, item := range items {
		constraint, err := decodeConstraint(item)
		if err != nil {
			f.warn("constraint", err, about)
			constraint = never
		}
		constraints = append(constraints, constraint)
	}
	return constraints
}

// allComplete reports whether all constraints say what to compare and how, and gives each its list.
func allComplete(constraints []eval.Constraint) bool {
	for i := range constraints {
		if constraints[i].ContextName == "" || constraints[i].Operator == "" {
			return false
		}
		if constraints[i].Values == nil {
			constraints[i].Values = []string{}
		}
	}
	return true
}

// decodeConstraint reads a constraint whose scalars may have other JSON types than text.
func decodeConstraint(raw json.RawMessage) (eval.Constraint, error) {
	var loose struct {
		ContextName     string          `json:"contextName"`
		Operator        string          `json:"operator"`
		Values          json.RawMessage `json:"values"`
		Value           json.RawMessage `json:"value"`
		Inverted        bool            `json:"inverted"`
		CaseInsensitive bool            `json:"caseInsensitive"`
	}
	if err := json.Unmarshal(raw, &loose); err != nil {
		return eval.Constraint{}, err
	}
	if loose.ContextName == "" || loose.Operator == "" {
		return eval.Constraint{}, fmt.Errorf("constraint %s lacks contextName or operator", raw)
	}
	values, err := texts(loose.Values)
	if err != nil {
		return eval.Constraint{}, fmt.Errorf("values: %w", err)
	}
	constraint := eval.Constraint{
		ContextName: loose.ContextName, Operator: loose.Operator, Values: values,
		Inverted: loose.Inverted, CaseInsensitive: loose.CaseInsensitive,
	}
	if !isNull(loose.Value) {
		value := text(loose.Value)
		constraint.Value = &value
	}
	return constraint, nil
}

// decodeVariants leaves out a variant it cannot read.
func (f *follower) decodeVariants(raw json.RawMessage, about ...any) []eval.Variant {
	variants := []eval.Variant{}
	if isEmpty(raw) {
		return variants
	}
	if err := json.Unmarshal(raw, &variants); err == nil && allUsable(variants) {
		return variants
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		f.warn("variants", err, about)
		return []eval.Variant{}
	}
	variants = make([]eval.Variant, 0, len(items))
	for _, item := range items {
		variant, err := decodeVariant(item)
		if err != nil {
			f.warn("variant", err, about)
			continue
		}
		variants = append(variants, variant)
	}
	return variants
}

func allUsable(variants []eval.Variant) bool {
	for _, variant := range variants {
		if variant.Name == "" || variant.Weight < 0 {
			return false
		}
	}
	return true
}

// decodeVariant reads a variant whose weight may be a fraction and whose payload's value may be any JSON.
func decodeVariant(raw json.RawMessage) (eval.Variant, error) {
	var loose struct {
		eval.Variant
		Weight  float64 `json:"weight"`
		Payload *struct {
			Type  string          `json:"type"`
			Value json.RawMessage `json:"value"`
		} `json:"payload"`
	}
	if err := json.Unmarshal(raw, &loose); err != nil {
		return eval.Variant{}, err
	}
	if loose.Name == "" || loose.Weight < 0 || loose.Weight > math.MaxInt32 {
		return eval.Variant{}, fmt.Errorf("variant %s lacks a name or has a bad weight", raw)
	}
	variant := loose.Variant
	variant.Weight = int(math.Round(loose.Weight))
	if loose.Payload != nil {
		variant.Payload = &eval.Payload{Type: loose.Payload.Type, Value: text(loose.Payload.Value)}
	}
	return variant, nil
}

// texts reads an array whose items become text; nothing and null are the empty array.
func texts(raw json.RawMessage) ([]string, error) {
	result := []string{}
	if isEmpty(raw) || isNull(raw) {
		return result, nil
	}
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, err
	}
	for _, item := range items {
		result = append(result, text(item))
	}
	return result, nil
}

// text is a JSON value as text: that of a string, and the JSON of anything else.
func text(raw json.RawMessage) string {
	if isNull(raw) {
		return ""
	}
	var s string
	if raw[0] == '"' && json.Unmarshal(raw, &s) == nil {
		return s
	}
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil {
		return strings.TrimSpace(string(raw))
	}
	return compact.String()
}

// isEmpty recognises the empty array and object as PostgreSQL prints them, which most columns hold.
func isEmpty(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "[]" || string(raw) == "{}"
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// Package openfeature knows what a flag is to OpenFeature: values of one type, where Unleash has switches and variants. It
// holds no wire and no storage; the data plane and the control plane both read it. It imports eval and the standard library.
package openfeature

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/pennonhq/pennon/eval"
)

// Kind is the type of a flag's values. A flag has one, whatever it answers.
type Kind uint8

// The kinds. A flag without variants is Boolean; of others the payloads of all variants decide, so that moving weights
// never changes the type: JSON objects and arrays are Object, numbers written without a fraction Integer, other numbers Number, text String,
// JSON's true and false Boolean.
// Variants of which none has a payload make String, with their names as values. Payloads that do not agree make String too,
// with their text as values.
const (
	Boolean Kind = iota
	String
	Integer
	Number
	Object
	unknown // no evidence yet
)

// maxInteger is the largest whole number that every client reads exactly.
const maxInteger = 1 << 53

// String is the name of the kind in metadata.
func (k Kind) String() string {
	return [...]string{"boolean", "string", "integer", "number", "object", "unknown"}[k]
}

// KindOf decides on the type of a flag's values.
func KindOf(f *eval.Feature) Kind {
	kind, some := unknown, false
	for v := range Variants(f) {
		some = true
		if v.Payload != nil {
			kind = merge(kind, payloadKind(v.Payload))
		}
	}
	switch {
	case !some:
		return Boolean
	case kind == unknown:
		return String
	}
	return kind
}

// Variants yields the variants of a flag and of its strategies.
func Variants(f *eval.Feature) func(func(*eval.Variant) bool) {
	return func(yield func(*eval.Variant) bool) {
		for i := range f.Variants {
			if !yield(&f.Variants[i]) {
				return
			}
		}
		for i := range f.Strategies {
			for j := range f.Strategies[i].Variants {
				if !yield(&f.Strategies[i].Variants[j]) {
					return
				}
			}
		}
	}
}

func merge(a, b Kind) Kind {
	switch {
	case a == b || b == unknown:
		return a
	case a == unknown:
		return b
	case (a == Integer || a == Number) && (b == Integer || b == Number):
		return Number
	}
	return String
}

// payloadKind is what a payload says of its flag. One that cannot be read says what its type promises.
func payloadKind(p *eval.Payload) Kind {
	switch p.Type {
	case "number":
		return numberKind(p.Value)
	case "json":
		var value any
		if json.Unmarshal([]byte(p.Value), &value) != nil {
			return Object
		}
		switch value.(type) {
		case nil:
			return unknown
		case bool:
			return Boolean
		case string:
			return String
		case float64:
			return numberKind(p.Value)
		}
		return Object
	}
	return String
}

// numberKind is Integer for what is written as a whole number: 1 is one, 1.0 is not, so that a type survives a value that
// happens to be whole.
func numberKind(text string) Kind {
	number, err := parseNumber(text)
	if err == nil && (!isWhole(number) || strings.ContainsAny(text, ".eE")) {
		return Number
	}
	return Integer
}

// Value encodes the value of a variant as its flag's kind. It is nil for a variant without one: the code's default then
// counts. An error says that the payload cannot be read.
func Value(kind Kind, v *eval.Variant) (json.RawMessage, error) {
	switch {
	case v.Payload == nil && kind == String:
		return Quote(v.Name), nil
	case v.Payload == nil:
		return nil, nil
	case v.Payload.Type == "number" && kind != String:
		number, err := parseNumber(v.Payload.Value)
		if err != nil {
			return nil, err
		}
		return appendNumber(nil, number), nil
	case v.Payload.Type == "json":
		return jsonValue(kind, v.Payload.Value)
	}
	return Quote(v.Payload.Value), nil
}

func jsonValue(kind Kind, text string) (json.RawMessage, error) {
	var compact bytes.Buffer
	if json.Compact(&compact, []byte(text)) != nil {
		return nil, errors.New("the payload is not valid JSON")
	}
	value := compact.Bytes()
	switch {
	case bytes.Equal(value, []byte("null")):
		return nil, nil
	case kind == String && value[0] != '"':
		return Quote(text), nil
	case kind == Integer || kind == Number:
		number, err := parseNumber(string(value))
		if err != nil {
			return nil, err
		}
		return appendNumber(nil, number), nil
	}
	return value, nil
}

func parseNumber(text string) (float64, error) {
	number, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || math.IsInf(number, 0) || math.IsNaN(number) {
		return 0, errors.New("the payload is not a number")
	}
	return number, nil
}

func isWhole(number float64) bool {
	return number == math.Trunc(number) && math.Abs(number) <= maxInteger
}

func appendNumber(dst []byte, number float64) []byte {
	if isWhole(number) {
		return strconv.AppendInt(dst, int64(number), 10)
	}
	return strconv.AppendFloat(dst, number, 'g', -1, 64)
}

// Quote encodes text as JSON, without escaping what only HTML needs escaped.
func Quote(text string) []byte {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // never fails for a string
	return bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))
}

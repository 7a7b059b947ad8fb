package openfeature

import (
	"encoding/json"

	"github.com/pennonhq/pennon/eval"
)

// DefaultVariant is the variant whose value is a flag's default in the manifest.
const DefaultVariant = "default"

// ManifestFlagSchema is a flag as OpenFeature's tools see it.
type ManifestFlagSchema struct {
	Key          string          `json:"key"`
	Name         string          `json:"name,omitempty" doc:"Always the key"`
	Type         string          `json:"type" enum:"boolean,string,integer,float,object"`
	Description  *string         `json:"description,omitempty" nullable:"true"`
	DefaultValue json.RawMessage `json:"defaultValue"`
}

// ManifestSchema lists flags.
type ManifestSchema struct {
	Flags []ManifestFlagSchema `json:"flags"`
}

// ManifestType is what the manifest calls a kind. Its description has no type for numbers with a fraction; the tools know it
// as float.
func (k Kind) ManifestType() string {
	if k == Number {
		return "float"
	}
	return k.String()
}

// Describe is the manifest's view of a flag. Its default value is what the code falls back to: that of the variant named default, or
// else what the type has instead of a value.
func Describe(f *eval.Feature) ManifestFlagSchema {
	kind := KindOf(f)
	flag := ManifestFlagSchema{Key: f.Name, Name: f.Name, Type: kind.ManifestType(), Description: f.Description}
	switch kind {
	case Boolean:
		flag.DefaultValue = json.RawMessage("false")
	case String:
		flag.DefaultValue = json.RawMessage(`""`)
	case Object:
		flag.DefaultValue = json.RawMessage("{}")
	default:
		flag.DefaultValue = json.RawMessage("0")
	}
	for v := range Variants(f) {
		if v.Name == DefaultVariant && v.Payload != nil {
			if value, err := Value(kind, v); err == nil && value != nil {
				flag.DefaultValue = value
				break
			}
		}
	}
	return flag
}

package openfeature

import (
	"encoding/json"

	"github.com/pennonhq/pennon/eval"
)

// Names of the manifest's parts.
const (
	// PathManifest is where the manifest is.
	PathManifest = "/openfeature/v0/manifest"

	// CapabilitiesHeader says what a token may do with the manifest.
	CapabilitiesHeader = "X-Manifest-Capabilities"
	// Capabilities are those of an admin token, CapabilitiesRead of others.
	Capabilities     = "read,write,delete"
	CapabilitiesRead = "read"

	// DefaultVariant is the variant whose value is a flag's default in the manifest.
	DefaultVariant = "default"

	// DefaultEnvironment is what the manifest shows an admin token that names none, if it is there.
	DefaultEnvironment = "development"
)

// ManifestErrorSchema is the body of every error of the manifest.
type ManifestErrorSchema struct {
	Error ManifestErrorBody `json:"error"`
}

// ManifestErrorBody says what went wrong.
type ManifestErrorBody struct {
	Message string                `json:"message"`
	Status  int                   `json:"status"`
	Details []ManifestErrorDetail `json:"details,omitempty"`
}

// ManifestErrorDetail is one problem in a request.
type ManifestErrorDetail struct {
	Field   string `json:"field,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message"`
}

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

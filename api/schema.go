package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// schemaName names a component as Unleash does: APITokenSchema becomes apiTokenSchema.
func schemaName(t reflect.Type, hint string) string {
	name := strings.NewReplacer("API", "Api", "UIConfig", "UiConfig").Replace(huma.DefaultSchemaNamer(t, hint))
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[size:]
}

// jsonFormat reads and writes JSON for huma.
var jsonFormat = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		encoder := json.NewEncoder(w)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(v)
	},
	Unmarshal: func(data []byte, v any) error {
		err := json.Unmarshal(data, v)
		if err == nil {
			return nil
		}
		// The error of encoding/json quotes the input, which is not for the response.
		if typeErr, ok := err.(*json.UnmarshalTypeError); ok { //nolint:errorlint // encoding/json returns it bare
			return fmt.Errorf("%s: expected %s", strings.ReplaceAll(typeErr.Field, ".", "/"), typeErr.Type.Kind())
		}
		if syntaxErr, ok := err.(*json.SyntaxError); ok { //nolint:errorlint // encoding/json returns it bare
			return fmt.Errorf("%s at position %d", malformedJSON, syntaxErr.Offset)
		}
		return fmt.Errorf("%s", malformedJSON)
	},
}

// malformedJSON starts the message for a body that is not JSON at all.
const malformedJSON = "The request body is not valid JSON"

// Time is a moment in a response, written as Unleash writes it: UTC with exactly three decimals.
type Time struct{ time.Time }

// timeLayout is what JavaScript's Date.toISOString gives.
const timeLayout = "2006-01-02T15:04:05.000Z"

// At makes a Time.
func At(t time.Time) Time { return Time{Time: t} }

// AtOrNil makes a Time of t, or null of nil.
func AtOrNil(t *time.Time) *Time {
	if t == nil {
		return nil
	}
	return &Time{Time: *t}
}

// MarshalJSON writes the moment in UTC.
func (t Time) MarshalJSON() ([]byte, error) {
	return []byte(t.UTC().Format(`"` + timeLayout + `"`)), nil
}

// UnmarshalJSON reads any RFC 3339 time.
func (t *Time) UnmarshalJSON(data []byte) error {
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	return t.Time.UnmarshalJSON(data)
}

// Schema describes Time in the OpenAPI document.
func (Time) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time"}
}

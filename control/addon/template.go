package addon

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cbroglie/mustache"
)

var (
	errHeaders  = errors.New("it must be a JSON object with a string for each header")
	errTemplate = errors.New("it is not a valid Mustache template")
)

// noPartials keeps templates from including files of the server, which is what the library does unless told otherwise.
var noPartials = &mustache.StaticProvider{}

func parseTemplate(text string) (*mustache.Template, error) {
	t, err := mustache.ParseStringPartials(text, noPartials)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errTemplate, err)
	}
	return t, nil
}

func checkTemplate(text string) error {
	_, err := parseTemplate(text)
	return err
}

// render fills in a template. {{name}} is escaped for the content type, {{{name}}} is not; objects and lists come out as JSON.
func (m message) render(text, contentType string) ([]byte, error) {
	t, err := parseTemplate(text)
	if err != nil {
		return nil, err
	}
	t.Escape(escaper(contentType))
	document, err := m.document()
	if err != nil {
		return nil, err
	}
	fields, err := decode(document)
	if err != nil {
		return nil, err
	}
	if object, ok := fields.(jsonObject); ok {
		object["label"], object["summary"] = m.label(), m.summary()
	}
	quoted, err := json.Marshal(string(document))
	if err != nil {
		return nil, fmt.Errorf("marshal event: %w", err)
	}
	var out bytes.Buffer
	if err := t.FRender(&out, map[string]any{"event": fields, "eventJson": string(quoted)}); err != nil {
		return nil, fmt.Errorf("fill in the template: %w", err)
	}
	return out.Bytes(), nil
}

// escaper is what makes a value fit into a text of that type.
func escaper(contentType string) mustache.EscapeFunc {
	switch kind := strings.ToLower(contentType); {
	case strings.Contains(kind, "json"):
		return escapeJSON
	case strings.Contains(kind, "html"), strings.Contains(kind, "xml"):
		return htmlEscaper.Replace
	default:
		return func(text string) string { return text }
	}
}

var htmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;")

// escapeJSON makes text fit between the quotes of a JSON string.
func escapeJSON(text string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil { // strings can always be encoded
		return ""
	}
	quoted := strings.TrimSuffix(out.String(), "\n")
	return quoted[1 : len(quoted)-1]
}

// jsonObject and jsonList print as JSON where a template names them as a whole.
type (
	jsonObject map[string]any
	jsonList   []any
)

func (o jsonObject) String() string { return jsonText(o) }
func (l jsonList) String() string   { return jsonText(l) }

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(text)
}

// decode reads JSON into values that templates can print: numbers as they are written, null as nothing.
func decode(document []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(document))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	return printable(value), nil
}

func printable(value any) any {
	switch v := value.(type) {
	case map[string]any:
		object := jsonObject{}
		for key, item := range v {
			object[key] = printable(item)
		}
		return object
	case []any:
		list := make(jsonList, len(v))
		for i, item := range v {
			list[i] = printable(item)
		}
		return list
	case nil:
		return ""
	}
	return value
}

package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"unicode/utf8"
)

// parse decodes a body and holds it against its schema, or answers what is wrong and returns false. No body is an empty
// object.
func parse(w http.ResponseWriter, r *http.Request, text []byte, s *schema) (map[string]any, bool) {
	value, message := decode(text)
	if message != "" {
		writeFailure(w, r, http.StatusBadRequest, failure{Error: unparsable + `"` + message + `"`})
		return nil, false
	}
	value, violations := s.check(value, "/body", s.path)
	if len(violations) > 0 {
		writeFailure(w, r, http.StatusBadRequest, failure{Error: "Request validation failed", Validation: violations})
		return nil, false
	}
	object, _ := value.(map[string]any)
	return object, true
}

// decode reads JSON. What is wrong is told in the words of the legacy proxy's parser.
func decode(text []byte) (value any, message string) {
	if len(text) == 0 {
		return map[string]any{}, ""
	}
	if start := len(text) - len(bytes.TrimLeft(text, " \t\r\n")); start < len(text) && text[start] != '{' && text[start] != '[' {
		return nil, unexpectedToken(text, start)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err := decoder.Decode(&value)
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		return nil, unexpectedToken(text, int(syntax.Offset)-1)
	case err != nil: // io.EOF or io.ErrUnexpectedEOF
		return nil, "Unexpected end of JSON input"
	}
	end := int(decoder.InputOffset())
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		after := end + len(text[end:]) - len(bytes.TrimLeft(text[end:], " \t\r\n"))
		return nil, "Unexpected non-whitespace character after JSON at position " + strconv.Itoa(after)
	}
	return value, ""
}

// unexpectedToken quotes the character that should not be there, with some of what is around it.
func unexpectedToken(text []byte, at int) string {
	const around = 10
	if at < 0 || at >= len(text) {
		return "Unexpected end of JSON input"
	}
	from, to, before, after := 0, len(text), "", ""
	if len(text) > 2*around {
		if at >= around {
			from, before = at-around, "..."
		}
		if at < len(text)-around {
			to, after = at+around, "..."
		}
	}
	token, _ := utf8.DecodeRune(text[at:])
	return "Unexpected token '" + string(token) + `', ` + before + `"` + string(text[from:to]) + `"` + after + " is not valid JSON"
}

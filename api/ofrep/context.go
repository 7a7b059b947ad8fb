package ofrep

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/openfeature"
	"github.com/pennonhq/pennon/token"
)

// targetingKey is what OpenFeature knows the subject of an evaluation by.
const targetingKey = "targetingKey"

// maxNesting bounds how deep objects in a context are looked into.
const maxNesting = 8

// readContext reads the request's context. A failure has been answered.
//
// The targetingKey is Unleash's userId, unless the context has a userId of its own. The other fields Unleash knows keep
// their names; everything else becomes a property: nested objects by their path ("user.plan"), lists of scalars joined by
// commas. The environment is the token's, unless the context names one to compare with: that never selects other flags.
func (h *Handler) readContext(w http.ResponseWriter, r *http.Request, key string) (c eval.Context, ok bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, h.config.BodyLimit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		writeFailure(w, http.StatusRequestEntityTooLarge, failure{Details: "The request body is too large."})
		return c, false
	case err != nil:
		writeFailure(w, http.StatusBadRequest, failure{Key: key, Code: codeParse, Details: "The request body could not be read."})
		return c, false
	}
	body = bytes.TrimSpace(body)
	if len(body) > 0 && !acceptable(r.Header.Get("Content-Type")) {
		writeFailure(w, http.StatusUnsupportedMediaType, failure{Details: "The request body must be application/json."})
		return c, false
	}
	code, details := parseRequest(body, &c)
	if code != "" {
		writeFailure(w, http.StatusBadRequest, failure{Key: key, Code: code, Details: details})
		return c, false
	}
	known := api.TokenFrom(r.Context())
	if c.Environment == "" {
		c.Environment = known.Scope.Environment
	}
	if c.RemoteAddress == "" && known.Kind == token.Frontend {
		c.RemoteAddress = api.ClientIP(r)
	}
	return c, true
}

// acceptable reports whether a body of that type may be JSON. One without a type is taken for it.
func acceptable(contentType string) bool {
	if contentType == "" {
		return true
	}
	mediaType, _, err := mime.ParseMediaType(contentType)
	return err == nil && (mediaType == "application/json" ||
		strings.HasPrefix(mediaType, "application/") && strings.HasSuffix(mediaType, "+json"))
}

// parseRequest reads {"context":{…}}. Nothing at all is a context without fields.
func parseRequest(body []byte, c *eval.Context) (code, details string) {
	if len(body) == 0 {
		return "", ""
	}
	if !json.Valid(body) {
		return codeParse, "The request body is not valid JSON."
	}
	var request struct {
		Context json.RawMessage `json:"context"`
	}
	if json.Unmarshal(body, &request) != nil {
		return codeParse, "The request body must be an object."
	}
	if len(request.Context) == 0 || bytes.Equal(request.Context, []byte("null")) {
		return "", ""
	}
	if err := parseContext(request.Context, c); err != nil {
		return codeInvalidContext, "The context must be an object, and its properties too."
	}
	return "", ""
}

func parseContext(raw json.RawMessage, c *eval.Context) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	flat, properties := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	if nested, ok := fields["properties"]; ok && !bytes.Equal(nested, []byte("null")) {
		var given map[string]json.RawMessage
		if err := json.Unmarshal(nested, &given); err != nil {
			return err
		}
		flatten(properties, "", given, 1)
	}
	delete(fields, "properties")
	for name, value := range fields {
		if value[0] == '{' || value[0] == '[' {
			flatten(properties, "", map[string]json.RawMessage{name: value}, 0)
		} else {
			flat[name] = value
		}
	}
	if key, ok := flat[targetingKey]; ok {
		delete(flat, targetingKey)
		if user := flat["userId"]; len(user) == 0 || bytes.Equal(user, []byte("null")) || bytes.Equal(user, []byte(`""`)) {
			flat["userId"] = key
		}
		properties[targetingKey] = key
	}
	if len(properties) > 0 {
		encoded, err := json.Marshal(properties)
		if err != nil {
			return err
		}
		flat["properties"] = encoded
	}
	encoded, err := json.Marshal(flat)
	if err != nil {
		return err
	}
	return json.Unmarshal(encoded, c)
}

// flatten puts what a context holds in objects and lists under their paths.
func flatten(into map[string]json.RawMessage, prefix string, fields map[string]json.RawMessage, depth int) {
	for name, value := range fields {
		switch path := prefix + name; value[0] {
		case '{':
			var nested map[string]json.RawMessage
			if depth < maxNesting && json.Unmarshal(value, &nested) == nil {
				flatten(into, path+".", nested, depth+1)
			}
		case '[':
			if joined, ok := join(value); ok {
				into[path] = joined
			}
		default:
			into[path] = value
		}
	}
}

// join writes a list of scalars as text.
func join(list json.RawMessage) (json.RawMessage, bool) {
	var members []json.RawMessage
	if json.Unmarshal(list, &members) != nil {
		return nil, false
	}
	texts := make([]string, 0, len(members))
	for _, member := range members {
		switch member[0] {
		case '{', '[':
			return nil, false
		case '"':
			var text string
			if json.Unmarshal(member, &text) != nil {
				return nil, false
			}
			texts = append(texts, text)
		default:
			texts = append(texts, string(member))
		}
	}
	return openfeature.Quote(strings.Join(texts, ",")), true
}

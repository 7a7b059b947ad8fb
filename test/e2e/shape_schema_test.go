package e2e

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// shapesFile holds what bodies of Unleash look like, as facts.
const shapesFile = "../../openapi/unleash-shapes.json"

// shapes are the schemas of Unleash's bodies by operation id, ready to validate.
type shapes struct {
	requests  map[string]*jsonschema.Schema
	responses map[string]map[string]*jsonschema.Schema // of success, by content type
}

// widen allows what Pennon tells on purpose beyond Unleash's shapes. Everything else must fit.
func widen(schemas map[string]any) {
	at := func(path ...string) map[string]any {
		node := schemas
		for _, name := range path {
			node = node[name].(map[string]any)
		}
		return node
	}
	// Unleash answers it, and does not say so.
	at("advancedPlaygroundEnvironmentFeatureSchema", "properties")["hasUnsatisfiedDependency"] = map[string]any{"type": "boolean"}
	// Documents carry what Unleash's lack: the bodies of segments, and strategy types. With the format unleash they do not.
	at("exportResultSchema", "properties")["strategyTypes"] = map[string]any{"type": "array"}
	delete(at("exportResultSchema", "properties", "segments", "items"), "additionalProperties")
	// Applications are forgotten or described by people, which is worth an event; Unleash has none for it.
	widenEvents(schemas["eventSchema"])
}

// correct sets right what Unleash 8.2.0 documents and does not do.
func correct(operations map[string]any) {
	for _, id := range []string{"toggleFeatureEnvironmentOn", "toggleFeatureEnvironmentOff"} {
		delete(operations[id].(map[string]any), "responses") // the answer is empty
	}
	answers := operations["getFeatureStrategies"].(map[string]any)["responses"].(map[string]any)["200"].(map[string]any)
	answers[jsonType] = map[string]any{"type": "array", "items": answers[jsonType]} // it is a list
}

// widenEvents adds Pennon's own event types to every list of event types under node.
func widenEvents(node any) {
	switch node := node.(type) {
	case map[string]any:
		if types, ok := node["enum"].([]any); ok && slices.Contains(types, any("feature-created")) {
			node["enum"] = append(types, "application-updated", "application-deleted")
		}
		for _, child := range node {
			widenEvents(child)
		}
	case []any:
		for _, child := range node {
			widenEvents(child)
		}
	}
}

// readShapes compiles the file. Every schema is checked as OpenAPI 3.0 means it: nullable counts, formats are asserted.
func readShapes(t *testing.T) *shapes {
	t.Helper()
	text, err := os.ReadFile(shapesFile)
	require.NoError(t, err)
	var document map[string]any
	require.NoError(t, json.Unmarshal(text, &document))
	widen(document["components"].(map[string]any)["schemas"].(map[string]any))
	correct(document["operations"].(map[string]any))
	document = modern(document).(map[string]any)

	const base = "file:///unleash.json"
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	require.NoError(t, compiler.AddResource(base, document))
	compile := func(pointer string) *jsonschema.Schema {
		schema, err := compiler.Compile(base + "#" + pointer)
		require.NoError(t, err, pointer)
		return schema
	}
	s := &shapes{requests: map[string]*jsonschema.Schema{}, responses: map[string]map[string]*jsonschema.Schema{}}
	for id, operation := range document["operations"].(map[string]any) {
		operation := operation.(map[string]any)
		if operation["request"] != nil {
			s.requests[id] = compile("/operations/" + id + "/request")
		}
		answers, _ := operation["responses"].(map[string]any)
		s.responses[id] = map[string]*jsonschema.Schema{}
		for status, content := range answers {
			for contentType := range content.(map[string]any) {
				escaped := jsonPointer.Replace(contentType)
				s.responses[id][contentType] = compile("/operations/" + id + "/responses/" + status + "/" + escaped)
			}
		}
	}
	return s
}

// modern turns schemas of OpenAPI 3.0 into JSON Schema: nullable becomes a type, discriminators are left out.
func modern(node any) any {
	switch node := node.(type) {
	case []any:
		for i := range node {
			node[i] = modern(node[i])
		}
	case map[string]any:
		for name, child := range node {
			node[name] = modern(child)
		}
		if d, ok := node["discriminator"].(map[string]any); ok && d["propertyName"] != nil {
			delete(node, "discriminator")
		}
		if node["nullable"] == true {
			delete(node, "nullable")
			return map[string]any{"anyOf": []any{node, map[string]any{"type": "null"}}}
		}
	}
	return node
}

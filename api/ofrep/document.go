package ofrep

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/openfeature"
)

// The schemas of the protocol, for the OpenAPI document only: bodies are read and written without them.
type (
	// EvaluationRequestSchema asks for an evaluation.
	EvaluationRequestSchema struct {
		Context map[string]any `json:"context,omitempty" doc:"targetingKey and any other fields"`
	}
	// EvaluationSchema is the answer for one flag. Without a value, the code's default counts.
	EvaluationSchema struct {
		Key          string   `json:"key"`
		Value        any      `json:"value,omitempty" doc:"Of the flag's type: boolean, string, integer, number or object"`
		Reason       string   `json:"reason,omitempty" enum:"STATIC,TARGETING_MATCH,SPLIT,DISABLED,DEFAULT"`
		Variant      string   `json:"variant,omitempty"`
		ErrorCode    string   `json:"errorCode,omitempty" enum:"PARSE_ERROR" doc:"Instead of a reason, where a variant has no value that can be read"`
		ErrorDetails string   `json:"errorDetails,omitempty"`
		Metadata     metadata `json:"metadata"`
	}
	// BulkEvaluationSchema is the answer for all flags.
	BulkEvaluationSchema struct {
		Flags        []EvaluationSchema  `json:"flags"`
		EventStreams []EventStreamSchema `json:"eventStreams,omitempty"`
	}
	// EventStreamSchema is a stream that tells when to evaluate again.
	EventStreamSchema struct {
		Type     string              `json:"type" enum:"sse"`
		Endpoint EventEndpointSchema `json:"endpoint"`
	}
	// EventEndpointSchema is where a stream is, on the origin of the request.
	EventEndpointSchema struct {
		RequestURI string `json:"requestUri" example:"/ofrep/v1/stream?ticket=AbC"`
	}
	// EvaluationFailureSchema says why there is no answer.
	EvaluationFailureSchema struct {
		Key          string `json:"key,omitempty"`
		ErrorCode    string `json:"errorCode,omitempty" enum:"PARSE_ERROR,INVALID_CONTEXT,FLAG_NOT_FOUND"`
		ErrorDetails string `json:"errorDetails,omitempty"`
	}
)

const group = "OpenFeature"

// Document describes the protocol in the OpenAPI document.
func Document(h huma.API) {
	failures := func(responses map[string]*huma.Response, statuses ...string) map[string]*huma.Response {
		for _, status := range statuses {
			responses[status] = api.JSONResponse[EvaluationFailureSchema](h, "See errorDetails")
		}
		responses["401"] = &huma.Response{Description: "No valid token; no body"}
		responses["403"] = &huma.Response{Description: "A token of another kind; no body"}
		return responses
	}
	body := api.JSONRequest[EvaluationRequestSchema](h)
	body.Required = false
	add(h, &huma.Operation{
		Method: http.MethodPost, Path: PathSingle, OperationID: "evaluateFlag",
		Summary:     "Evaluate one flag",
		Description: "OFREP 0.3, for servers: the context is another each time. Counts as usage of the flag.\n\nRequires a backend or a frontend token.",
		Parameters:  []*huma.Param{{Name: "key", In: "path", Required: true, Description: "The flag's name", Schema: &huma.Schema{Type: huma.TypeString}}},
		RequestBody: body,
		Responses: failures(map[string]*huma.Response{"200": api.JSONResponse[EvaluationSchema](h, "The answer")},
			"400", "404", "413", "415", "503"),
	})
	bulk := api.JSONResponse[BulkEvaluationSchema](h, "The answers")
	bulk.Headers = map[string]*huma.Param{"ETag": {Description: "Of everything that was evaluated", Schema: &huma.Schema{Type: huma.TypeString}}}
	add(h, &huma.Operation{
		Method: http.MethodPost, Path: PathBulk, OperationID: "evaluateFlags",
		Summary:     "Evaluate all flags",
		Description: "OFREP 0.3, for browsers: the context stays. eventStreams names a stream that tells when this context's answer has changed.\n\nRequires a frontend or a backend token.",
		Parameters: []*huma.Param{
			api.HeaderParam("If-None-Match", "The ETag of the answer the client has; 304 if it still holds."),
			floorParam("flagConfigEtag", "What an event named: nothing older is answered, as far as waiting a second helps."),
			floorParam("flagConfigLastModified", "Accepted; events of this server name no time."),
		},
		RequestBody: body,
		Responses: failures(map[string]*huma.Response{"200": bulk, "304": {Description: "What the client has still holds"}},
			"400", "413", "415", "503"),
	})
	add(h, &huma.Operation{
		Method: http.MethodGet, Path: PathStream, OperationID: "streamEvaluation",
		Summary:     "Changes of a context's answers",
		Description: "Server-Sent Events: data is {\"type\":\"refetchEvaluation\",\"etag\":…} whenever what was evaluated for the ticket's context has changed. Where there is no room, the stream ends at once and tells when to come back.",
		Parameters: []*huma.Param{
			{Name: "ticket", In: "query", Required: true, Description: "From eventStreams", Schema: &huma.Schema{Type: huma.TypeString}},
			api.HeaderParam("Last-Event-ID", "The id of the last event the client has seen."),
		},
		Responses: failures(map[string]*huma.Response{"200": {
			Description: "The stream",
			Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
		}}, "503"),
	})
	documentManifest(h)
}

func floorParam(name, description string) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
}

func documentManifest(h huma.API) {
	manifest := api.JSONResponse[openfeature.ManifestSchema](h, "The manifest")
	manifest.Headers = map[string]*huma.Param{openfeature.CapabilitiesHeader: {Description: "What the token may do: read, write, delete", Schema: &huma.Schema{Type: huma.TypeString}}}
	responses := map[string]*huma.Response{"200": manifest}
	for _, status := range []string{"401", "403", "404", "503"} {
		responses[status] = api.JSONResponse[openfeature.ManifestErrorSchema](h, "See error.message")
	}
	list := &huma.Param{
		Name: "project", In: "query", Description: "Only flags of these projects",
		Schema: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString}},
	}
	add(h, &huma.Operation{
		Method: http.MethodGet, Path: openfeature.PathManifest, OperationID: "getManifest",
		Summary:     "The flags and their types",
		Description: "Of this OpenFeature's tools generate typed accessors.\n\nRequires any token; what it sees decides, and an admin token names an environment.",
		Parameters: []*huma.Param{
			floorParam("environment", "With an admin token: whose variants decide on the types; development if there is one"), list,
		},
		Responses: responses,
	})
}

func add(h huma.API, o *huma.Operation) {
	o.Tags = []string{group}
	o.Extensions = map[string]any{"x-permission": []string{}}
	h.OpenAPI().AddOperation(o)
}

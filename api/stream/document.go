package stream

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/token"
)

// Document describes the streams in the OpenAPI document.
func Document(h huma.API) {
	parameters := append(api.SelectionParams(),
		api.HeaderParam("Last-Event-ID", "The id of the last message the client has applied. The stream then opens with what has changed since."),
		&huma.Param{
			Name: "lastEventId", In: "query", Schema: &huma.Schema{Type: huma.TypeString},
			Description: "The same, for clients that cannot set headers.",
		},
		api.HeaderParam("Unleash-Sdk-Type", "edge: ids are bare revisions, as Unleash Edge reads them."),
	)
	upgraded := &huma.Response{Description: "Each message is a text frame with event, id and data."}
	api.Document(h, &huma.Operation{
		Method: http.MethodGet, Path: PathEvents, OperationID: "streamFeatures", Tags: []string{"Client"},
		Summary: "Flag changes as they happen",
		Description: "Server-Sent Events: unleash-connected with what the client does not have, then unleash-updated with each change. " +
			"The data of both is what GET /api/client/delta answers. A request for an upgrade gets a WebSocket.",
		Parameters: parameters,
		Responses: map[string]*huma.Response{
			"200": {
				Description: "The stream. A comment comes at least every 24 seconds.",
				Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
			},
			"101": upgraded,
		},
	}, token.Client, http.StatusBadRequest, http.StatusTooManyRequests)
	api.Document(h, &huma.Operation{
		Method: http.MethodGet, Path: PathWebSocket, OperationID: "streamFeaturesWebSocket", Tags: []string{"Client"},
		Summary:     "Flag changes as they happen, over WebSocket",
		Description: "The messages of GET " + PathEvents + ". Close codes below 4500 ask the client to come back.",
		Parameters:  parameters,
		Responses:   map[string]*huma.Response{"101": upgraded},
	}, token.Client, http.StatusBadRequest, http.StatusTooManyRequests)
}

package link

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/token"
)

// Document describes the link in the OpenAPI document.
func Document(h huma.API) {
	api.Document(h, &huma.Operation{
		Method: http.MethodGet, Path: Path, OperationID: "linkEdge", Tags: []string{"Client"},
		Summary: "The link of an edge, over WebSocket",
		Description: "Carries the changes of all scopes of an edge behind one cursor, and what becomes of tokens. " +
			"Any backend token opens it; each scope comes with its own. docs/protocol.md describes the frames.",
		Parameters: []*huma.Param{
			api.HeaderParam("Unleash-Connection-Id", "What the link is called in reports on the fleet; drawn if there is none."),
		},
		Responses: map[string]*huma.Response{"101": {Description: "Each message is a text frame with one JSON object, whose type says what it is."}},
	}, token.Client, http.StatusBadRequest, http.StatusTooManyRequests)
}

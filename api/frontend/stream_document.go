package frontend

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/token"
)

// TicketSchema is the answer to a request for a ticket.
type TicketSchema issued

// StreamContextSchema is what a stream or a ticket is asked for with.
type StreamContextSchema struct {
	Context map[string]any `json:"context,omitempty" doc:"The context, as POST /api/frontend takes it."`
	Toggles []string       `json:"toggles,omitempty" doc:"Only these flags; none: all."`
}

// DocumentStreams describes the streams in the OpenAPI document.
func DocumentStreams(h huma.API) {
	const events = "First the event hydration with all flags that are on for the context, as GET /api/frontend answers; then, " +
		"whenever flags or time change the answer for this context, the event update with the flags that changed " +
		"(updated) and the names of those that are no longer on (removed)."
	text := func(name, description string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	parameters := []*huma.Param{
		text(paramTicket, "Instead of an Authorization header and a context: what POST "+PathTicket+" answered."),
		text("userId", "Fields of the context: userId, sessionId, appName, properties[name] and any other name."),
		api.HeaderParam("Last-Event-ID", "The id of the last event the client has applied. The stream then opens with what has changed since."),
		text(paramLastEventID, "The same, for clients that cannot set headers."),
	}
	answers := func() map[string]*huma.Response {
		return map[string]*huma.Response{
			"200": {
				Description: "The stream. A comment comes at least every 24 seconds.",
				Content:     map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}},
			},
			"101": {Description: "Each message is a text frame with event, id and data."},
		}
	}
	body := func() *huma.RequestBody {
		schema := h.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[StreamContextSchema](), true, "StreamContextSchema")
		return &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Schema: schema}}}
	}
	api.Document(h, &huma.Operation{
		Method: http.MethodGet, Path: PathStream, OperationID: "streamFrontendFeatures", Tags: []string{tagFrontend},
		Summary: "Flags of a context, pushed", Description: "Server-Sent Events. " + events, Parameters: parameters, Responses: answers(),
	}, token.Frontend, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests)
	posted := answers()
	delete(posted, "101")
	api.Document(h, &huma.Operation{
		Method: http.MethodPost, Path: PathStream, OperationID: "streamPostedFrontendFeatures", Tags: []string{tagFrontend},
		Summary: "Flags of a context, pushed", Description: "GET " + PathStream + " for clients that can send the context in a body. " + events,
		RequestBody: body(), Responses: posted,
	}, token.Frontend, http.StatusTooManyRequests)
	upgraded := answers()
	delete(upgraded, "200")
	api.Document(h, &huma.Operation{
		Method: http.MethodGet, Path: PathWebSocket, OperationID: "streamFrontendFeaturesWebSocket", Tags: []string{tagFrontend},
		Summary:     "Flags of a context, pushed over WebSocket",
		Description: "The messages of GET " + PathStream + ". Close codes below 4500 ask the client to come back.",
		Parameters:  parameters, Responses: upgraded,
	}, token.Frontend, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests)
	api.Document(h, &huma.Operation{
		Method: http.MethodPost, Path: PathTicket, OperationID: "createFrontendStreamTicket", Tags: []string{tagFrontend},
		Summary: "A ticket for a stream",
		Description: "For EventSource, which sends neither headers nor a body. The ticket opens streams for ten minutes; it is opaque, and " +
			"what is in it can be read by the servers of this instance only.",
		RequestBody: body(),
		Responses:   map[string]*huma.Response{"200": api.JSONResponse[TicketSchema](h, "The ticket")},
	}, token.Frontend)
}

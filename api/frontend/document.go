package frontend

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/client"
	"github.com/pennonhq/pennon/token"
)

const tagFrontend = "Frontend API"

// Document describes the routes of Register in the OpenAPI document, without the aliases.
func Document(h huma.API) {
	tagged := map[string]*huma.Param{"ETag": {Description: "What to send as If-None-Match next", Schema: &huma.Schema{Type: huma.TypeString}}}
	found := func() map[string]*huma.Response {
		response := api.JSONResponse[frontendAPIFeaturesSchema](h, "The flags.")
		response.Headers = tagged
		return map[string]*huma.Response{"200": response, "304": {Description: "The answer is the one the caller has.", Headers: tagged}}
	}
	const (
		off    = "Flags that are off are listed, too. Must be enabled by configuration."
		post   = "The context is in the body: inside `context`, or flat. With `toggles`, only these flags are answered for."
		either = "A frontend token is meant to be public: the answer has results only, never a rule."
	)
	one := func() map[string]*huma.Response {
		return map[string]*huma.Response{"200": api.JSONResponse[frontendAPIFeatureSchema](h, "The flag.")}
	}
	name := &huma.Param{Name: "name", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}
	read := func(method, path, id, summary, description string, responses map[string]*huma.Response, statuses ...int) {
		o := &huma.Operation{
			Method: method, Path: path, OperationID: id, Tags: []string{tagFrontend}, Summary: summary, Description: description,
			Parameters: selectionParams(), Responses: responses,
		}
		if path == "/api/frontend/features/{name}" {
			o.Parameters = []*huma.Param{name}
		}
		if method == http.MethodGet {
			o.Parameters = append(o.Parameters, contextParams()...)
		} else {
			o.RequestBody = api.JSONRequest[frontendAPIFeaturesPostSchema](h)
			o.RequestBody.Required = false
		}
		o.Parameters = append(o.Parameters, api.HeaderParam("If-None-Match", "The ETag of the answer the caller has."))
		api.Document(h, o, token.Frontend, append(statuses, http.StatusBadRequest)...)
	}
	read(http.MethodGet, "/api/frontend", "getFrontendFeatures", "Flags that are on for a context", either, found())
	read(http.MethodPost, "/api/frontend", "getFrontendApiFeaturesWithPost", "Flags that are on for a context", post, found())
	read(http.MethodGet, "/api/frontend/all", "getAllFrontendFeatures", "All flags, for a context", off, found(), http.StatusNotFound)
	read(http.MethodPost, "/api/frontend/all", "getAllFrontendFeaturesWithPost", "All flags, for a context", off+" "+post, found(), http.StatusNotFound)
	read(http.MethodGet, "/api/frontend/features/{name}", "getFrontendFeature", "One flag, for a context", either, one(), http.StatusNotFound)
	read(http.MethodPost, "/api/frontend/features/{name}", "getFrontendFeatureWithPost", "One flag, for a context", either, one(), http.StatusNotFound)

	report := func(path, id, summary string, body *huma.RequestBody) {
		api.Document(h, &huma.Operation{
			Method: http.MethodPost, Path: path, OperationID: id, Tags: []string{tagFrontend}, Summary: summary, RequestBody: body,
			Description: "The environment is the token's.",
			Responses: map[string]*huma.Response{"200": {
				Description: "Taken; it is stored within seconds.",
				Content:     map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"OK"}}}},
			}},
		}, token.Frontend)
	}
	report("/api/frontend/client/metrics", "registerFrontendMetrics", "Report how often flags were asked for", client.MetricsRequest(h))
	report("/api/frontend/client/register", "registerFrontendClient", "Say that an application is there", client.RegisterRequest(h))
}

// selectionParams are those that select flags here.
func selectionParams() []*huma.Param {
	var params []*huma.Param
	for _, param := range api.SelectionParams() {
		if param.Name == paramPrefix || param.Name == paramTag {
			params = append(params, param)
		}
	}
	return params
}

// contextParams are the fields of the context.
func contextParams() []*huma.Param {
	var params []*huma.Param
	add := func(name, description string) {
		params = append(params, &huma.Param{Name: name, In: "query", Description: description, Schema: &huma.Schema{Type: huma.TypeString}})
	}
	add("userId", "Who asks.")
	add("sessionId", "The session; drawn by chance where there is none.")
	add("remoteAddress", "Where the request comes from; the caller's address where there is none.")
	add("appName", "Which application asks.")
	add("environment", "What constraints on the environment see. The flags are those of the token's environment.")
	add("currentTime", "What constraints on dates compare with, instead of now.")
	explode := true
	return append(params, &huma.Param{
		Name: "properties", In: "query", Style: "deepObject", Explode: &explode,
		Description: "Further fields, as properties[name]=value. Other parameters are taken as further fields, too.",
		Schema:      &huma.Schema{Type: huma.TypeObject, AdditionalProperties: &huma.Schema{Type: huma.TypeString}},
	})
}

type frontendAPIFeaturesSchema struct {
	Toggles []frontendAPIFeatureSchema `json:"toggles" nullable:"false"`
}

type frontendAPIFeatureSchema struct {
	Name           string                   `json:"name"`
	Enabled        bool                     `json:"enabled"`
	Variant        frontendAPIVariantSchema `json:"variant"`
	ImpressionData bool                     `json:"impressionData" doc:"Whether asking for the flag is to be told to analytics"`
}

type frontendAPIVariantSchema struct {
	Name             string                    `json:"name" doc:"disabled where there is none"`
	Payload          *frontendAPIPayloadSchema `json:"payload,omitempty"`
	Enabled          bool                      `json:"enabled" doc:"There is a variant"`
	FeatureEnabled   bool                      `json:"feature_enabled"`
	FeatureEnabledJS bool                      `json:"featureEnabled"`
}

type frontendAPIPayloadSchema struct {
	Type  string `json:"type" enum:"json,csv,string,number"`
	Value string `json:"value"`
}

type frontendAPIFeaturesPostSchema struct {
	Context *frontendAPIContextSchema `json:"context,omitempty"`
	Toggles []string                  `json:"toggles,omitempty" maxItems:"10000" nullable:"false" doc:"Only these flags; none: all"`
}

type frontendAPIContextSchema struct {
	UserID        string            `json:"userId,omitempty"`
	SessionID     string            `json:"sessionId,omitempty"`
	RemoteAddress string            `json:"remoteAddress,omitempty"`
	AppName       string            `json:"appName,omitempty"`
	Environment   string            `json:"environment,omitempty"`
	CurrentTime   string            `json:"currentTime,omitempty" format:"date-time"`
	Properties    map[string]string `json:"properties,omitempty"`
}

package client

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/token"
)

// Groups of the OpenAPI document.
const (
	tagClient = "Client"
	tagEdge   = "Unleash Edge"
)

// Document describes the routes of Register in the OpenAPI document.
func Document(h huma.API) {
	changed := map[string]*huma.Param{"ETag": {Description: "What to send as If-None-Match next", Schema: &huma.Schema{Type: huma.TypeString}}}
	unchanged := &huma.Response{Description: "The caller has the newest already.", Headers: changed}
	found := func(response *huma.Response) map[string]*huma.Response {
		response.Headers = changed
		return map[string]*huma.Response{"200": response, "304": unchanged}
	}
	ifNoneMatch := api.HeaderParam("If-None-Match", "The ETag of the answer the caller has.")
	clientSpec := api.HeaderParam("Unleash-Client-Spec", "The version of the client specification the SDK follows, as x.y.z. Without it, or below 4.2.0, "+
		"the constraints of segments are put into the strategies.")

	api.Document(h, &huma.Operation{
		Method: http.MethodGet, Path: "/api/client/features", OperationID: "getAllClientFeatures", Tags: []string{tagClient},
		Summary:     "All flags the token sees",
		Description: "Every flag of the token's projects in the token's environment, also those that are off.",
		Parameters:  append(api.SelectionParams(), clientSpec, ifNoneMatch),
		Responses:   found(api.JSONResponse[clientFeaturesSchema](h, "The flags.")),
	}, token.Client, http.StatusBadRequest)
	api.Document(h, &huma.Operation{
		Method: http.MethodGet, Path: "/api/client/features/{featureName}", OperationID: "getClientFeature", Tags: []string{tagClient},
		Summary:     "One flag",
		Description: "One flag as in the list of all, if the token sees it.",
		Parameters: append([]*huma.Param{{Name: "featureName", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}},
			append(api.SelectionParams(), clientSpec, ifNoneMatch)...),
		Responses: found(api.JSONResponse[clientFeatureSchema](h, "The flag.")),
	}, token.Client, http.StatusBadRequest, http.StatusNotFound)
	api.Document(h, &huma.Operation{
		Method: http.MethodGet, Path: "/api/client/delta", OperationID: "getDelta", Tags: []string{tagClient},
		Summary:     "What has changed since the caller asked last",
		Description: "The changes after the revision in If-None-Match, or everything (a hydration) if that revision is not known.",
		Parameters:  append(api.SelectionParams(), ifNoneMatch),
		Responses:   found(api.JSONResponse[clientFeaturesDeltaSchema](h, "The changes.")),
	}, token.Client, http.StatusBadRequest)

	api.Document(h, &huma.Operation{
		Method: http.MethodPost, Path: "/api/client/register", OperationID: "registerClientApplication", Tags: []string{tagClient},
		Summary:     "Say that an application is there",
		Description: "SDKs send this once when they start. The environment is the token's.",
		RequestBody: RegisterRequest(h),
		Responses:   accepted(),
	}, token.Client)
	api.Document(h, &huma.Operation{
		Method: http.MethodPost, Path: "/api/client/metrics", OperationID: "registerClientMetrics", Tags: []string{tagClient},
		Summary:     "Report how often flags were asked for",
		Description: "Counts since the SDK's last report. Without a bucket it is a sign of life. The environment is the token's." + named,
		RequestBody: MetricsRequest(h),
		Responses:   accepted(),
	}, token.Client)
	api.Document(h, &huma.Operation{
		Method: http.MethodPost, Path: "/api/client/metrics/bulk", OperationID: "clientBulkMetrics", Tags: []string{tagEdge},
		Summary:     "Report for several applications",
		Description: "What an edge has collected from the SDKs it serves. What concerns other environments than the token's is left out." + named,
		RequestBody: api.JSONRequest[bulkMetricsSchema](h),
		Responses:   accepted(),
	}, token.Client)
	api.Document(h, &huma.Operation{
		Method: http.MethodPost, Path: "/api/client/metrics/edge", OperationID: "edgeInstanceData", Tags: []string{tagEdge},
		Summary: "Tell what an edge is doing",
		Description: "What an edge tells of itself and of the edges behind it, every minute. Only identifier and appName are required, and " +
			"what is of another type than expected is ignored.",
		RequestBody: api.JSONRequest[edgeInstanceDataSchema](h),
		Responses:   map[string]*huma.Response{"202": {Description: "Taken."}},
	}, token.Client, http.StatusTooManyRequests)
}

// named tells of HeaderReport.
const named = " A report with the header `Pennon-Report: <sender>.<number>` is counted once, however often it is sent: the sender " +
	"is 32 hexadecimal digits, its numbers rise. It is stored before it is answered, and 503 asks for it again."

// DocumentEdge describes the route of RegisterEdge in the OpenAPI document.
func DocumentEdge(h huma.API) {
	api.Document(h, &huma.Operation{
		Method: http.MethodPost, Path: "/edge/validate", OperationID: "getValidTokens", Tags: []string{tagEdge},
		Summary:     "Which of these tokens are valid",
		Description: "Needs no credential: whoever holds a token may know what it sees. Tokens that are not valid are left out.",
		RequestBody: api.JSONRequest[tokenStringListSchema](h),
		Responses:   map[string]*huma.Response{"200": api.JSONResponse[validatedEdgeTokensSchema](h, "The valid tokens.")},
	}, "", http.StatusServiceUnavailable)
}

// RegisterRequest describes the body that Reports.Register takes.
func RegisterRequest(h huma.API) *huma.RequestBody {
	return api.JSONRequest[clientApplicationSchema](h)
}

// MetricsRequest describes the body that Reports.Metrics takes.
func MetricsRequest(h huma.API) *huma.RequestBody { return api.JSONRequest[clientMetricsSchema](h) }

func accepted() map[string]*huma.Response {
	return map[string]*huma.Response{"202": {Description: "Taken; it is stored within seconds."}}
}

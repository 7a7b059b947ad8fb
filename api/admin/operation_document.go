package admin

import (
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/idempotency"
)

// registered is the operation in the document, which huma has completed.
func registered(h huma.API, o huma.Operation) *huma.Operation {
	return operationOf(h.OpenAPI().Paths[o.Path], o.Method)
}

func operationOf(item *huma.PathItem, method string) *huma.Operation {
	return map[string]*huma.Operation{get: item.Get, post: item.Post, put: item.Put, patch: item.Patch, remove: item.Delete}[method]
}

// documentReadVersion says that a read answers with a tag.
func documentReadVersion(h huma.API, o huma.Operation, resource versioned) {
	known := registered(h, o)
	known.Parameters = append(known.Parameters, api.HeaderParam(fieldNone, "The tag of an answer that the caller has. Where it is still right the answer is 304."))
	tag := responseHeader("The version of the "+resource.Name()+". Send it as If-Match with a change to it.", huma.TypeString)
	setHeader(known.Responses[strconv.Itoa(http.StatusOK)], fieldETag, tag)
	known.Responses[strconv.Itoa(http.StatusNotModified)] = &huma.Response{
		Description: http.StatusText(http.StatusNotModified), Headers: map[string]*huma.Param{fieldETag: tag},
	}
}

// documentWrite says what a write makes of If-Match and Idempotency-Key.
func documentWrite(h huma.API, o huma.Operation, resource *versioned) {
	known := registered(h, o)
	success := known.Responses[strconv.Itoa(known.DefaultStatus)]
	if resource != nil {
		known.Parameters = append(known.Parameters, api.HeaderParam(fieldMatch,
			"The ETag that reading the "+resource.Name()+" gave. Where it has changed since, nothing is done and the answer is 412. "+
				"A list of tags, or * for any version."))
		setHeader(success, fieldETag, responseHeader("The new version of the "+resource.Name()+", where there still is one. Told to who sent If-Match or gets the thing itself.", huma.TypeString))
		known.Responses[strconv.Itoa(http.StatusPreconditionFailed)] = problem(h, http.StatusPreconditionFailed)
	}
	if o.Method != post && o.Method != patch {
		return
	}
	most := idempotency.MaxKeyLength
	known.Parameters = append(known.Parameters, &huma.Param{
		Name: fieldKey, In: "header", Schema: &huma.Schema{Type: huma.TypeString, MinLength: new(1), MaxLength: &most},
		Description: "Names the request, preferably by a UUID. Sent again with it within " +
			strconv.Itoa(int(idempotency.Retention.Hours())) + " hours, the request is not done again but answered as before; " +
			"with the key of another request it is refused with 422, and with 409 while the first one goes on.",
	})
	setHeader(success, fieldReplayed, responseHeader("Present where the answer is that of a request before.", huma.TypeBoolean))
	for _, status := range []int{http.StatusConflict, http.StatusUnprocessableEntity} {
		known.Responses[strconv.Itoa(status)] = problem(h, status)
	}
}

func problem(h huma.API, status int) *huma.Response {
	return api.JSONResponse[api.Problem](h, http.StatusText(status))
}

func responseHeader(description, kind string) *huma.Param {
	return &huma.Param{Description: description, Schema: &huma.Schema{Type: kind}}
}

func setHeader(response *huma.Response, name string, header *huma.Param) {
	if response.Headers == nil {
		response.Headers = map[string]*huma.Param{}
	}
	response.Headers[name] = header
}

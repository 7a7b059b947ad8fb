package api

import (
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/token"
)

// Document adds to the OpenAPI document an operation that is served on the Router and not by huma. It completes o with who
// may call it (kind; empty: anybody) and with the answers to a request that fails with one of statuses.
func Document(h huma.API, o *huma.Operation, kind token.Kind, statuses ...int) {
	o.Extensions = map[string]any{"x-permission": []string{}}
	if kind == "" {
		o.Security = []map[string][]string{}
	} else {
		o.Description = strings.TrimSpace(o.Description + "\n\nRequires " + article(kindName(kind)) + " token.")
		statuses = append(statuses, http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable)
	}
	if o.RequestBody != nil {
		statuses = append(statuses, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	for _, status := range statuses {
		response := JSONResponse[Problem](h, http.StatusText(status))
		if status == http.StatusServiceUnavailable || status == http.StatusTooManyRequests {
			response.Headers = map[string]*huma.Param{"Retry-After": {Description: "Seconds to wait", Schema: &huma.Schema{Type: huma.TypeInteger}}}
		}
		o.Responses[strconv.Itoa(status)] = response
	}
	h.OpenAPI().AddOperation(o)
}

// JSONResponse describes a response with a T.
func JSONResponse[T any](h huma.API, description string) *huma.Response {
	return &huma.Response{Description: description, Content: jsonContent[T](h)}
}

// JSONRequest describes a body with a T, which must be sent.
func JSONRequest[T any](h huma.API) *huma.RequestBody {
	return &huma.RequestBody{Required: true, Content: jsonContent[T](h)}
}

func jsonContent[T any](h huma.API) map[string]*huma.MediaType {
	t := reflect.TypeFor[T]()
	return map[string]*huma.MediaType{"application/json": {Schema: h.OpenAPI().Components.Schemas.Schema(t, true, t.Name())}}
}

// SelectionParams are the parameters that select from the flags a token sees. All reads of flags take them.
func SelectionParams() []*huma.Param {
	list := func(name, description, pattern string) *huma.Param {
		explode := true
		return &huma.Param{
			Name: name, In: "query", Description: description, Explode: &explode,
			Schema: &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Pattern: pattern}},
		}
	}
	return []*huma.Param{
		{Name: "namePrefix", In: "query", Description: "Only flags whose names begin so.", Schema: &huma.Schema{Type: huma.TypeString}},
		list("project", "Only flags of these projects; ignored when the token names projects itself.", ""),
		list("tag", "Only flags with one of these tags, written type:value.", `^\w+:.+$`),
	}
}

// HeaderParam is a request header that may be left out.
func HeaderParam(name, description string) *huma.Param {
	return &huma.Param{Name: name, In: "header", Description: description, Schema: &huma.Schema{Type: huma.TypeString}}
}

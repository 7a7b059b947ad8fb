package api

import (
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// openAPIPath is where the OpenAPI document is served, in several forms.
const openAPIPath = "/docs/openapi"

// schemaPrefix begins references to schemas of the document.
const schemaPrefix = "#/components/schemas/"

// openAPIForms are the forms of the document by what comes after openAPIPath.
var openAPIForms = map[string]struct {
	contentType string
	encode      func(*huma.OpenAPI) ([]byte, error)
}{
	".json":     {"application/openapi+json", (*huma.OpenAPI).MarshalJSON},
	"-3.0.json": {"application/openapi+json", (*huma.OpenAPI).Downgrade},
	".yaml":     {"application/openapi+yaml", (*huma.OpenAPI).YAML},
	"-3.0.yaml": {"application/openapi+yaml", (*huma.OpenAPI).DowngradeYAML},
}

// serveDescription serves the document of what Config.Describe makes, each form made once, when it is first asked for.
func (a *API) serveDescription() {
	for suffix, form := range openAPIForms {
		text := sync.OnceValues(func() ([]byte, error) { return form.encode(a.config.Describe().Huma.OpenAPI()) })
		a.Router.Get(openAPIPath+suffix, func(w http.ResponseWriter, r *http.Request) {
			document, err := text()
			if err != nil {
				WriteProblem(w, r, err)
				return
			}
			w.Header().Set("Content-Type", form.contentType)
			_, _ = w.Write(document) // the client may have gone
		})
	}
}

// Forget lets go of what was registered only to describe the API, where Config.Describe makes it anew: several megabytes,
// of which requests need the schemas of their bodies alone. Nothing can be registered after it.
func (a *API) Forget() {
	if a.config.Describe == nil {
		return
	}
	document := a.Huma.OpenAPI()
	schemas := document.Components.Schemas
	needed := map[string]bool{}
	for _, item := range document.Paths {
		for _, operation := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Options, item.Head, item.Patch, item.Trace} {
			if operation == nil {
				continue
			}
			if operation.RequestBody != nil {
				for _, content := range operation.RequestBody.Content {
					need(schemas, content.Schema, needed)
				}
			}
			for _, parameter := range operation.Parameters {
				need(schemas, parameter.Schema, needed)
			}
			operation.Responses, operation.Parameters = nil, nil
		}
	}
	document.Paths = nil
	for name := range schemas.Map() {
		if !needed[name] {
			delete(schemas.Map(), name)
		}
	}
}

// need notes the names of all schemas that one refers to.
func need(schemas huma.Registry, s *huma.Schema, needed map[string]bool) {
	if s == nil {
		return
	}
	if s.Ref != "" {
		target := schemas.SchemaFromRef(s.Ref)
		name := s.Ref[len(schemaPrefix):]
		if !needed[name] {
			needed[name] = true
			need(schemas, target, needed)
		}
	}
	need(schemas, s.Items, needed)
	need(schemas, s.Not, needed)
	for _, property := range s.Properties {
		need(schemas, property, needed)
	}
	for _, several := range [][]*huma.Schema{s.OneOf, s.AnyOf, s.AllOf} {
		for _, one := range several {
			need(schemas, one, needed)
		}
	}
	if additional, ok := s.AdditionalProperties.(*huma.Schema); ok {
		need(schemas, additional, needed)
	}
}

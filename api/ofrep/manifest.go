package ofrep

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"slices"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/openfeature"
	"github.com/pennonhq/pennon/token"
)

// manifest answers GET /openfeature/v0/manifest: the flags of the token's scope. Admin tokens name an environment and, if
// they want only one, a project.
func (h *Handler) manifest(w http.ResponseWriter, r *http.Request) {
	known := api.TokenFrom(r.Context())
	scope, err := h.manifestScope(known, r)
	if err != nil {
		api.WriteProblem(w, r, err)
		return
	}
	state := h.config.Store.State(scope.Environment)
	switch {
	case state == nil && known.Kind == token.Admin && h.config.Store.Ready():
		api.WriteProblem(w, r, fault.New(fault.NotFound, "There is no environment %q.", scope.Environment))
		return
	case state == nil:
		api.WriteProblem(w, r, fault.New(fault.Unavailable, "The flags of this environment are not loaded yet. Try again."))
		return
	}
	set, loaded := h.config.Flags.Evaluate(evaluation.Request{Scope: scope}, nil)
	if !loaded {
		api.WriteProblem(w, r, fault.New(fault.Unavailable, "The flags of this environment are not loaded yet. Try again."))
		return
	}
	manifest := openfeature.ManifestSchema{Flags: make([]openfeature.ManifestFlagSchema, 0, set.Len())}
	for toggle := range set.Toggles() {
		manifest.Flags = append(manifest.Flags, openfeature.Describe(toggle.Feature))
	}
	w.Header().Set(openfeature.CapabilitiesHeader, capabilitiesOf(known.Kind))
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(manifest); err != nil {
		api.WriteProblem(w, r, err)
		return
	}
	api.WriteCompressible(w, r, body.Bytes())
}

func capabilitiesOf(kind token.Kind) string {
	if kind == token.Admin {
		return openfeature.Capabilities
	}
	return openfeature.CapabilitiesRead
}

// manifestScope is what the token sees, narrowed to the projects that are asked for. An admin token sees everything.
func (h *Handler) manifestScope(known *token.Token, r *http.Request) (token.Scope, error) {
	query := r.URL.Query()
	scope := known.Scope
	if environment := query.Get("environment"); known.Kind == token.Admin {
		scope = token.NewScope(cmp.Or(environment, h.usualEnvironment()), token.All)
	} else if environment != "" && environment != scope.Environment {
		return scope, fault.New(fault.Denied, "This token sees the environment %q only.", scope.Environment)
	}
	projects := query["project"]
	if len(projects) == 0 {
		return scope, nil
	}
	for _, project := range projects {
		if !scope.Sees(project) {
			return scope, fault.New(fault.Denied, "This token does not see the project %q.", project)
		}
	}
	return token.NewScope(scope.Environment, projects...), nil
}

// usualEnvironment is the one for an admin token that names none.
func (h *Handler) usualEnvironment() string {
	environments := h.config.Store.Environments()
	if len(environments) == 0 || slices.Contains(environments, openfeature.DefaultEnvironment) {
		return openfeature.DefaultEnvironment
	}
	return environments[0]
}

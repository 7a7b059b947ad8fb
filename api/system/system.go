// Package system serves what operators ask of any role: is the process up (/health), can it serve (/ready).
//
// It knows no SQL and no flag; readiness comes from checks the role hands in. It may import api.
package system

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/pennonhq/pennon/api"
)

// checkTimeout bounds one readiness check: orchestrators ask often and give up fast.
const checkTimeout = time.Second

// Check is one condition for being ready.
type Check struct {
	Name string
	// Ready returns nil, or why the role cannot serve now. It must return when ctx is done.
	Ready func(ctx context.Context) error
}

// HealthCheckSchema is the body of both answers, as Unleash has it, and what is wrong when something is.
type HealthCheckSchema struct {
	Health string            `json:"health"`
	Checks map[string]string `json:"checks,omitempty"`
}

// The values of HealthCheckSchema.Health.
const (
	Good = "GOOD"
	Bad  = "BAD"
)

// Register adds GET /health and GET /ready.
func Register(a *api.API, checks ...Check) {
	a.Router.Get("/health", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusOK, HealthCheckSchema{Health: Good}) })
	a.Router.Get("/ready", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		defer cancel()
		failed := map[string]string{}
		for _, check := range checks {
			if err := check.Ready(ctx); err != nil {
				failed[check.Name] = err.Error()
			}
		}
		if len(failed) > 0 {
			write(w, http.StatusServiceUnavailable, HealthCheckSchema{Health: Bad, Checks: failed})
			return
		}
		write(w, http.StatusOK, HealthCheckSchema{Health: Good})
	})
	if a.Config().Describe == nil {
		document(a.Huma)
	}
}

func write(w http.ResponseWriter, status int, body HealthCheckSchema) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

var statusType = reflect.TypeFor[HealthCheckSchema]()

// document describes the two in the OpenAPI document; they are served directly, so that they work when little else does.
func document(h huma.API) {
	schema := h.OpenAPI().Components.Schemas.Schema(statusType, true, "healthCheckSchema")
	content := map[string]*huma.MediaType{"application/json": {Schema: schema}}
	none := []map[string][]string{}
	h.OpenAPI().AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: "/health", OperationID: "getHealth", Tags: []string{"Operational"},
		Summary: "Is the process up?", Description: "Answers without asking the database.",
		Security: none, Extensions: map[string]any{"x-permission": []string{}},
		Responses: map[string]*huma.Response{"200": {Description: "It is.", Content: content}},
	})
	h.OpenAPI().AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: "/ready", OperationID: "getReady", Tags: []string{"Operational"},
		Summary: "Can it serve?", Description: "Checks that flags are loaded and that the database answers.",
		Security: none, Extensions: map[string]any{"x-permission": []string{}},
		Responses: map[string]*huma.Response{
			"200": {Description: "It can.", Content: content},
			"503": {Description: "It cannot; checks tells why.", Content: content},
		},
	})
}

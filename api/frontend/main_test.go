package frontend_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/api/frontend"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

const environment = "development"

// tokens is the token check of the tests: the secret is the key.
type tokens map[string]*token.Token

func (t tokens) Token(_ context.Context, secret string) (*token.Token, error) {
	if known := t[secret]; known != nil {
		return known, nil
	}
	return nil, fault.New(fault.Unauthenticated, "unknown")
}

// server is the frontend API over a store.
type server struct {
	handler http.Handler
	usage   *usage.Buffer
}

func newServer(t testing.TB, store *replica.Store, trust string) *server {
	t.Helper()
	known := tokens{
		"all":     {ID: "1", Kind: token.Frontend, Scope: token.NewScope(environment, "*")},
		"default": {ID: "2", Kind: token.Frontend, Scope: token.NewScope(environment, "default")},
		"gone":    {ID: "3", Kind: token.Frontend, Scope: token.NewScope("gone", "*")},
		"backend": {ID: "4", Kind: token.Client, Scope: token.NewScope(environment, "*")},
	}
	trusted, err := api.ParseTrust(trust)
	require.NoError(t, err)
	surface := api.New(api.Config{TrustProxy: trusted}, slog.New(slog.DiscardHandler))
	for _, prefix := range frontend.Prefixes {
		surface.Guard(prefix, api.RequireToken(known, token.Frontend))
		surface.Guard(prefix, api.CORS{Origins: api.NewOrigins("*")}.Middleware)
	}
	s := &server{handler: surface, usage: usage.NewBuffer()}
	frontend.Register(surface.Router, frontend.Dependencies{Flags: evaluation.New(store), Usage: s.usage, All: true})
	return s
}

// do sends a request with header pairs.
func (s *server) do(t testing.TB, method, path, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "all")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func (s *server) get(t testing.TB, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	return s.do(t, http.MethodGet, path, "", header...)
}

// toggle is one flag of an answer.
type toggle struct {
	Name           string             `json:"name"`
	Enabled        bool               `json:"enabled"`
	Variant        eval.VariantResult `json:"variant"`
	ImpressionData bool               `json:"impressionData"`
}

func togglesOf(t testing.TB, w *httptest.ResponseRecorder) map[string]toggle {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var answer struct{ Toggles []toggle }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	byName := map[string]toggle{}
	for _, one := range answer.Toggles {
		byName[one.Name] = one
	}
	return byName
}

func namesOf(t testing.TB, w *httptest.ResponseRecorder) []string {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var answer struct{ Toggles []toggle }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	names := []string{}
	for _, one := range answer.Toggles {
		names = append(names, one.Name)
	}
	return names
}

func newStore(features ...replica.Feature) *replica.Store {
	store := replica.NewStore(slog.New(slog.DiscardHandler))
	store.Reset(replica.Snapshot{
		Log:          []replica.Row{{Revision: 1, Mark: 1, Kind: replica.KindResync}},
		Environments: map[string][]replica.Feature{environment: features},
	})
	return store
}

func flag(name, project string, strategies ...eval.Strategy) replica.Feature {
	return replica.Feature{Feature: eval.Feature{Name: name, Project: project, Enabled: true, Strategies: strategies}}
}

func onlyIf(field string, values ...string) eval.Strategy {
	return eval.Strategy{Name: "default", Constraints: []eval.Constraint{{ContextName: field, Operator: "IN", Values: values}}}
}

// requireText compares every byte, where JSON may not be written differently.
func requireText(t testing.TB, want string, got *httptest.ResponseRecorder) {
	t.Helper()
	require.Equal(t, want, got.Body.String())
}

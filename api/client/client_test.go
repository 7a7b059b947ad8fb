package client

import (
	"compress/gzip"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

// tokens is the token check of the tests: the secret is the key.
type tokens map[string]*token.Token

func (t tokens) Token(_ context.Context, secret string) (*token.Token, error) {
	if known := t[secret]; known != nil {
		return known, nil
	}
	return nil, fault.New(fault.Unauthenticated, "unknown")
}

func clientToken(id, environment string, projects ...string) *token.Token {
	return &token.Token{ID: id, Kind: token.Client, Scope: token.NewScope(environment, projects...)}
}

// server is the client API over a store.
type server struct {
	store   *replica.Store
	handler http.Handler
}

func newServer(t testing.TB, snapshot *replica.Snapshot) *server {
	t.Helper()
	return newServerWith(t, snapshot, nil)
}

// newServerWith tells a registry who polls.
func newServerWith(t testing.TB, snapshot *replica.Snapshot, polls *fleet.Registry) *server {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	s := &server{store: replica.NewStore(logger)}
	if snapshot != nil {
		s.store.Reset(*snapshot)
	}
	known := tokens{
		"default":  clientToken("1", "development", "default"),
		"all":      clientToken("2", "development", "*"),
		"two":      clientToken("3", "development", "default", "p2"),
		"nowhere":  clientToken("4", "gone", "*"),
		"frontend": {ID: "5", Kind: token.Frontend, Scope: token.NewScope("development", "*")},
	}
	surface := api.New(api.Config{}, logger)
	surface.Guard("/api/client", api.RequireToken(known, token.Client))
	Register(surface.Router, Dependencies{Store: s.store, Polls: polls})
	s.handler = surface
	return s
}

// get sends a request with header pairs.
func (s *server) get(t testing.TB, path, secret string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	return s.do(t, http.MethodGet, path, secret, header...)
}

func (s *server) do(t testing.TB, method, path, secret string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	r.Header.Set("Authorization", secret)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func unzip(t testing.TB, r io.Reader) string {
	t.Helper()
	unzipped, err := gzip.NewReader(r)
	require.NoError(t, err)
	text, err := io.ReadAll(unzipped)
	require.NoError(t, err)
	return string(text)
}

func text(s string) *string { return &s }

func rollout(group, percent, stickiness string) eval.Strategy {
	return eval.Strategy{Name: "flexibleRollout", Parameters: map[string]string{"groupId": group, "rollout": percent, "stickiness": stickiness}}
}

// recorded are the flags that the reference answers in golden_test.go were recorded with, and one more project.
func recorded() *replica.Snapshot {
	on, off := true, false
	features := []eval.Feature{
		{
			Name: "f1", Type: "release", Enabled: true, Project: "default", Description: text("d"), ImpressionData: true,
			Strategies: []eval.Strategy{
				rollout("g", "100", "userId"),
				{Name: "default", Variants: []eval.Variant{
					{Name: "a", Weight: 400, WeightType: "fix", Stickiness: "default"},
					{Name: "b", Weight: 600, WeightType: "variable", Stickiness: "default"},
				}},
				{Name: "default", Constraints: []eval.Constraint{{ContextName: "appName", Operator: "NUM_GT", Value: text("5")}}, Segments: []int{2}},
			},
			Dependencies: []eval.Dependency{{Feature: "parent1", Enabled: &on, Variants: []string{"a"}}},
		},
		{Name: "c2", Type: "release", Project: "default", Dependencies: []eval.Dependency{{Feature: "parent1", Enabled: &off}}},
		{
			Name: "f2", Type: "experiment", Enabled: true, Project: "default", Strategies: []eval.Strategy{rollout("f2", "100", "default")},
			Variants: []eval.Variant{{Name: "v1", Weight: 1000, WeightType: "variable", Stickiness: "default", Payload: &eval.Payload{Type: "number", Value: "abc"}}},
		},
		{Name: "parent1", Type: "release", Enabled: true, Project: "default", Strategies: []eval.Strategy{rollout("parent1", "100", "default")}},
		{Name: "secret", Type: "release", Project: "p2", Strategies: []eval.Strategy{{Name: "default", Segments: []int{1}}}},
	}
	snapshot := &replica.Snapshot{
		Log: []replica.Row{
			{Revision: 40, Mark: 4, Kind: replica.KindSetting, Entity: "seed"},
			{Revision: 45, Mark: 0xabc, Kind: replica.KindFeature, Entity: "f1", Environment: "development"},
			{Revision: 46, Mark: 0xdef, Kind: replica.KindFeature, Entity: "secret", Project: "p2"},
		},
		Environments: map[string][]replica.Feature{"development": nil, "production": nil},
		Segments: []eval.Segment{
			{ID: 1, Name: "seg1", Constraints: []eval.Constraint{{ContextName: "userId", Operator: "IN", Values: []string{"9"}}}},
			{ID: 2, Name: "segA", Constraints: []eval.Constraint{{ContextName: "userId", Operator: "IN", Values: []string{"1"}, Inverted: true, CaseInsensitive: true}}},
		},
	}
	for _, f := range features {
		feature := replica.Feature{Feature: f}
		if f.Name == "f2" {
			feature.Tags = []replica.Tag{{Type: "simple", Value: "t1"}}
		}
		snapshot.Environments["development"] = append(snapshot.Environments["development"], feature)
	}
	return snapshot
}

// touch changes the description of a flag in development.
func (s *server) touch(name, project string, revision int64, mark uint32) {
	s.store.Apply(replica.Delta{
		Rows: []replica.Row{{Revision: revision, Mark: mark, Kind: replica.KindFeature, Entity: name, Project: project}},
		Features: []replica.FeatureChange{{Environment: "development", Name: name, Revision: revision, Feature: &replica.Feature{
			Feature: eval.Feature{Name: name, Type: "release", Project: project, Description: text("changed")},
		}}},
	})
}

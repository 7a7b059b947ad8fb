package ofrep_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/sse"
)

// specificationCases is how many cases the client specification has.
const specificationCases = 279

type suite struct {
	State struct {
		Features []eval.Feature
		Segments []eval.Segment
		Events   []struct {
			Type        string
			Features    []eval.Feature
			Segments    []eval.Segment
			Feature     eval.Feature
			FeatureName string
			Segment     eval.Segment
			SegmentID   int
		}
	}
	Tests        []specified[bool]
	VariantTests []specified[eval.VariantResult]
}

type specified[T any] struct {
	Description    string
	Context        map[string]any
	ToggleName     string
	ExpectedResult T
}

// TestAnswersAreThoseOfTheClientSpecification asks for every case, one flag at a time and among all.
func TestAnswersAreThoseOfTheClientSpecification(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "..", "eval", "testdata", "client-specification")
	index, err := os.ReadFile(filepath.Join(folder, "index.json"))
	require.NoError(t, err)
	var files []string
	require.NoError(t, json.Unmarshal(index, &files))
	w := setup(t, sse.Config{})
	cases := 0
	for _, file := range files {
		data, err := os.ReadFile(filepath.Join(folder, file))
		require.NoError(t, err)
		var s suite
		require.NoError(t, json.Unmarshal(data, &s))
		s.replay()
		w.resetWith(s.State.Segments, s.State.Features...)
		for _, c := range s.Tests {
			for _, got := range w.ask(t, c.ToggleName, c.Context) {
				require.Equal(t, c.ExpectedResult, got.Metadata["feature_enabled"] == true, "%s: %s", file, c.Description)
				if got.Metadata["type"] == "boolean" {
					require.JSONEq(t, map[bool]string{true: "true", false: "false"}[c.ExpectedResult], string(got.Value))
				}
			}
		}
		for _, c := range s.VariantTests {
			for _, got := range w.ask(t, c.ToggleName, c.Context) {
				requireVariant(t, c.ExpectedResult, got, file+": "+c.Description)
			}
		}
		cases += len(s.Tests) + len(s.VariantTests)
	}
	require.Equal(t, specificationCases, cases, "no case may vanish unnoticed")
}

// replay brings a suite of the delta API to its end.
func (s *suite) replay() {
	for _, e := range s.State.Events {
		switch e.Type {
		case "hydration":
			s.State.Features, s.State.Segments = e.Features, e.Segments
		case "feature-updated":
			s.State.Features = append(slices.DeleteFunc(s.State.Features, func(f eval.Feature) bool { return f.Name == e.Feature.Name }), e.Feature)
		case "feature-removed":
			s.State.Features = slices.DeleteFunc(s.State.Features, func(f eval.Feature) bool { return f.Name == e.FeatureName })
		case "segment-updated":
			s.State.Segments = append(slices.DeleteFunc(s.State.Segments, func(x eval.Segment) bool { return x.ID == e.Segment.ID }), e.Segment)
		case "segment-removed":
			s.State.Segments = slices.DeleteFunc(s.State.Segments, func(x eval.Segment) bool { return x.ID == e.SegmentID })
		}
	}
}

// ask gives the single answer and the one among all. For a flag that is not there both are empty.
func (w *world) ask(t *testing.T, name string, context map[string]any) []answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"context": context})
	require.NoError(t, err)
	single := w.post(evaluate+"/"+url.PathEscape(name), string(body), "Authorization", "server")
	all := w.post(evaluate, string(body), "Authorization", "server").bulk(t)
	i := slices.IndexFunc(all.Flags, func(a answer) bool { return a.Key == name })
	if single.status == http.StatusNotFound {
		require.Negative(t, i)
		return []answer{{}, {}}
	}
	require.Equal(t, http.StatusOK, single.status, "%s: %s", name, single.body)
	require.GreaterOrEqual(t, i, 0, name)
	return []answer{single.answer(t), all.Flags[i]}
}

// requireVariant compares an answer with what an SDK's getVariant gives.
func requireVariant(t *testing.T, want eval.VariantResult, got answer, message string) {
	t.Helper()
	require.Equal(t, want.FeatureEnabled, got.Metadata["feature_enabled"] == true, message)
	require.Equal(t, want.Enabled, got.Variant != "", message)
	if !want.Enabled {
		return
	}
	require.Equal(t, want.Name, got.Variant, message)
	require.Equal(t, true, got.Metadata["enabled"], message)
	switch {
	case want.Payload == nil && got.Value != nil:
		require.JSONEq(t, `"`+want.Name+`"`, string(got.Value), message)
	case want.Payload == nil:
	case want.Payload.Type == "json" || want.Payload.Type == "number":
		require.JSONEq(t, want.Payload.Value, string(got.Value), message)
	default:
		var text string
		require.NoError(t, json.Unmarshal(got.Value, &text), message)
		require.Equal(t, want.Payload.Value, text, message)
	}
}

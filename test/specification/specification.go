// Package specification reads the Unleash client specification for tests that hold an HTTP surface against it.
package specification

import (
	"encoding/json"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
)

// Cases is how many cases client specification 6.1.0 has, in all suites.
const Cases = 279

// Environment is where Suite.Store has the flags.
const Environment = "development"

// Suite is one file of the specification.
type Suite struct {
	Name  string
	Cases []Case

	features []eval.Feature
	segments []eval.Segment
}

// Case is one question and its answer.
type Case struct {
	Description string
	Context     map[string]any // as in the file
	Flag        string
	Enabled     bool
	Variant     *eval.VariantResult // nil: the case asks whether the flag is on
}

// Load reads every suite.
func Load(t testing.TB) []Suite {
	t.Helper()
	_, here, _, ok := runtime.Caller(0)
	require.True(t, ok)
	folder := filepath.Join(filepath.Dir(here), "..", "..", "eval", "testdata", "client-specification")
	var files []string
	read(t, filepath.Join(folder, "index.json"), &files)
	suites := make([]Suite, len(files))
	count := 0
	for i, file := range files {
		suites[i] = load(t, filepath.Join(folder, file))
		count += len(suites[i].Cases)
	}
	require.Equal(t, Cases, count, "no case may vanish unnoticed")
	return suites
}

type document struct {
	Name  string
	State struct {
		Features []eval.Feature
		Segments []eval.Segment
		Events   []event
	}
	Tests []struct {
		Description    string
		Context        map[string]any
		ToggleName     string
		ExpectedResult bool
	}
	VariantTests []struct {
		Description    string
		Context        map[string]any
		ToggleName     string
		ExpectedResult eval.VariantResult
	}
}

// event is one of the delta protocol.
type event struct {
	Type        string
	Features    []eval.Feature
	Segments    []eval.Segment
	Feature     eval.Feature
	FeatureName string
	Segment     eval.Segment
	SegmentID   int
}

func load(t testing.TB, file string) Suite {
	t.Helper()
	var d document
	read(t, file, &d)
	suite := Suite{Name: d.Name, features: d.State.Features, segments: d.State.Segments}
	for i := range d.State.Events {
		suite.apply(t, &d.State.Events[i])
	}
	for _, c := range d.Tests {
		suite.Cases = append(suite.Cases, Case{Description: c.Description, Context: c.Context, Flag: c.ToggleName, Enabled: c.ExpectedResult})
	}
	for _, c := range d.VariantTests {
		suite.Cases = append(suite.Cases, Case{
			Description: c.Description, Context: c.Context, Flag: c.ToggleName, Enabled: c.ExpectedResult.FeatureEnabled, Variant: &c.ExpectedResult,
		})
	}
	return suite
}

func (s *Suite) apply(t testing.TB, e *event) {
	t.Helper()
	switch e.Type {
	case "hydration":
		s.features, s.segments = e.Features, e.Segments
	case "feature-updated":
		s.features = append(without(s.features, func(f eval.Feature) bool { return f.Name == e.Feature.Name }), e.Feature)
	case "feature-removed":
		s.features = without(s.features, func(f eval.Feature) bool { return f.Name == e.FeatureName })
	case "segment-updated":
		s.segments = append(without(s.segments, func(g eval.Segment) bool { return g.ID == e.Segment.ID }), e.Segment)
	case "segment-removed":
		s.segments = without(s.segments, func(g eval.Segment) bool { return g.ID == e.SegmentID })
	default:
		require.Failf(t, "unknown delta event", "type %q", e.Type)
	}
}

func without[T any](elements []T, unwanted func(T) bool) []T {
	var kept []T
	for _, element := range elements {
		if !unwanted(element) {
			kept = append(kept, element)
		}
	}
	return kept
}

// Store holds the flags of the suite in Environment, all of them in project default.
func (s *Suite) Store() *replica.Store {
	features := make([]replica.Feature, len(s.features))
	for i, feature := range s.features {
		feature.Project = "default"
		features[i] = replica.Feature{Feature: feature}
	}
	store := replica.NewStore(slog.New(slog.DiscardHandler))
	store.Reset(replica.Snapshot{
		Log:          []replica.Row{{Revision: 1, Mark: 1, Kind: replica.KindResync}},
		Environments: map[string][]replica.Feature{Environment: features},
		Segments:     s.segments,
	})
	return store
}

// Query is the context of the case as the query of a URL, the way browsers send it.
func (c *Case) Query() string {
	values := url.Values{}
	for name, value := range c.Context {
		if properties, ok := value.(map[string]any); ok {
			for inner, value := range properties {
				set(values, name+"["+inner+"]", value)
			}
			continue
		}
		set(values, name, value)
	}
	return values.Encode()
}

func set(values url.Values, name string, value any) {
	switch value := value.(type) {
	case nil: // absent
	case string:
		values.Set(name, value)
	default:
		text, _ := json.Marshal(value) // it came out of JSON
		values.Set(name, string(text))
	}
}

func read(t testing.TB, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, into), file)
}

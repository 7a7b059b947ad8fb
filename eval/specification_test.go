package eval_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

// The counts of client specification 6.1.0. They are pinned so that a suite cannot vanish unnoticed.
const (
	specificationSuites = 22
	specificationCases  = 279
)

// specification is one suite of the Unleash client specification.
type specification struct {
	Name  string `json:"name"`
	State struct {
		Features []eval.Feature `json:"features"`
		Segments []eval.Segment `json:"segments"`
		Events   []deltaEvent   `json:"events"`
	} `json:"state"`
	Tests []struct {
		Description    string       `json:"description"`
		Context        eval.Context `json:"context"`
		ToggleName     string       `json:"toggleName"`
		ExpectedResult bool         `json:"expectedResult"`
	} `json:"tests"`
	VariantTests []struct {
		Description    string             `json:"description"`
		Context        eval.Context       `json:"context"`
		ToggleName     string             `json:"toggleName"`
		ExpectedResult eval.VariantResult `json:"expectedResult"`
	} `json:"variantTests"`
}

// deltaEvent is an event of the delta API.
type deltaEvent struct {
	Type        string         `json:"type"`
	Features    []eval.Feature `json:"features"`
	Segments    []eval.Segment `json:"segments"`
	Feature     eval.Feature   `json:"feature"`
	FeatureName string         `json:"featureName"`
	Segment     eval.Segment   `json:"segment"`
	SegmentID   int            `json:"segmentId"`
}

func (e *deltaEvent) apply(t *testing.T, s *eval.Snapshot) *eval.Snapshot {
	t.Helper()
	switch e.Type {
	case "hydration":
		return eval.Compile(e.Features, e.Segments)
	case "feature-updated":
		return s.With(eval.Change{Features: []eval.Feature{e.Feature}})
	case "feature-removed":
		return s.With(eval.Change{RemovedFeatures: []string{e.FeatureName}})
	case "segment-updated":
		return s.With(eval.Change{Segments: []eval.Segment{e.Segment}})
	case "segment-removed":
		return s.With(eval.Change{RemovedSegments: []int{e.SegmentID}})
	}
	require.Failf(t, "unknown delta event", "type %q", e.Type)
	return nil
}

func readSpecifications(tb testing.TB) []specification {
	tb.Helper()
	var files []string
	readJSON(tb, "index.json", &files)
	suites := make([]specification, len(files))
	for i, file := range files {
		readJSON(tb, file, &suites[i])
	}
	return suites
}

func readJSON(tb testing.TB, file string, into any) {
	tb.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "client-specification", file))
	require.NoError(tb, err)
	require.NoError(tb, json.Unmarshal(data, into), file)
}

func TestClientSpecification(t *testing.T) {
	t.Parallel()
	suites := readSpecifications(t)
	require.Len(t, suites, specificationSuites)
	passed := 0
	for _, suite := range suites {
		snapshot := eval.Compile(suite.State.Features, suite.State.Segments)
		for i := range suite.State.Events {
			snapshot = suite.State.Events[i].apply(t, snapshot)
		}
		before := passed
		for _, test := range suite.Tests {
			if t.Run(suite.Name+"/"+test.Description, func(t *testing.T) {
				require.Equal(t, test.ExpectedResult, snapshot.Enabled(test.ToggleName, &test.Context))
				requireAllAgrees(t, snapshot, &test.Context)
			}) {
				passed++
			}
		}
		for _, test := range suite.VariantTests {
			if t.Run(suite.Name+"/"+test.Description, func(t *testing.T) {
				require.Equal(t, test.ExpectedResult, snapshot.Variant(test.ToggleName, &test.Context))
				requireAllAgrees(t, snapshot, &test.Context)
			}) {
				passed++
			}
		}
		require.Greater(t, passed, before, "suite %s passed nothing", suite.Name)
	}
	t.Logf("client specification: %d/%d cases", passed, specificationCases)
	require.Equal(t, specificationCases, passed)
}

// requireAllAgrees holds All, which caches context fields, against single evaluations. Chance is pinned, or the two
// would draw differently.
func requireAllAgrees(t *testing.T, snapshot *eval.Snapshot, shared *eval.Context) {
	t.Helper()
	ctx := *shared
	ctx.Random = func(_ string, n uint32) uint32 { return n / 2 }
	previous, count := "", 0
	snapshot.All(&ctx, func(c *eval.Compiled, result eval.Result) bool {
		require.Greater(t, c.Name(), previous, "order of names")
		require.Equal(t, c.Evaluate(&ctx), result, c.Name())
		require.Equal(t, c.Enabled(&ctx), result.Enabled, c.Name())
		previous = c.Name()
		count++
		return true
	})
	require.Equal(t, snapshot.Len(), count)
}

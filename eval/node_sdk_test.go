package eval_test

import (
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

// TestNodeSDKAnswers holds the engine against what unleash-client 6.12.1 answered for features and contexts drawn at
// random; testdata/node-sdk/generate.mjs made the file.
func TestNodeSDKAnswers(t *testing.T) {
	t.Parallel()
	file, err := os.Open(filepath.Join("testdata", "node-sdk", "answers.json.gz"))
	require.NoError(t, err)
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	require.NoError(t, err)
	var suites []struct {
		Features []eval.Feature
		Segments []eval.Segment
		Contexts []json.RawMessage
		Answers  [][]eval.VariantResult
	}
	require.NoError(t, json.NewDecoder(unzipped).Decode(&suites))
	answers, on, variants := 0, 0, 0
	for i, suite := range suites {
		snapshot := eval.Compile(suite.Features, suite.Segments)
		for j, text := range suite.Contexts {
			var ctx eval.Context
			require.NoError(t, json.Unmarshal(text, &ctx))
			for k := range suite.Features {
				want := suite.Answers[j][k]
				got := snapshot.Variant(suite.Features[k].Name, &ctx)
				if !reflect.DeepEqual(want, got) {
					definition, _ := json.Marshal(suite.Features)
					segments, _ := json.Marshal(suite.Segments)
					require.Equal(t, want, got, "case %d\ncontext %s\nfeature %q of %s\nsegments %s", i, text, suite.Features[k].Name, definition, segments)
				}
				answers++
				if want.FeatureEnabled {
					on++
				}
				if want.Enabled {
					variants++
				}
			}
			requireAllAgrees(t, snapshot, &ctx)
		}
	}
	require.Positive(t, variants)
	t.Logf("unleash-client 6.12.1: %d answers agree, %d of them on, %d with a variant", answers, on, variants)
}

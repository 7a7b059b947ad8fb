package db

import (
	"encoding/json"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

var (
	plainConstraints = []string{
		`[]`,
		`[{"values": ["1", "2"], "operator": "IN", "contextName": "userId"}]`,
		`[{"value": "5", "values": [], "inverted": true, "operator": "NUM_GT", "contextName": "age", "caseInsensitive": false}]`,
		`[{"value": null, "operator": "STR_CONTAINS", "contextName": "é"}, {"operator": "IN", "contextName": "b"}]`,
		`[{"values":["a","a, b: {é"],"operator":"IN","contextName":"userId"}]`,
	}
	// oddConstraints are left to the lenient decoding.
	oddConstraints = []string{
		``, `null`, `{}`, `[`, `[]]`, `[{}]`, `[1]`, `[{"operator": "IN"}]`, `[{"contextName": "a", "operator": ""}]`,
		`[{"contextName": "a", "operator": "IN", "values": null}]`, `[{"contextName": "a", "operator": "IN", "values": [1]}]`,
		`[{"contextName": "a", "operator": "IN", "value": 1}]`, `[{"contextName": "a", "operator": "IN", "inverted": "yes"}]`,
		`[{"contextName": "a", "operator": "IN", "extra": 1}]`, `[{"contextName": "a\"b", "operator": "IN"}]`,
		`[{"contextName": "a", "operator": "IN"} {"contextName": "a", "operator": "IN"}]`, `[{"contextName": "a`, `[{"contextName": "\u00e9", "operator": "IN"}]`,
	}
)

func TestPlainReaderReadsAsTheLenientDecodingDoes(t *testing.T) {
	t.Parallel()
	var r plainReader
	for _, text := range plainConstraints {
		constraints, ok := r.constraints(text)
		require.True(t, ok, text)
		require.Equal(t, new(follower).decodeConstraints(json.RawMessage(text)), constraints, text)
	}
	for _, text := range []string{`{}`, `{"rollout": "50"}`, `{"a": "", "b": "x, y: {}"}`} {
		parameters, ok := r.parameters(text)
		require.True(t, ok, text)
		require.Equal(t, new(follower).decodeParameters(json.RawMessage(text)), parameters, text)
	}
}

func TestPlainReaderLeavesWhatIsOddToTheLenientDecoding(t *testing.T) {
	t.Parallel()
	var r plainReader
	for _, text := range oddConstraints {
		_, ok := r.constraints(text)
		require.False(t, ok, text)
	}
	for _, text := range []string{``, `[]`, `null`, `{"a": 1}`, `{"a": null}`, `{"a": "\n"}`, `{"a": "b"`, `{"a" "b"}`, `{"a": "b"}x`} {
		_, ok := r.parameters(text)
		require.False(t, ok, text)
	}
}

// FuzzPlainReader: whatever it accepts, encoding/json reads alike.
func FuzzPlainReader(f *testing.F) {
	for _, text := range append(plainConstraints, oddConstraints...) {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) || !utf8.ValidString(text) {
			return // as jsonb always is
		}
		var r plainReader
		if constraints, ok := r.constraints(text); ok {
			var want []eval.Constraint
			require.NoError(t, json.Unmarshal([]byte(text), &want))
			require.True(t, allComplete(want))
			require.Equal(t, want, constraints)
		}
	})
}

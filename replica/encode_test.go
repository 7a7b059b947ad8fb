package replica

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

// marshal is encoding/json without HTML escaping.
func marshal(t *testing.T, v any) string {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	require.NoError(t, encoder.Encode(v))
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n")))
}

func TestEncodingIsThatOfEncodingJSON(t *testing.T) {
	t.Parallel()
	text, off := "a \"quoted\\\" line\n\r\t\b\f\x00\x1f\x7f <b>&amp; é 漢 🎌 \u2028\u2029 \xff end", false
	constraint := eval.Constraint{ContextName: "x", Operator: "IN", Values: []string{"", text}, Value: &text, Inverted: true, CaseInsensitive: true}
	variant := eval.Variant{
		Name: "v", Weight: -3, WeightType: "fix", Stickiness: "default", Payload: &eval.Payload{Type: "json", Value: `{"a":1}`},
		Overrides: []eval.Override{{ContextName: "userId", Values: []string{"1"}}},
	}
	plain := eval.Variant{Name: "w", Weight: 1000}
	features := []eval.Feature{
		{Name: "plain", Strategies: []eval.Strategy{}, Variants: []eval.Variant{}},
		{
			Name: text, Type: "release", Enabled: true, Project: "p", Stale: true, Description: &text, ImpressionData: true,
			Strategies: []eval.Strategy{
				{
					Name: "flexibleRollout", Constraints: []eval.Constraint{constraint, {Values: []string{}}}, Variants: []eval.Variant{variant},
					Parameters: map[string]string{"rollout": "50", "groupId": text, "stickiness": "", text: "k"}, Segments: []int{1, 20, -3}, Disabled: true,
				},
				{Name: "default", Constraints: []eval.Constraint{}, Parameters: map[string]string{}, Variants: []eval.Variant{plain}},
			},
			Variants:     []eval.Variant{variant, plain},
			Dependencies: []eval.Dependency{{Feature: "parent"}, {Feature: "other", Enabled: &off, Variants: []string{"a", "b"}}},
		},
	}
	for i := range features {
		require.Equal(t, marshal(t, features[i]), string(appendFeature(nil, &features[i])))
	}
	segments := []eval.Segment{{ID: 7, Name: "s", Constraints: []eval.Constraint{constraint}}, {ID: 1, Constraints: []eval.Constraint{}}}
	for i := range segments {
		require.Equal(t, marshal(t, segments[i]), string(appendSegment(nil, &segments[i])))
	}
}

func TestEncodingWritesAbsentListsAsEmpty(t *testing.T) {
	t.Parallel()
	f := eval.Feature{Name: "f", Strategies: []eval.Strategy{{Name: "default", Constraints: []eval.Constraint{{}}}}}
	want := `{"name":"f","enabled":false,"stale":false,"strategies":[{"name":"default","constraints":[{"contextName":"",` +
		`"operator":"","values":[]}],"parameters":{},"variants":[]}],"variants":[],"description":null,"impressionData":false}`
	require.Equal(t, want, string(appendFeature(nil, &f)))
}

func FuzzEncodingOfStrings(f *testing.F) {
	f.Add("a\"\\\n\u2028\xff")
	f.Fuzz(func(t *testing.T, text string) {
		require.Equal(t, marshal(t, text), string(appendString(nil, text)))
	})
}

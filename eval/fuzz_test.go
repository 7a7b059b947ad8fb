package eval_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

// FuzzEvaluate feeds any JSON that decodes as a client payload and a context. Nothing may panic, All must agree with
// single evaluations, and a snapshot grown feature by feature must agree with one compiled at once.
func FuzzEvaluate(f *testing.F) {
	for _, suite := range []string{"08-variants.json", "13-constraint-operators.json", "17-dependent-features.json", "22-cidr-constraint-operators.json"} {
		data, err := os.ReadFile(filepath.Join("testdata", "client-specification", suite))
		require.NoError(f, err)
		var specification struct {
			State json.RawMessage
			Tests []struct{ Context json.RawMessage }
		}
		require.NoError(f, json.Unmarshal(data, &specification))
		context := json.RawMessage(`{"userId":"1"}`)
		if len(specification.Tests) > 0 {
			context = specification.Tests[0].Context
		}
		f.Add([]byte(specification.State), []byte(context))
	}
	for _, strategy := range []string{
		`{"name":"flexibleRollout","parameters":{"rollout":"50","stickiness":"x","groupId":"g"},"variants":[{"name":"v","weight":1}]}`,
		`{"name":"remoteAddress","parameters":{"IPs":"::1,10.0.0.0/8"},"segments":[1]}`,
		`{"name":"userWithId","parameters":{"userIds":"1,2"},"constraints":[{"contextName":"userId","operator":"NUM_LT","value":"7"}]}`,
	} {
		f.Add([]byte(`{"features":[{"name":"a","enabled":true,"strategies":[`+strategy+`]}],"segments":[{"id":1}]}`), []byte(`{"userId":"1"}`))
	}
	f.Add([]byte(`{"features":[{"name":"","enabled":true,"variants":[{"weight":-9223372036854775808},{"weight":9223372036854775807}]}]}`), []byte(`{}`))
	f.Add([]byte(`{"features":[{"name":"a","enabled":true,"dependencies":[{"feature":"a"}]}],"segments":[{"id":0},{"id":0}]}`), []byte(`null`))
	f.Fuzz(func(t *testing.T, payload, context []byte) {
		var state struct {
			Features []eval.Feature
			Segments []eval.Segment
		}
		var ctx eval.Context
		if json.Unmarshal(payload, &state) != nil || json.Unmarshal(context, &ctx) != nil {
			return
		}
		ctx.Random = func(_ string, n uint32) uint32 { return n - 1 }
		snapshot, grown := eval.Compile(state.Features, state.Segments), eval.Compile(nil, nil)
		for _, feature := range state.Features {
			grown = grown.With(eval.Change{Features: []eval.Feature{feature}})
		}
		for _, segment := range state.Segments {
			grown = grown.With(eval.Change{Segments: []eval.Segment{segment}})
		}
		require.Equal(t, snapshot.Len(), grown.Len())
		snapshot.All(&ctx, func(c *eval.Compiled, r eval.Result) bool {
			require.Equal(t, r, c.Evaluate(&ctx))
			require.Equal(t, r.Enabled, snapshot.Enabled(c.Name(), &ctx))
			require.Equal(t, r.VariantResult(), grown.Variant(c.Name(), &ctx))
			return true
		})
	})
}

// FuzzConstraint aims at the operand parsers: any operator, operand and context text.
func FuzzConstraint(f *testing.F) {
	operators := []string{
		"IN", "NOT_IN", "STR_STARTS_WITH", "STR_ENDS_WITH", "STR_CONTAINS", "NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE",
		"DATE_AFTER", "DATE_BEFORE", "SEMVER_EQ", "SEMVER_GT", "SEMVER_GTE", "SEMVER_LT", "SEMVER_LTE", "REGEX", "IN_CIDR",
	}
	for i := range operators {
		for _, operand := range []string{"1.2.3-rc.1+b", "0x1f", "-.5e400", "::ffff:10.0.0.1/96", "2026-01-01T00:00:00Z", "(?i)^ÅΣİ", "\xff"} {
			f.Add(uint8(i), operand, operand, i%2 == 0)
		}
	}
	f.Fuzz(func(t *testing.T, operator uint8, operand, value string, fold bool) {
		constraint := eval.Constraint{
			ContextName: "field", Operator: operators[int(operator)%len(operators)],
			Values: []string{operand}, Value: &operand, CaseInsensitive: fold,
		}
		ctx := eval.Context{Properties: map[string]string{"field": value}}
		ctx.SetCurrentTime("2026-01-01")
		on := only(constraint).Enabled("feature", &ctx)
		constraint.Inverted = true
		require.Equal(t, !on, only(constraint).Enabled("feature", &ctx))
	})
}

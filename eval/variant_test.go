package eval_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

func variants(list ...eval.Variant) *eval.Snapshot {
	return eval.Compile([]eval.Feature{{Name: "feature", Enabled: true, Variants: list}}, nil)
}

func TestVariants(t *testing.T) {
	t.Parallel()
	payload := &eval.Payload{Type: "string", Value: "blue"}
	t.Run("CarriesThePayload", func(t *testing.T) {
		t.Parallel()
		result := variants(eval.Variant{Name: "a", Weight: 1, Payload: payload}).Variant("feature", &eval.Context{UserID: "u"})
		require.Equal(t, eval.VariantResult{Name: "a", Enabled: true, FeatureEnabled: true, Payload: payload}, result)
		encoded, err := json.Marshal(result)
		require.NoError(t, err)
		require.JSONEq(t, `{"name":"a","enabled":true,"feature_enabled":true,"payload":{"type":"string","value":"blue"}}`, string(encoded))
	})
	t.Run("IsDisabledForAnUnknownFeature", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, eval.VariantResult{Name: "disabled"}, variants().Variant("other", nil))
		_, known := variants().Evaluate("other", nil)
		require.False(t, known)
		_, known = variants().Evaluate("feature", nil)
		require.True(t, known)
	})
	t.Run("IsDisabledWithoutVariants", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, eval.VariantResult{Name: "disabled", FeatureEnabled: true}, variants().Variant("feature", nil))
	})
	t.Run("IsDisabledWithoutWeight", func(t *testing.T) {
		t.Parallel()
		snapshot := variants(eval.Variant{Name: "a", Overrides: []eval.Override{{ContextName: "userId", Values: []string{"u"}}}})
		require.Equal(t, "disabled", snapshot.Variant("feature", &eval.Context{UserID: "u"}).Name)
	})
	t.Run("OverridesBeatWeights", func(t *testing.T) {
		t.Parallel()
		snapshot := variants(
			eval.Variant{Name: "a", Weight: 1000},
			eval.Variant{Name: "b", Weight: 0, Overrides: []eval.Override{
				{ContextName: "userId", Values: []string{"nobody"}},
				{ContextName: "tenant", Values: []string{"x", "y"}},
			}},
		)
		require.Equal(t, "b", snapshot.Variant("feature", &eval.Context{Properties: map[string]string{"tenant": "y"}}).Name)
		require.Equal(t, "a", snapshot.Variant("feature", &eval.Context{Properties: map[string]string{"tenant": "z"}}).Name)
	})
	t.Run("SharesFollowTheWeights", func(t *testing.T) {
		t.Parallel()
		snapshot := variants(eval.Variant{Name: "a", Weight: 100}, eval.Variant{Name: "none"}, eval.Variant{Name: "b", Weight: 300})
		counts := map[string]int{}
		for i := range 20_000 {
			counts[snapshot.Variant("feature", &eval.Context{UserID: strconv.Itoa(i)}).Name]++
		}
		require.InDelta(t, 5000, counts["a"], 500)
		require.Zero(t, counts["none"])
		require.Equal(t, 20_000, counts["a"]+counts["b"])
	})
	t.Run("DefaultStickinessFallsBackToSessionAddressAndChance", func(t *testing.T) {
		t.Parallel()
		snapshot := variants(eval.Variant{Name: "a", Weight: 1}, eval.Variant{Name: "b", Weight: 1})
		for i := range 50 {
			id := strconv.Itoa(i)
			want := snapshot.Variant("feature", &eval.Context{UserID: id})
			require.Equal(t, want, snapshot.Variant("feature", &eval.Context{SessionID: id}))
			require.Equal(t, want, snapshot.Variant("feature", &eval.Context{RemoteAddress: id}))
		}
		for draw, want := range []string{"a", "b"} {
			ctx := &eval.Context{Random: func(feature string, n uint32) uint32 {
				require.Equal(t, "feature", feature)
				require.EqualValues(t, 2, n)
				return uint32(draw)
			}}
			require.Equal(t, want, snapshot.Variant("feature", ctx).Name)
		}
	})
	t.Run("TheFirstMatchingStrategyDecides", func(t *testing.T) {
		t.Parallel()
		strategy := func(name string, users string) eval.Strategy {
			return eval.Strategy{
				Name:       "userWithId",
				Parameters: map[string]string{"userIds": users, "groupId": "g"},
				Variants:   []eval.Variant{{Name: name, Weight: 1}},
			}
		}
		plain := eval.Strategy{Name: "default"}
		snapshot := eval.Compile([]eval.Feature{{
			Name: "feature", Enabled: true,
			Strategies: []eval.Strategy{strategy("first", "u1"), strategy("second", "u1,u2"), plain},
			Variants:   []eval.Variant{{Name: "own", Weight: 1}},
		}}, nil)
		require.Equal(t, "first", snapshot.Variant("feature", &eval.Context{UserID: "u1"}).Name)
		require.Equal(t, "second", snapshot.Variant("feature", &eval.Context{UserID: "u2"}).Name)
		require.Equal(t, "own", snapshot.Variant("feature", &eval.Context{UserID: "u3"}).Name)
	})
}

func TestDependencies(t *testing.T) {
	t.Parallel()
	no := false
	on := eval.Feature{Name: "on", Enabled: true, Variants: []eval.Variant{{Name: "a", Weight: 1}}}
	plain := eval.Feature{Name: "plain", Enabled: true}
	off := eval.Feature{Name: "off"}
	nested := eval.Feature{Name: "nested", Enabled: true, Dependencies: []eval.Dependency{{Feature: "on"}}}
	for _, test := range []struct {
		name         string
		dependencies []eval.Dependency
		want         bool
	}{
		{"parent on", []eval.Dependency{{Feature: "on"}}, true},
		{"parent off", []eval.Dependency{{Feature: "off"}}, false},
		{"parent must be off, is on", []eval.Dependency{{Feature: "on", Enabled: &no}}, false},
		{"parent must be off, is off", []eval.Dependency{{Feature: "off", Enabled: &no}}, true},
		{"parent gives the variant", []eval.Dependency{{Feature: "on", Variants: []string{"b", "a"}}}, true},
		{"parent gives another variant", []eval.Dependency{{Feature: "on", Variants: []string{"b"}}}, false},
		{"parent without variants asked for one", []eval.Dependency{{Feature: "plain", Variants: []string{"a"}}}, false},
		{"parent without variants asked for none", []eval.Dependency{{Feature: "plain", Variants: []string{"disabled"}}}, true},
		{"parent off asked for none", []eval.Dependency{{Feature: "off", Variants: []string{"disabled"}}}, false},
		{"both parents on", []eval.Dependency{{Feature: "on"}, {Feature: "plain"}}, true},
		{"one parent off", []eval.Dependency{{Feature: "on"}, {Feature: "off"}}, false},
		{"parent missing", []eval.Dependency{{Feature: "missing"}}, false},
		{"parent missing must be off", []eval.Dependency{{Feature: "missing", Enabled: &no}}, false},
		{"parent has a parent", []eval.Dependency{{Feature: "nested"}}, false},
		{"itself", []eval.Dependency{{Feature: "feature"}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			feature := eval.Feature{Name: "feature", Enabled: true, Dependencies: test.dependencies}
			snapshot := eval.Compile([]eval.Feature{feature, on, plain, off, nested}, nil)
			require.Equal(t, test.want, snapshot.Enabled("feature", nil))
		})
	}
}

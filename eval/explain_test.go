package eval_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

// host is the name contexts of these tests give, so that nothing depends on the machine.
const host = "web-1"

// explainable is a feature of the world with every kind of strategy.
func (w world) explainable() eval.Feature {
	feature := w.feature()
	for i := range feature.Strategies {
		s := &feature.Strategies[i]
		s.Disabled = w.IntN(5) == 0
		s.Name = []string{
			"flexibleRollout", "default", "default", "userWithId", "remoteAddress", "applicationHostname", "gradualRolloutUserId",
			"gradualRolloutRandom", "ourOwn",
		}[w.IntN(9)]
		maps.Copy(s.Parameters, map[string]string{"userIds": "1,2,3", "IPs": "10.0.0.0/8", "percentage": "60"})
		s.Parameters["hostNames"] = []string{host, "db-1", ""}[w.IntN(3)]
		s.Parameters["stickiness"] = []string{"default", "random", "p1", "sessionId"}[w.IntN(4)]
		if w.IntN(3) == 0 {
			s.Variants = []eval.Variant{{Name: "v0", Weight: w.IntN(2)}, {Name: "v1", Weight: w.IntN(2)}}
		}
	}
	return feature
}

func (w world) explainables() ([]eval.Feature, []eval.Segment) {
	features, segments := map[string]eval.Feature{}, map[int]eval.Segment{}
	for range 12 {
		feature, segment := w.explainable(), w.segment()
		features[feature.Name], segments[segment.ID] = feature, segment
	}
	return slices.Collect(maps.Values(features)), slices.Collect(maps.Values(segments))
}

// pinned is ctx with chance and the host settled.
func pinned(ctx *eval.Context) *eval.Context {
	fixed := *ctx
	fixed.Random, fixed.Hostname = func(_ string, n uint32) uint32 { return n / 2 }, host
	return &fixed
}

func TestExplainAgreesWithEvaluate(t *testing.T) {
	t.Parallel()
	seen := map[eval.Truth]int{}
	for seed := range uint64(150) {
		w := world{rand.New(rand.NewPCG(seed, 1))}
		features, segments := w.explainables()
		snapshot := eval.Compile(features, segments)
		explainer := snapshot.Explainer()
		for range 4 {
			ctx := pinned(w.context())
			for _, feature := range features {
				want, _ := snapshot.Evaluate(feature.Name, ctx)
				got, known := explainer.Explain(feature.Name, ctx)
				require.True(t, known)
				require.Equal(t, want, got.Result, "seed %d feature %s", seed, feature.Name)
				requirePartsAgree(t, feature, segments, ctx, got)
				seen[got.Outcome]++

				// Without a host name those strategies are open, and the answer is that on a host they do not name.
				elsewhere := *ctx
				elsewhere.Hostname = "elsewhere"
				want, _ = snapshot.Evaluate(feature.Name, &elsewhere)
				elsewhere.Hostname = ""
				got, _ = explainer.Explain(feature.Name, &elsewhere)
				require.Equal(t, want, got.Result, "seed %d feature %s", seed, feature.Name)
			}
		}
	}
	for _, truth := range []eval.Truth{eval.False, eval.True, eval.Unknown} {
		require.Greater(t, seen[truth], 100, "the worlds must give every outcome")
	}
}

// requirePartsAgree holds each strategy, segment and constraint of an explanation against a feature made of it alone.
func requirePartsAgree(t *testing.T, feature eval.Feature, segments []eval.Segment, ctx *eval.Context, e eval.Explanation) {
	t.Helper()
	constraint := func(c eval.Constraint, want bool) {
		require.Equal(t, want, with(eval.Strategy{Name: "default", Constraints: []eval.Constraint{c}}).Enabled("feature", ctx), "%+v", c)
	}
	require.Len(t, e.Strategies, len(feature.Strategies))
	for i, s := range feature.Strategies {
		got := e.Strategies[i]
		alone := eval.Compile([]eval.Feature{{Name: feature.Name, Enabled: true, Strategies: []eval.Strategy{s}}}, segments)
		on := alone.Enabled(feature.Name, ctx)
		require.Equal(t, on, got.Result == eval.True)
		require.Equal(t, !s.Disabled && s.Name != "ourOwn", got.Evaluated)
		if got.Result == eval.True {
			require.Equal(t, alone.Lookup(feature.Name).Evaluate(ctx).Variant, got.Variant)
		}
		conditions := true
		for j, c := range s.Constraints {
			constraint(c, got.Constraints[j])
			conditions = conditions && got.Constraints[j]
		}
		for j, id := range s.Segments {
			segment, strategies := got.Segments[j], []eval.Strategy{{Name: "default", Segments: []int{id}}}
			require.Equal(t, id, segment.Segment.ID)
			within := eval.Compile([]eval.Feature{{Name: "f", Enabled: true, Strategies: strategies}}, segments)
			require.Equal(t, within.Enabled("f", ctx), segment.Result)
			for k, c := range segment.Segment.Constraints {
				constraint(c, segment.Constraints[k])
			}
			conditions = conditions && segment.Result
		}
		require.Equal(t, s.Name == "ourOwn" && !s.Disabled && conditions, got.Result == eval.Unknown)
	}
}

func TestExplainAgreesWithTheClientSpecification(t *testing.T) {
	t.Parallel()
	cases := 0
	for _, suite := range readSpecifications(t) {
		snapshot := eval.Compile(suite.State.Features, suite.State.Segments)
		for i := range suite.State.Events {
			snapshot = suite.State.Events[i].apply(t, snapshot)
		}
		explainer := snapshot.Explainer()
		for _, test := range suite.Tests {
			got, _ := explainer.Explain(test.ToggleName, &test.Context)
			require.Equal(t, test.ExpectedResult, got.Enabled, "%s: %s", suite.Name, test.Description)
			cases++
		}
		for _, test := range suite.VariantTests {
			got, _ := explainer.Explain(test.ToggleName, &test.Context)
			require.Equal(t, test.ExpectedResult, got.VariantResult(), "%s: %s", suite.Name, test.Description)
			cases++
		}
	}
	require.Equal(t, specificationCases, cases)
}

func TestExplain(t *testing.T) {
	t.Parallel()
	off := false
	fails := []eval.Constraint{{ContextName: "userId", Operator: "IN", Values: []string{"2"}}}
	variants := func(name string) []eval.Variant { return []eval.Variant{{Name: name, Weight: 1}} }
	snapshot := eval.Compile([]eval.Feature{
		{Name: "host", Enabled: true, Strategies: []eval.Strategy{{Name: "applicationHostname", Parameters: map[string]string{"hostNames": host}}}},
		{Name: "noHosts", Enabled: true, Strategies: []eval.Strategy{{Name: "applicationHostname"}, {Name: "ourOwn", Constraints: fails}}},
		{Name: "either", Enabled: true, Strategies: []eval.Strategy{{Name: "ourOwn"}, {Name: "default"}}},
		{Name: "off", Variants: variants("feature"), Strategies: []eval.Strategy{
			{Name: "default", Disabled: true, Variants: variants("disabled")},
			{Name: "default", Constraints: fails, Variants: variants("failing")},
			{Name: "default", Segments: []int{9}},
		}},
		{Name: "child", Enabled: true, Dependencies: []eval.Dependency{
			{Feature: "either"}, {Feature: "off", Enabled: &off}, {Feature: "off"}, {Feature: "nobody"}, {Feature: "child"},
		}},
	}, nil)
	explain := func(name string, ctx *eval.Context) eval.Explanation {
		e, known := snapshot.Explainer().Explain(name, ctx)
		require.True(t, known)
		return e
	}
	t.Run("LeavesOpenWhatOnlyAHostKnows", func(t *testing.T) {
		t.Parallel()
		e := explain("host", nil)
		require.Equal(t, eval.Unknown, e.Outcome)
		require.False(t, e.Strategies[0].Evaluated)
		require.Equal(t, eval.True, explain("host", &eval.Context{Hostname: "WEB-1"}).Outcome)
		require.Equal(t, eval.False, explain("host", &eval.Context{Hostname: "db"}).Outcome)
	})
	t.Run("RulesOutAForeignStrategyByItsConstraints", func(t *testing.T) {
		t.Parallel()
		e := explain("noHosts", &eval.Context{Hostname: host})
		require.Equal(t, eval.False, e.Outcome)
		require.False(t, e.Strategies[1].Evaluated)
	})
	t.Run("IsSureOnceAnyStrategyMatches", func(t *testing.T) {
		t.Parallel()
		e := explain("either", nil)
		require.Equal(t, eval.True, e.Outcome)
		require.True(t, e.Enabled)
		require.Equal(t, eval.Unknown, e.Strategies[0].Result)
	})
	t.Run("ExplainsAFeatureThatIsOff", func(t *testing.T) {
		t.Parallel()
		e := explain("off", &eval.Context{UserID: "1"})
		require.False(t, e.Enabled)
		require.Nil(t, e.Variant)
		require.Equal(t, variants("feature"), e.Variants)
		require.Nil(t, e.Strategies[0].Variant, "a disabled strategy gives nothing")
		require.Equal(t, "failing", e.Strategies[1].Variant.Name, "what it would give")
		require.Equal(t, []bool{false}, e.Strategies[1].Constraints)
		require.Equal(t, eval.SegmentExplanation{Segment: eval.Segment{ID: 9}, Constraints: []bool{}}, e.Strategies[2].Segments[0])
		require.Equal(t, variants("failing"), explain("off", &eval.Context{UserID: "2"}).Variants, "those of what matches")
	})
	t.Run("AnswersEachDependency", func(t *testing.T) {
		t.Parallel()
		e := explain("child", nil)
		require.Equal(t, []bool{true, true, false, false, false}, e.Dependencies)
		require.False(t, e.DependenciesSatisfied())
		require.Equal(t, eval.True, e.Outcome)
		require.False(t, e.Enabled)
	})
	t.Run("KnowsNoOtherFeature", func(t *testing.T) {
		t.Parallel()
		_, known := snapshot.Explainer().Explain("other", nil)
		require.False(t, known)
	})
}

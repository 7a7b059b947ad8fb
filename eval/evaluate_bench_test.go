package eval

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noAllocCase is the body of one NoAlloc benchmark; the benchmark times it, and TestEvaluationAllocatesNothing counts
// its allocations on every test run.
type noAllocCase struct {
	name string
	body func()
}

// sink keeps the compiler from dropping what a benchmark computes.
var sink int

func count(on bool) {
	if on {
		sink++
	}
}

func all1000() noAllocCase {
	snapshot, contexts, i := Compile(thousandFlags(), nil), thousandContexts(), 0
	return noAllocCase{"All1000", func() {
		snapshot.All(contexts[i%len(contexts)], func(_ *Compiled, r Result) bool {
			count(r.Enabled)
			return true
		})
		i++
	}}
}

func lookup1000() noAllocCase {
	features, contexts, i := thousandFlags(), thousandContexts(), 0
	snapshot := Compile(features, nil)
	return noAllocCase{"Lookup1000", func() {
		count(snapshot.Enabled(features[i%len(features)].Name, contexts[i%len(contexts)]))
		i++
	}}
}

func handle1000() noAllocCase {
	features, contexts, i := thousandFlags(), thousandContexts(), 0
	snapshot := Compile(features, nil)
	handles := make([]*Compiled, len(features))
	for i := range features {
		handles[i] = snapshot.Lookup(features[i].Name)
	}
	return noAllocCase{"Handle1000", func() {
		count(handles[i%len(handles)].Enabled(contexts[i%len(contexts)]))
		i++
	}}
}

// oneFeature evaluates a single feature in full, through the snapshot.
func oneFeature(name string, feature Feature, segments []Segment, parents ...Feature) noAllocCase {
	feature.Name, feature.Enabled = "feature", true
	snapshot := Compile(append(parents, feature), segments)
	ctx := &Context{
		UserID:        "user-4711",
		SessionID:     "session-0815",
		RemoteAddress: "10.20.30.40",
		Environment:   "production",
		AppName:       "shop",
		CurrentTime:   time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Properties: map[string]string{
			"email": "Someone.Ångström@Example.COM", "version": "1.24.3-rc.1+build.7", "score": "-12.5e1",
			"ip6": "2001:db8::ffff:10.0.0.7", "bad": "none of it",
		},
	}
	return noAllocCase{name, func() {
		count(snapshot.Variant("feature", ctx).FeatureEnabled)
		count(snapshot.Enabled("feature", ctx))
	}}
}

func strategyCases() []noAllocCase {
	cases := make([]noAllocCase, 0, 16)
	for name, parameters := range map[string]map[string]string{
		"default":                 nil,
		"userWithId":              {"userIds": "1, 2, 3, 4, 5, 6, 7, 8, 9, user-4711"},
		"gradualRolloutUserId":    {"percentage": "50", "groupId": "group"},
		"gradualRolloutSessionId": {"percentage": "50", "groupId": "group"},
		"gradualRolloutRandom":    {"percentage": "50"},
		"remoteAddress":           {"IPs": "192.168.0.1, 10.20.0.0/16, 2001:db8::/32"},
		"applicationHostname":     {"hostNames": "a.example.com, b.example.com"},
		"flexibleRollout":         {"rollout": "50", "stickiness": "default", "groupId": "group"},
	} {
		cases = append(cases, oneFeature(name, Feature{Strategies: []Strategy{{Name: name, Parameters: parameters}}}, nil))
	}
	for _, sticky := range []string{"random", "email", "sessionId"} {
		parameters := map[string]string{"rollout": "50", "stickiness": sticky}
		strategies := []Strategy{{Name: "flexibleRollout", Parameters: parameters}}
		cases = append(cases, oneFeature("flexibleRollout-"+sticky, Feature{Strategies: strategies}, nil))
	}
	slices.SortFunc(cases, func(a, b noAllocCase) int { return strings.Compare(a.name, b.name) })
	return cases
}

func operatorCases() []noAllocCase {
	var cases []noAllocCase
	add := func(name string, constraints ...Constraint) {
		strategies := []Strategy{{Name: "default", Constraints: constraints}}
		cases = append(cases, oneFeature(name, Feature{Strategies: strategies}, nil))
	}
	value := func(text string) *string { return &text }
	many := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "shop"}
	add("IN", Constraint{ContextName: "appName", Operator: "IN", Values: many})
	add("NOT_IN", Constraint{ContextName: "missing", Operator: "NOT_IN", Values: many})
	for _, op := range []string{"STR_STARTS_WITH", "STR_ENDS_WITH", "STR_CONTAINS"} {
		c := Constraint{ContextName: "email", Operator: op, Values: []string{"nobody", "ÅNGSTRÖM", "SOMEONE", ".com"}}
		add(op, c)
		c.CaseInsensitive = true
		add(op+"-folded", c)
	}
	for _, op := range []string{"NUM_EQ", "NUM_GT", "NUM_GTE", "NUM_LT", "NUM_LTE"} {
		add(op, Constraint{ContextName: "score", Operator: op, Value: value("-125")})
	}
	add("NUM_EQ-bad", Constraint{ContextName: "bad", Operator: "NUM_EQ", Value: value("1")})
	for _, op := range []string{"DATE_AFTER", "DATE_BEFORE"} {
		add(op, Constraint{ContextName: "currentTime", Operator: op, Value: value("2026-01-01T00:00:00.000Z")})
	}
	for _, op := range []string{"SEMVER_EQ", "SEMVER_GT", "SEMVER_GTE", "SEMVER_LT", "SEMVER_LTE"} {
		add(op, Constraint{ContextName: "version", Operator: op, Value: value("1.24.3-rc.2")})
	}
	add("SEMVER_EQ-bad", Constraint{ContextName: "bad", Operator: "SEMVER_EQ", Value: value("1.0.0")})
	add("REGEX", Constraint{ContextName: "email", Operator: "REGEX", Value: value(`^\w+\.\S+@example\.`), CaseInsensitive: true})
	add("IN_CIDR", Constraint{ContextName: "remoteAddress", Operator: "IN_CIDR", Values: []string{"192.168.0.0/16", "10.0.0.0/8"}})
	add("IN_CIDR-v6", Constraint{ContextName: "ip6", Operator: "IN_CIDR", Values: []string{"10.0.0.0/8", "2001:db8::/32"}})
	add("IN_CIDR-bad", Constraint{ContextName: "bad", Operator: "IN_CIDR", Values: []string{"10.0.0.0/8"}})
	return cases
}

func featureCases() []noAllocCase {
	payload := &Payload{Type: "string", Value: "blue"}
	variants := []Variant{
		{Name: "a", Weight: 500, Stickiness: "default", Payload: payload},
		{Name: "b", Weight: 500, Overrides: []Override{{ContextName: "userId", Values: []string{"nobody"}}}},
	}
	random := []Variant{{Name: "a", Weight: 1, Stickiness: "random"}, {Name: "b", Weight: 1}}
	rollout := Strategy{Name: "flexibleRollout", Parameters: map[string]string{"rollout": "100", "groupId": "g"}}
	withVariants, withSegments := rollout, rollout
	withVariants.Variants = variants
	withSegments.Segments = []int{1, 2}
	segments := []Segment{
		{ID: 1, Constraints: []Constraint{{ContextName: "appName", Operator: "IN", Values: []string{"shop"}}}},
		{ID: 2, Constraints: []Constraint{{ContextName: "email", Operator: "STR_CONTAINS", Values: []string{"@"}}}},
	}
	parent := Feature{Name: "parent", Enabled: true, Variants: variants}
	return []noAllocCase{
		oneFeature("Everyone", Feature{}, nil),
		oneFeature("Variants", Feature{Variants: variants}, nil),
		oneFeature("VariantsRandom", Feature{Variants: random}, nil),
		oneFeature("StrategyVariants", Feature{Strategies: []Strategy{withVariants}}, nil),
		oneFeature("Segments", Feature{Strategies: []Strategy{withSegments}}, segments),
		oneFeature("Dependency", Feature{
			Dependencies: []Dependency{{Feature: "parent", Variants: []string{"a", "b"}}},
		}, nil, parent),
	}
}

func benchmarkNoAlloc(b *testing.B, c noAllocCase) {
	b.Helper()
	if n := testing.AllocsPerRun(100, c.body); n > 0 {
		b.Fatalf("%s: %v allocations per run", c.name, n)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.body()
	}
}

func benchmarkNoAllocs(b *testing.B, cases []noAllocCase) {
	b.Helper()
	for _, c := range cases {
		b.Run(c.name+"-NoAlloc", func(b *testing.B) { benchmarkNoAlloc(b, c) })
	}
}

func BenchmarkAll1000NoAlloc(b *testing.B)    { benchmarkNoAlloc(b, all1000()) }
func BenchmarkLookup1000NoAlloc(b *testing.B) { benchmarkNoAlloc(b, lookup1000()) }
func BenchmarkHandle1000NoAlloc(b *testing.B) { benchmarkNoAlloc(b, handle1000()) }
func BenchmarkStrategy(b *testing.B)          { benchmarkNoAllocs(b, strategyCases()) }
func BenchmarkOperator(b *testing.B)          { benchmarkNoAllocs(b, operatorCases()) }
func BenchmarkFeature(b *testing.B)           { benchmarkNoAllocs(b, featureCases()) }

// BenchmarkHandCompiled1000 is the floor for BenchmarkAll1000NoAlloc, which may cost half as much again.
func BenchmarkHandCompiled1000(b *testing.B) {
	flags, contexts, i := handCompile(thousandFlags()), thousandContexts(), 0
	for b.Loop() {
		handEvaluate(flags, contexts[i%len(contexts)], func(_ int, on bool) bool {
			count(on)
			return true
		})
		i++
	}
}

// BenchmarkAll1000OverHandCompiled runs both in turns and reports the ratio of their best rounds. On a machine that does
// other work too it is the steadier figure.
func BenchmarkAll1000OverHandCompiled(b *testing.B) {
	flags, snapshot, contexts := handCompile(thousandFlags()), Compile(thousandFlags(), nil), thousandContexts()
	best := func(best time.Duration, run func(ctx *Context)) time.Duration {
		start := time.Now()
		for _, ctx := range contexts {
			run(ctx)
		}
		return min(best, time.Since(start))
	}
	hand, all := time.Hour, time.Hour
	for b.Loop() {
		hand = best(hand, func(ctx *Context) {
			handEvaluate(flags, ctx, func(_ int, on bool) bool { count(on); return true })
		})
		all = best(all, func(ctx *Context) {
			snapshot.All(ctx, func(_ *Compiled, r Result) bool { count(r.Enabled); return true })
		})
	}
	b.ReportMetric(float64(all)/float64(hand), "x-hand")
	b.ReportMetric(float64(hand)/float64(len(contexts)), "hand-ns")
	b.ReportMetric(float64(all)/float64(len(contexts)), "all-ns")
}

func BenchmarkCompile1000(b *testing.B) {
	features := thousandFlags()
	b.ReportAllocs()
	for b.Loop() {
		sink += Compile(features, nil).Len()
	}
}

// BenchmarkWith1000 toggles one feature of 1,000.
func BenchmarkWith1000(b *testing.B) {
	features := thousandFlags()
	snapshot, i := Compile(features, nil), 0
	b.ReportAllocs()
	for b.Loop() {
		feature := features[i%len(features)]
		feature.Enabled = !feature.Enabled
		snapshot = snapshot.With(Change{Features: []Feature{feature}})
		i++
	}
}

// TestEvaluationAllocatesNothing is not parallel: other tests' allocations would be counted.
func TestEvaluationAllocatesNothing(t *testing.T) {
	cases := slices.Concat([]noAllocCase{all1000(), lookup1000(), handle1000()}, strategyCases(), operatorCases(), featureCases())
	for _, c := range cases {
		allowed := 0.0
		if raceDetector && c.name == "REGEX" {
			// Under the race detector sync.Pool, where regexp keeps its machines, drops items on purpose.
			allowed = 3
		}
		require.LessOrEqual(t, testing.AllocsPerRun(100, c.body), allowed, c.name)
	}
}

func TestHandCompiledLoopDecidesAsTheEngine(t *testing.T) {
	t.Parallel()
	features := thousandFlags()
	flags, snapshot := handCompile(features), Compile(features, nil)
	on := 0
	for _, ctx := range thousandContexts() {
		handEvaluate(flags, ctx, func(i int, enabled bool) bool {
			require.Equal(t, enabled, snapshot.Enabled(features[i].Name, ctx), features[i].Name)
			if enabled {
				on++
			}
			return true
		})
	}
	require.Greater(t, on, 16*100, "the payload must exercise both answers")
	require.Less(t, on, 16*900)
	t.Logf("on: %d of %d", on, 16*1000)
}

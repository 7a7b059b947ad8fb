package eval

import "slices"

// Truth is an answer that may have to stay open.
type Truth uint8

// The answers. Unknown is what only an application itself can tell, by a strategy of its own or by its host name.
const (
	False Truth = iota
	True
	Unknown
)

// Explanation says how the answer for one feature and context comes about, part by part. Parts are answered also where
// an earlier one has settled the matter already.
type Explanation struct {
	// Result is the answer itself, that of Evaluate: what is Unknown counts as False in it.
	Result

	// Dependencies says of each of the feature's dependencies whether it is satisfied.
	Dependencies []bool

	// Outcome is what the strategies say together, whether the feature is switched on or not.
	Outcome Truth

	// Strategies explains each of the feature's strategies.
	Strategies []StrategyExplanation

	// Variants are those to choose from: of the first strategy that matches, or else of the feature. They must not be
	// modified.
	Variants []Variant
}

// DependenciesSatisfied reports whether all are.
func (e *Explanation) DependenciesSatisfied() bool {
	return !slices.Contains(e.Dependencies, false)
}

// StrategyExplanation says what a strategy answers. Constraints and segments of a disabled one are answered too.
type StrategyExplanation struct {
	Result      Truth
	Evaluated   bool   // false for a disabled strategy, and for one that only the application can evaluate
	Constraints []bool // whether each of its constraints holds
	Segments    []SegmentExplanation

	// Variant is what the strategy gives when it is the first to match; nil when it has no variants or is not evaluated.
	Variant *Variant
}

// SegmentExplanation says whether the context is in a segment.
type SegmentExplanation struct {
	Segment     Segment // only the id is set for one that is not known
	Result      bool
	Constraints []bool // whether each of its constraints holds
}

// Explainer explains the answers of a snapshot. It compiles what it is asked for once more, with the parts kept apart
// that evaluation joins or leaves out, and keeps it: make one for a task, not for good. It is not safe for concurrent
// use.
type Explainer struct {
	snapshot *Snapshot
	fields   fieldTable
	features map[string]*explained
	segments map[int]*explainedSegment
}

// Explainer makes one.
func (s *Snapshot) Explainer() *Explainer {
	e := &Explainer{
		snapshot: s, fields: s.fields,
		features: map[string]*explained{}, segments: map[int]*explainedSegment{},
	}
	e.fields.shared = true
	return e
}

// noHost is no host's name.
const noHost = "\x00"

// Explain explains the answer for the named feature and reports whether it is known. A nil context is an empty one.
//
// A context without a Hostname leaves the strategies that compare it Unknown: who asks for an explanation is not on the
// host that will evaluate the feature. That apart, the Result is that of Evaluate with the same context (chance may fall
// differently, unless the context pins it).
func (e *Explainer) Explain(name string, ctx *Context) (explanation Explanation, known bool) {
	x := e.feature(name)
	if x == nil {
		return Explanation{}, false
	}
	var own Context
	if ctx != nil {
		own = *ctx
	}
	if own.Hostname == "" {
		own.Hostname = noHost
	}
	f := newFrame(&own)
	return x.explain(&f), true
}

func (e *Explainer) feature(name string) *explained {
	if x := e.features[name]; x != nil {
		return x
	}
	c := e.snapshot.Lookup(name)
	if c == nil {
		return nil
	}
	x := &explained{Compiled: c}
	for i := range c.feature.Dependencies {
		p, counts := resolve(&c.feature.Dependencies[i], e.snapshot.Lookup)
		x.dependencies = append(x.dependencies, explainedDependency{p, counts})
	}
	for i := range c.feature.Strategies {
		x.strategies = append(x.strategies, e.strategy(&c.feature.Strategies[i], name))
	}
	e.features[name] = x
	return x
}

func (e *Explainer) strategy(source *Strategy, feature string) explainedStrategy {
	s := explainedStrategy{disabled: source.Disabled, constraints: e.tests(source.Constraints)}
	s.possible = s.rule.compileRule(source, feature, &e.fields, e.snapshot.custom)
	s.rule.variants = compileStrategyVariants(source, &e.fields)
	for _, id := range source.Segments {
		s.segments = append(s.segments, e.segment(id))
	}
	return s
}

func (e *Explainer) segment(id int) *explainedSegment {
	if s := e.segments[id]; s != nil {
		return s
	}
	s := &explainedSegment{source: Segment{ID: id}}
	if source, known := e.snapshot.Segment(id); known {
		s.source, s.known, s.constraints = source, true, e.tests(source.Constraints)
	}
	e.segments[id] = s
	return s
}

func (e *Explainer) tests(sources []Constraint) []test {
	tests := make([]test, len(sources))
	for i := range sources {
		tests[i].constraint, tests[i].verdict = compileConstraint(&sources[i], &e.fields)
	}
	return tests
}

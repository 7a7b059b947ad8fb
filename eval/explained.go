package eval

// explained is a feature compiled for explanation.
type explained struct {
	*Compiled
	dependencies []explainedDependency
	strategies   []explainedStrategy
}

type explainedDependency struct {
	parent parent
	counts bool
}

// explainedStrategy is a strategy whose constraints are kept apart from its rule.
type explainedStrategy struct {
	rule        strategy // without constraints
	possible    bool     // the rule can match
	disabled    bool
	constraints []test
	segments    []*explainedSegment
}

type explainedSegment struct {
	source      Segment
	known       bool
	constraints []test
}

// test is a constraint and whether its answer is fixed.
type test struct {
	constraint constraint
	verdict    verdict
}

func (x *explained) explain(f *frame) Explanation {
	e := Explanation{Dependencies: make([]bool, len(x.dependencies)), Strategies: make([]StrategyExplanation, len(x.strategies))}
	for i := range x.dependencies {
		e.Dependencies[i] = x.dependencies[i].counts && x.dependencies[i].parent.satisfied(f)
	}
	f.feature = x.name
	e.Outcome = False
	if x.everyone {
		e.Outcome = True
	}
	matched := -1
	for i := range x.strategies {
		e.Strategies[i] = x.strategies[i].explain(f)
		switch result := e.Strategies[i].Result; {
		case result == True && matched < 0:
			matched, e.Outcome = i, True
		case result == Unknown && e.Outcome == False:
			e.Outcome = Unknown
		}
	}
	e.Enabled = x.feature.Enabled && e.Outcome == True && e.DependenciesSatisfied()
	if matched >= 0 && x.strategies[matched].rule.variants != nil {
		e.Variants = x.strategies[matched].rule.variants.variants
		if e.Enabled {
			e.Variant = e.Strategies[matched].Variant
		}
		return e
	}
	e.Variants = x.feature.Variants
	if e.Enabled && x.variants != nil {
		e.Variant = x.variants.choose(f)
	}
	return e
}

func (s *explainedStrategy) explain(f *frame) StrategyExplanation {
	e := StrategyExplanation{Evaluated: !s.disabled && !s.open(f), Segments: make([]SegmentExplanation, len(s.segments))}
	var holds bool
	e.Constraints, holds = runTests(s.constraints, f)
	for i, segment := range s.segments {
		e.Segments[i] = segment.explain(f)
		holds = holds && e.Segments[i].Result
	}
	switch {
	case !holds || s.disabled:
	case s.open(f):
		e.Result = Unknown
	case s.possible && s.rule.matchRule(f):
		e.Result = True
	}
	if e.Evaluated && s.rule.variants != nil {
		e.Variant = s.rule.variants.choose(f)
	}
	return e
}

// open reports whether only the application can tell what the rule answers.
func (s *explainedStrategy) open(f *frame) bool {
	return s.rule.kind == kindForeign || (s.rule.kind == kindHostname && f.ctx.Hostname == noHost)
}

func (s *explainedSegment) explain(f *frame) SegmentExplanation {
	results, holds := runTests(s.constraints, f)
	return SegmentExplanation{Segment: s.source, Result: s.known && holds, Constraints: results}
}

// runTests gives each result and whether all hold.
func runTests(tests []test, f *frame) (results []bool, all bool) {
	results, all = make([]bool, len(tests)), true
	for i := range tests {
		results[i] = tests[i].holds(f)
		all = all && results[i]
	}
	return results, all
}

func (t *test) holds(f *frame) bool {
	if t.verdict == depends {
		return t.constraint.match(f)
	}
	return t.verdict == alwaysTrue
}

package eval

// Strategies are activation strategies that Unleash does not have: by name, what makes the rule of one strategy out of the
// parameters a flag gives it. The names of Unleash's own strategies in it are of no effect. It must not be modified once a
// snapshot was compiled with it.
type Strategies map[string]func(parameters map[string]string) Rule

// Rule decides for a context, which it must neither modify nor keep. It must give the same answer for the same context,
// and be safe for concurrent use. A nil Rule holds for no context.
type Rule func(ctx *Context) bool

// Compile prepares features and segments for evaluation as the function Compile does, with these strategies known. So do
// the snapshots derived from it. Strategies that are not among them hold for no context.
func (s Strategies) Compile(features []Feature, segments []Segment) *Snapshot {
	return (&Snapshot{custom: s}).With(Change{Features: features, Segments: segments})
}

// compileCustom takes the rule from the custom strategies. It reports false if none of them has the name.
func (s *strategy) compileCustom(source *Strategy, custom Strategies) bool {
	compile, known := custom[source.Name]
	if !known {
		s.kind = kindForeign
		return false
	}
	rule := compile(source.Parameters)
	if rule == nil {
		return false
	}
	s.kind, s.operand = kindCustom, &strategyOperand{rule: rule}
	return true
}

// matchCustom gives the rule a copy of the context: given the context itself, the compiler would have to assume that
// whatever a frame refers to outlives the evaluation, and every evaluation would allocate.
func (s *strategy) matchCustom(f *frame) bool {
	ctx := *f.ctx
	return s.operand.rule(&ctx)
}

// Standard reports whether a strategy of that name is one of Unleash's own.
func Standard(name string) bool {
	var s strategy
	s.compileRule(&Strategy{Name: name}, "", &fieldTable{}, nil)
	return s.kind != kindForeign
}

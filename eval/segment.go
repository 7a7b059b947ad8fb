package eval

// compiledSegment is one segment ready to be joined into strategies. Strategies copy its constraints, which share their
// sets, patterns and ranges with it, so that evaluation follows one list.
type compiledSegment struct {
	source      Segment
	constraints []constraint
	never       bool // one constraint can never hold
}

func compileSegment(source Segment, fields *fieldTable) *compiledSegment {
	constraints, ok := compileConstraints(source.Constraints, fields)
	return &compiledSegment{source: source, constraints: constraints, never: !ok}
}

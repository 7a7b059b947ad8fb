package eval

// Compiled is one feature ready for evaluation: a handle that saves the look-up by name. It is immutable, safe for use
// by any number of goroutines, and keeps answering as of the Snapshot it came from.
//
// What can match no context is left out of it; Feature has the whole definition, for those who want to explain an
// answer strategy by strategy.
type Compiled struct {
	// What every evaluation reads comes first, within one cache line.
	on         bool // enabled, and no parent rules it out for good
	everyone   bool // no strategies at all
	strategies []strategy
	parents    []parent
	variants   *variantSet

	name     string
	hash     uint64 // of the name, for the snapshot's table
	feature  *Feature
	segments []int // ids that its strategies use
}

// parent is a resolved dependency.
type parent struct {
	feature  *Compiled
	off      bool // the parent must be off
	variants []string
}

// Name is the feature's name.
func (c *Compiled) Name() string { return c.name }

// Feature is the definition that was compiled. It must not be modified.
func (c *Compiled) Feature() *Feature { return c.feature }

// compileFeature compiles everything but the parents, which link resolves once all features are there.
func compileFeature(feature Feature, hash uint64, segments map[int]*compiledSegment, fields *fieldTable, custom Strategies) *Compiled {
	c := &Compiled{
		name:     feature.Name,
		hash:     hash,
		feature:  &feature,
		everyone: len(feature.Strategies) == 0,
	}
	if n := len(feature.Strategies); n > 0 {
		c.strategies = make([]strategy, 0, n)
	}
	for i := range feature.Strategies {
		source := &feature.Strategies[i]
		c.segments = append(c.segments, source.Segments...)
		if s, ok := compileStrategy(source, feature.Name, segments, fields, custom); ok {
			c.strategies = append(c.strategies, s)
		}
	}
	if len(feature.Variants) > 0 {
		c.variants = compileVariants(feature.Name, feature.Variants[0].Stickiness, feature.Variants, fields)
	}
	return c
}

// link resolves the dependencies through lookup. A parent that does not count turns the feature off.
func (c *Compiled) link(lookup func(name string) *Compiled) {
	c.on, c.parents = c.feature.Enabled, nil
	for i := range c.feature.Dependencies {
		p, ok := resolve(&c.feature.Dependencies[i], lookup)
		if !ok {
			c.on, c.parents = false, nil
			return
		}
		c.parents = append(c.parents, p)
	}
}

// resolve finds the parent of a dependency. It reports false for one that does not count: it is missing or has parents
// itself.
func resolve(dependency *Dependency, lookup func(name string) *Compiled) (parent, bool) {
	p := lookup(dependency.Feature)
	if p == nil || len(p.feature.Dependencies) > 0 {
		return parent{}, false
	}
	return parent{
		feature:  p,
		off:      dependency.Enabled != nil && !*dependency.Enabled,
		variants: dependency.Variants,
	}, true
}

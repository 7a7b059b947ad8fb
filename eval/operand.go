package eval

import (
	"math"
	"net/netip"
	"regexp"
	"strings"
)

// verdict says whether a constraint needs a context at all.
type verdict uint8

const (
	depends verdict = iota
	alwaysTrue
	alwaysFalse
)

// operand holds what few operators need, so that the others stay within a cache line.
type operand struct {
	set     textSet
	regex   *regexp.Regexp
	version version
	ranges  []netip.Prefix
}

var operators = map[string]operator{
	"IN":              opIn,
	"NOT_IN":          opIn,
	"STR_STARTS_WITH": opStartsWith,
	"STR_ENDS_WITH":   opEndsWith,
	"STR_CONTAINS":    opContains,
	"NUM_EQ":          opNumEQ,
	"NUM_GT":          opNumGT,
	"NUM_GTE":         opNumGTE,
	"NUM_LT":          opNumLT,
	"NUM_LTE":         opNumLTE,
	"DATE_AFTER":      opDateAfter,
	"DATE_BEFORE":     opDateBefore,
	"SEMVER_EQ":       opSemverEQ,
	"SEMVER_GT":       opSemverGT,
	"SEMVER_GTE":      opSemverGTE,
	"SEMVER_LT":       opSemverLT,
	"SEMVER_LTE":      opSemverLTE,
	"REGEX":           opRegex,
	"IN_CIDR":         opInCIDR,
}

// compileConstraint prepares a constraint and says whether its answer is fixed. An unknown operator is false even when
// inverted: a newer server may mean anything by it. A known operator with an operand that does not parse fails its
// test, which inverted turns to true, as in the SDKs.
func compileConstraint(source *Constraint, fields *fieldTable) (constraint, verdict) {
	op, known := operators[source.Operator]
	if !known {
		return constraint{}, alwaysFalse
	}
	c := constraint{op: op, invert: source.Inverted != (source.Operator == "NOT_IN")}
	if !c.compileOperand(source) {
		if c.invert {
			return c, alwaysTrue
		}
		return c, alwaysFalse
	}
	c.name, c.id = source.ContextName, fields.id(source.ContextName)
	return c, depends
}

// compileOperand reports false when no context can pass the test.
func (c *constraint) compileOperand(source *Constraint) bool {
	switch c.op {
	case opIn, opStartsWith, opEndsWith, opContains:
		return c.compileText(source)
	case opInCIDR:
		return c.compileRanges(source)
	}
	if source.Value == nil {
		return false
	}
	value := *source.Value
	switch c.op {
	case opNumEQ, opNumGT, opNumGTE, opNumLT, opNumLTE:
		n := parseNumber(value)
		c.bits = math.Float64bits(n)
		return !math.IsNaN(n)
	case opDateAfter, opDateBefore:
		t, ok := parseTime(value)
		c.bits = math.Float64bits(float64(t.UnixMilli()))
		return ok
	case opRegex:
		if source.CaseInsensitive {
			value = "(?i)" + value
		}
		regex, err := regexp.Compile(value)
		c.heavy = &operand{regex: regex}
		return err == nil
	default:
		// Unlike the context's, the constraint's version may start with a v.
		v, ok := parseVersion(strings.TrimPrefix(trimSpace(value), "v"))
		c.heavy = &operand{version: v}
		return ok
	}
}

// foldedOperators are the tests that ignore case.
var foldedOperators = map[operator]operator{
	opStartsWith: opStartsWithFold,
	opEndsWith:   opEndsWithFold,
	opContains:   opContainsFold,
}

func (c *constraint) compileText(source *Constraint) bool {
	folded, ignoreCase := foldedOperators[c.op]
	ignoreCase = ignoreCase && source.CaseInsensitive
	if ignoreCase {
		c.op = folded
	}
	c.values = make([]string, 0, len(source.Values))
	for _, value := range source.Values {
		if value == "" {
			continue
		}
		value = trimSpace(value)
		if ignoreCase {
			value = fold(value)
		}
		c.values = append(c.values, value)
		switch {
		case c.op == opIn:
			c.bits |= wholeBit(value)
		case value == "": // every text starts with it
			c.bits = math.MaxUint64
		default:
			c.bits |= firstBit(value)
		}
	}
	if c.op == opIn && len(c.values) > linearSet {
		c.op, c.heavy = opInLarge, &operand{set: newTextSet(c.values)}
	}
	return len(c.values) > 0
}

func (c *constraint) compileRanges(source *Constraint) bool {
	c.heavy = &operand{}
	for _, value := range source.Values {
		if r, ok := parseRange(trimSpace(value)); ok {
			c.heavy.ranges = append(c.heavy.ranges, r)
		}
	}
	return len(c.heavy.ranges) > 0
}

// compileConstraints prepares constraints that must all hold, and drops those that always do. It reports false when
// one of them never holds.
func compileConstraints(sources []Constraint, fields *fieldTable) ([]constraint, bool) {
	if len(sources) == 0 {
		return nil, true
	}
	compiled := make([]constraint, 0, len(sources)) // exact, so that those of neighbours lie side by side
	for i := range sources {
		c, v := compileConstraint(&sources[i], fields)
		switch v {
		case alwaysFalse:
			return nil, false
		case depends:
			compiled = append(compiled, c)
		}
	}
	return compiled, true
}

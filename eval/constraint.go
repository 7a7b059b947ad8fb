package eval

import "strings"

// operator selects the test of a compiled constraint.
type operator uint8

const (
	opIn    operator = iota
	opEqual          // opIn with one value
	opStartsWith
	opEndsWith
	opContains
	opNumEQ
	opNumGT
	opNumGTE
	opNumLT
	opNumLTE
	opDateAfter
	opDateBefore
	opSemverEQ
	opSemverGT
	opSemverGTE
	opSemverLT
	opSemverLTE
	opRegex
	opInCIDR
)

// verdict says whether a constraint needs a context at all.
type verdict uint8

const (
	depends verdict = iota
	alwaysTrue
	alwaysFalse
)

// constraint is one compiled comparison. Only the operands of its operator are set.
type constraint struct {
	op     operator
	invert bool // for NOT_IN and for inverted; both cancel out
	fold   bool // compare lowered text; values are lowered already
	field  field
	values []string // text operators
	number float64  // NUM operators
	date   int64    // DATE operators: milliseconds since 1970
	heavy  *operand // operators with larger operands
}

// test compares without regard to invert. A field that is absent or does not parse fails every test.
func (c *constraint) test(f *frame) bool {
	switch c.op {
	case opNumEQ, opNumGT, opNumGTE, opNumLT, opNumLTE:
		return c.testNumber(f)
	case opDateAfter, opDateBefore:
		return c.testDate(f)
	}
	text, ok := f.value(&c.field)
	if !ok {
		return false
	}
	switch c.op {
	case opEqual:
		return text == c.values[0]
	case opIn:
		return c.heavy.set.has(text)
	case opStartsWith, opEndsWith, opContains:
		return c.testText(text)
	case opRegex:
		return c.heavy.regex.MatchString(text)
	case opInCIDR:
		return c.testRange(text)
	default:
		return c.testVersion(text)
	}
}

// match reports whether the constraint holds.
func (c *constraint) match(f *frame) bool {
	return c.test(f) != c.invert
}

func (c *constraint) testNumber(f *frame) bool {
	n := f.number(&c.field) // NaN fails each comparison
	switch c.op {
	case opNumEQ:
		return n == c.number
	case opNumGT:
		return n > c.number
	case opNumGTE:
		return n >= c.number
	case opNumLT:
		return n < c.number
	default:
		return n <= c.number
	}
}

// testDate ignores the constraint's field: the SDKs always compare the context's current time.
func (c *constraint) testDate(f *frame) bool {
	now, ok := f.currentTime()
	if !ok {
		return false
	}
	if c.op == opDateAfter {
		return now > c.date
	}
	return now < c.date
}

func (c *constraint) testText(text string) bool {
	if c.fold {
		return c.testFolded(text)
	}
	for _, value := range c.values {
		var found bool
		switch c.op {
		case opStartsWith:
			found = strings.HasPrefix(text, value)
		case opEndsWith:
			found = strings.HasSuffix(text, value)
		default:
			found = strings.Contains(text, value)
		}
		if found {
			return true
		}
	}
	return false
}

func (c *constraint) testFolded(text string) bool {
	for _, value := range c.values {
		var found bool
		switch c.op {
		case opStartsWith:
			found = hasPrefixFold(text, value)
		case opEndsWith:
			found = hasSuffixFold(text, value)
		default:
			found = containsFold(text, value)
		}
		if found {
			return true
		}
	}
	return false
}

func (c *constraint) testVersion(text string) bool {
	v, ok := parseVersion(text)
	if !ok {
		return false
	}
	order := v.compare(c.heavy.version)
	switch c.op {
	case opSemverEQ:
		return order == 0
	case opSemverGT:
		return order > 0
	case opSemverGTE:
		return order >= 0
	case opSemverLT:
		return order < 0
	default:
		return order <= 0
	}
}

func (c *constraint) testRange(text string) bool {
	address, ok := parseRange(text)
	if !ok {
		return false
	}
	for _, r := range c.heavy.ranges {
		if rangeCovers(r, address) {
			return true
		}
	}
	return false
}

package eval

import (
	"math"
	"strings"
)

// operator selects the test of a compiled constraint. Numbers come last, so that one comparison tells them from the
// operators that need the field's text.
type operator uint8

const (
	opIn operator = iota
	opStartsWith
	opEndsWith
	opContains
	opInLarge // opIn with a set worth hashing
	opStartsWithFold
	opEndsWithFold
	opContainsFold
	opRegex
	opInCIDR
	opSemverEQ
	opSemverGT
	opSemverGTE
	opSemverLT
	opSemverLTE
	opDateAfter
	opDateBefore
	opNumEQ
	opNumGT
	opNumGTE
	opNumLT
	opNumLTE
)

// constraint is one compiled comparison. Only the operands of its operator are set. It fills one cache line of 64
// bytes, because evaluation walks over many of them.
type constraint struct {
	id     fieldID
	op     operator
	invert bool     // for NOT_IN and for inverted; both cancel out
	name   string   // of the field
	values []string // text operators; lowered for the folded ones
	bits   uint64   // NUM and DATE operators: a float64; opIn and opStartsWith: the filter of the values
	heavy  *operand // operators with larger operands
}

// number is the operand of a NUM operator, or of a DATE operator in milliseconds since 1970.
func (c *constraint) number() float64 {
	return math.Float64frombits(c.bits)
}

// match reports whether the constraint holds. A field that is absent or does not parse fails every test, which invert
// then turns around.
func (c *constraint) match(f *frame) bool {
	if c.op >= opNumEQ {
		return c.testNumber(f.number(c.id, c.name)) != c.invert
	}
	if c.op >= opDateAfter {
		return c.testDate(f) != c.invert
	}
	// The hottest path of the engine: frame.value by hand, and no call for the two most frequent operators.
	entry := &f.cache[c.id%cachedFields]
	text, ok := entry.text, entry.found
	if !entry.read {
		text, ok = f.look(c.id, c.name)
	}
	if !ok {
		return c.invert
	}
	switch c.op {
	case opIn:
		if c.bits&wholeBit(text) == 0 {
			return c.invert
		}
		for i := range c.values {
			if c.values[i] == text {
				return !c.invert
			}
		}
		return c.invert
	case opStartsWith:
		if c.bits&firstBit(text) == 0 {
			return c.invert
		}
		for i := range c.values {
			if strings.HasPrefix(text, c.values[i]) {
				return !c.invert
			}
		}
		return c.invert
	}
	return c.testText(text) != c.invert
}

// wholeBit and firstBit map a text to one of 64 bits, such that texts that are equal, or that start alike, share it. A
// constraint's filter has the bits of all its values: most texts that match none are told without touching the values,
// which are what evaluation would otherwise wait for.
func wholeBit(text string) uint64 {
	if text == "" {
		return 1
	}
	return 1 << ((uint(text[0]) + 5*uint(text[len(text)-1]) + 11*uint(len(text))) % 64)
}

func firstBit(text string) uint64 {
	if text == "" {
		return 1
	}
	return 1 << (text[0] % 64)
}

// testNumber fails for NaN, which compares with nothing.
func (c *constraint) testNumber(n float64) bool {
	operand := c.number()
	switch c.op {
	case opNumEQ:
		return n == operand
	case opNumGT:
		return n > operand
	case opNumGTE:
		return n >= operand
	case opNumLT:
		return n < operand
	default:
		return n <= operand
	}
}

// testDate ignores the constraint's field: the SDKs always compare the context's current time.
func (c *constraint) testDate(f *frame) bool {
	now, ok := f.currentTime()
	if !ok {
		return false
	}
	if c.op == opDateAfter {
		return now > c.number()
	}
	return now < c.number()
}

func (c *constraint) testText(text string) bool {
	switch c.op {
	case opEndsWith:
		for _, value := range c.values {
			if strings.HasSuffix(text, value) {
				return true
			}
		}
	case opContains:
		for _, value := range c.values {
			if strings.Contains(text, value) {
				return true
			}
		}
	case opInLarge:
		return c.heavy.set.has(text)
	case opStartsWithFold, opEndsWithFold, opContainsFold:
		return c.testFolded(text)
	case opRegex:
		return c.heavy.regex.MatchString(text)
	case opInCIDR:
		return c.testRange(text)
	default:
		return c.testVersion(text)
	}
	return false
}

func (c *constraint) testFolded(text string) bool {
	for _, value := range c.values {
		var found bool
		switch c.op {
		case opStartsWithFold:
			found = hasPrefixFold(text, value)
		case opEndsWithFold:
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

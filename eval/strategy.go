package eval

import (
	"math"
	"net/netip"
	"strings"
)

// strategyKind selects the rule of a compiled strategy.
type strategyKind uint8

const (
	kindAlways  strategyKind = iota // default, and a rollout to everyone
	kindRollout                     // percentage by id
	kindRandom                      // percentage by chance
	kindUserID
	kindRemoteAddress
	kindHostname
	kindCustom  // a rule from outside
	kindForeign // a type that only an application knows; never in a compiled feature
)

// stickiness says which id a rollout or a variant sticks to.
type stickiness uint8

const (
	stickyDefault stickiness = iota // user, else session, else (variants) address, else chance
	stickyRandom
	stickyUserID
	stickySessionID
	stickyField
)

// strategy is one compiled strategy: every constraint holds, then the rule decides.
type strategy struct {
	kind        strategyKind
	stickiness  stickiness
	threshold   uint32 // buckets 1..threshold of 100 are on
	key         bucketKey
	constraints []constraint // its own and its segments'
	variants    *variantSet  // nil: the feature's variants apply
	operand     *strategyOperand
}

type strategyOperand struct {
	field  field          // for stickyField
	texts  textSet        // user ids, addresses
	ranges []netip.Prefix // remoteAddress
	hosts  []string
	rule   Rule // for kindCustom
}

func (s *strategy) match(f *frame) bool {
	for i := range s.constraints {
		if !s.constraints[i].match(f) {
			return false
		}
	}
	return s.matchRule(f)
}

func (s *strategy) matchRule(f *frame) bool {
	switch s.kind {
	case kindAlways:
		return true
	case kindRollout:
		return s.matchRollout(f)
	case kindRandom:
		return f.draw(100) < s.threshold
	case kindUserID:
		return f.ctx.UserID != "" && s.operand.texts.has(f.ctx.UserID)
	case kindRemoteAddress:
		return s.matchAddress(f)
	case kindHostname:
		return s.matchHostname(f)
	default:
		return s.matchCustom(f)
	}
}

func (s *strategy) matchRollout(f *frame) bool {
	var id string
	switch s.stickiness {
	case stickyDefault:
		id = f.ctx.UserID
		if id == "" {
			id = f.ctx.SessionID
		}
		if id == "" {
			return f.draw(100) < s.threshold
		}
	case stickyUserID:
		id = f.ctx.UserID
	case stickySessionID:
		id = f.ctx.SessionID
	default:
		id, _ = f.value(s.operand.field.id, s.operand.field.name)
	}
	return id != "" && s.key.percent(id) <= s.threshold
}

func (s *strategy) matchAddress(f *frame) bool {
	text := f.ctx.RemoteAddress
	if text == "" {
		return false
	}
	if s.operand.texts.has(text) {
		return true
	}
	if len(s.operand.ranges) == 0 {
		return false
	}
	address, ok := parseRange(text)
	if !ok {
		return false
	}
	for _, r := range s.operand.ranges {
		if rangeCovers(r, address) {
			return true
		}
	}
	return false
}

func (s *strategy) matchHostname(f *frame) bool {
	host := f.ctx.hostname()
	for _, item := range s.operand.hosts {
		if strings.EqualFold(item, host) {
			return true
		}
	}
	return false
}

// compileStrategy reports false when the strategy can match no context: it is disabled or unknown, a segment is
// missing, a constraint never holds, or it rolls out to nobody.
func compileStrategy(source *Strategy, feature string, segments map[int]*compiledSegment, fields *fieldTable, custom Strategies) (strategy, bool) {
	var s strategy
	if source.Disabled || !s.compileRule(source, feature, fields, custom) {
		return s, false
	}
	constraints, ok := compileConstraints(source.Constraints, fields)
	if !ok {
		return s, false
	}
	for _, id := range source.Segments {
		segment := segments[id]
		if segment == nil || segment.never {
			return s, false
		}
		constraints = append(constraints, segment.constraints...)
	}
	s.constraints = constraints
	s.variants = compileStrategyVariants(source, fields)
	return s, true
}

func (s *strategy) compileRule(source *Strategy, feature string, fields *fieldTable, custom Strategies) bool {
	parameters := source.Parameters
	switch source.Name {
	case "default":
		return true
	case "userWithId":
		s.kind = kindUserID
		s.operand = &strategyOperand{texts: newTextSet(splitList(parameters["userIds"]))}
		return len(s.operand.texts.items) > 0
	case "gradualRolloutUserId":
		return s.compileRollout(parameters["percentage"], parameters["groupId"], stickyUserID)
	case "gradualRolloutSessionId":
		return s.compileRollout(parameters["percentage"], parameters["groupId"], stickySessionID)
	case "gradualRolloutRandom":
		return s.compileRollout(parameters["percentage"], "", stickyRandom)
	case "flexibleRollout":
		group := parameters["groupId"]
		if group == "" {
			group = feature
		}
		return s.compileFlexible(parameters["rollout"], group, parameters["stickiness"], fields)
	case "remoteAddress":
		s.kind = kindRemoteAddress
		s.operand = &strategyOperand{texts: newTextSet(splitList(parameters["IPs"]))}
		for _, item := range s.operand.texts.items {
			// IPv6 matches as text only, as in the Node SDK; the IN_CIDR constraint knows its ranges.
			if r, ok := parseRange(item); ok && r.Addr().Is4() {
				s.operand.ranges = append(s.operand.ranges, r)
			}
		}
		return len(s.operand.texts.items) > 0
	case "applicationHostname":
		s.kind = kindHostname
		s.operand = &strategyOperand{hosts: splitList(parameters["hostNames"])}
		return len(s.operand.hosts) > 0
	default:
		return s.compileCustom(source, custom)
	}
}

func (s *strategy) compileFlexible(percentage, group, sticky string, fields *fieldTable) bool {
	switch sticky {
	case "", "default":
		return s.compileRollout(percentage, group, stickyDefault)
	case "random":
		return s.compileRollout(percentage, group, stickyRandom)
	default:
		s.operand = &strategyOperand{field: fields.field(sticky)}
		return s.compileRollout(percentage, group, stickyField)
	}
}

func (s *strategy) compileRollout(percentage, group string, sticky stickiness) bool {
	n := 0.0
	if percentage != "" {
		n = parseNumber(percentage)
	}
	if math.IsNaN(n) || n < 1 { // buckets are whole numbers from 1
		return false
	}
	s.threshold, s.stickiness = uint32(min(n, 100)), sticky
	switch {
	case sticky == stickyRandom && s.threshold == 100, sticky == stickyDefault && s.threshold == 100:
		s.kind = kindAlways // an id is never lacking
	case sticky == stickyRandom:
		s.kind = kindRandom
	default:
		s.kind = kindRollout
		s.key = newBucketKey(group, rolloutSeed)
	}
	return true
}

// compileStrategyVariants groups by the groupId parameter. A strategy without one hashes the text "undefined": the SDKs
// do, and their buckets must be met.
func compileStrategyVariants(source *Strategy, fields *fieldTable) *variantSet {
	if len(source.Variants) == 0 {
		return nil
	}
	group, ok := source.Parameters["groupId"]
	if !ok {
		group = "undefined"
	}
	sticky := source.Variants[0].Stickiness
	if sticky == "" {
		sticky = source.Parameters["stickiness"]
	}
	return compileVariants(group, sticky, source.Variants, fields)
}

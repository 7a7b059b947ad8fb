package eval

import (
	"math"
	"slices"
	"time"
)

// FixesTime reports whether the context brings its own time, so that its answers do not change with the clock.
func (c *Context) FixesTime() bool {
	return c.badTime || !c.CurrentTime.IsZero()
}

// Moments appends the times at which the answer for a context that leaves its time open can change by itself: those of
// the feature's DATE constraints, of its segments' and of its parents'. They are milliseconds since 1970, in no order;
// each is the first at which the new answer counts. A feature that is off has none.
func (c *Compiled) Moments(moments []int64) []int64 {
	if !c.on {
		return moments
	}
	for i := range c.strategies {
		for j := range c.strategies[i].constraints {
			if at, dated := c.strategies[i].constraints[j].moment(); dated {
				moments = append(moments, at)
			}
		}
	}
	for i := range c.parents {
		moments = c.parents[i].feature.Moments(moments)
	}
	return moments
}

// moment is the first millisecond at which a DATE constraint gives its other answer.
func (c *constraint) moment() (at int64, dated bool) {
	const safe = 1 << 53 // milliseconds beyond it are not exact, and far from any clock
	switch n := c.number(); {
	case c.op != opDateAfter && c.op != opDateBefore, math.Abs(n) > safe:
		return 0, false
	case c.op == opDateAfter:
		return int64(n) + 1, true
	default:
		return int64(n), true
	}
}

// NextMoment is the first of moments, which are in order, that lies after now. It reports false if there is none.
func NextMoment(moments []int64, now time.Time) (next time.Time, found bool) {
	after := now.UnixMilli()
	i, _ := slices.BinarySearchFunc(moments, after, func(at, after int64) int {
		if at <= after {
			return -1
		}
		return 1
	})
	if i == len(moments) {
		return time.Time{}, false
	}
	return time.UnixMilli(moments[i]).UTC(), true
}

// Package limit knows how much of everything an instance may have.
//
// The API gives the limits to the context of each request; control functions ask From. The package reads no database. It
// imports fault only; every control package may import it.
package limit

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/pennonhq/pennon/fault"
)

// Limits is how much of everything there may be. What exists when a limit is lowered stays.
type Limits struct {
	SegmentValues    int // values in all constraints of a segment
	StrategySegments int // segments a strategy
	Strategies       int // a flag and environment
	ConstraintValues int // values a constraint of a strategy
	Constraints      int // constraints a strategy
	Environments     int
	Projects         int // that are not archived
	APITokens        int
	Segments         int
	Features         int // that are not archived
}

// Default returns the limits that Unleash has.
func Default() Limits {
	return Limits{
		SegmentValues: 1000, StrategySegments: 5, Strategies: 30, ConstraintValues: 250, Constraints: 30,
		Environments: 50, Projects: 500, APITokens: 2000, Segments: 300, Features: 5000,
	}
}

// Check fails when a limit is negative, absurdly large, or keeps an instance from working at all.
func (l Limits) Check() error {
	for _, n := range []int{
		l.SegmentValues, l.StrategySegments, l.Strategies, l.ConstraintValues, l.Constraints, l.Environments, l.Projects, l.APITokens,
		l.Segments, l.Features,
	} {
		if n < 0 || n > math.MaxInt32 {
			return fmt.Errorf("a limit must be between 0 and %d", math.MaxInt32)
		}
	}
	if l.Environments == 0 || l.Projects == 0 || l.Features == 0 {
		return errors.New("there must be room for an environment, a project and a flag")
	}
	return nil
}

type limitsKey struct{}

// With gives ctx its limits.
func With(ctx context.Context, l Limits) context.Context {
	return context.WithValue(ctx, limitsKey{}, l)
}

// From returns the limits of ctx, which are the default ones unless With has set others.
func From(ctx context.Context) Limits {
	if l, ok := ctx.Value(limitsKey{}).(Limits); ok {
		return l
	}
	return Default()
}

// Exceeded is the fault for one more of what there may be most of, in Unleash's words. what is a noun without article.
func Exceeded(what string, most int) *fault.Fault {
	return fault.New(fault.LimitExceeded, "Failed to create %s. You can't create more than the established limit of %d.", what, most)
}

// Room fails when there are count of what there may be most of, so that there is no room for another.
func Room(what string, count int64, most int) error {
	if count >= int64(most) {
		return Exceeded(what, most)
	}
	return nil
}

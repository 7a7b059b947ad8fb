package limit

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/fault"
)

func TestLimitsOfAContextAreTheDefaultOnesUntilSet(t *testing.T) {
	t.Parallel()
	require.Equal(t, Default(), From(t.Context()))
	few := Limits{Projects: 1}
	require.Equal(t, few, From(With(t.Context(), few)))
}

func TestLimitsMustLeaveRoomToWork(t *testing.T) {
	t.Parallel()
	require.NoError(t, Default().Check())
	for _, spoil := range []func(*Limits){
		func(l *Limits) { l.Projects = 0 },
		func(l *Limits) { l.Environments = 0 },
		func(l *Limits) { l.Features = 0 },
		func(l *Limits) { l.Segments = -1 },
		func(l *Limits) { l.APITokens = math.MaxInt32 + 1 },
	} {
		limits := Default()
		spoil(&limits)
		require.Error(t, limits.Check())
	}
	none := Default()
	none.Segments, none.StrategySegments = 0, 0
	require.NoError(t, none.Check(), "an instance can do without segments")
}

func TestRoomEndsAtTheLimit(t *testing.T) {
	t.Parallel()
	require.NoError(t, Room("segment", 2, 3))
	err := Room("segment", 3, 3)
	require.Equal(t, fault.LimitExceeded, fault.As(err).Kind)
	require.Equal(t, "Failed to create segment. You can't create more than the established limit of 3.", err.Error())
}

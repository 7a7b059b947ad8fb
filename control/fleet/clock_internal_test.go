package fleet

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestClockTrustsTheQuickestLook(t *testing.T) {
	t.Parallel()
	var c clock
	now := time.Now()
	look := func(at time.Time, trip, ahead time.Duration) (time.Duration, bool) {
		return c.look(at, at.Add(trip), at.Add(trip/2+ahead))
	}
	_, better := look(now, time.Millisecond, time.Millisecond)
	require.False(t, better, "no more than the look itself may be off")

	ahead, better := look(now, time.Millisecond, time.Hour)
	require.True(t, better)
	require.Equal(t, time.Hour, ahead)

	_, better = look(now.Add(time.Minute), time.Second, time.Hour+300*time.Millisecond)
	require.False(t, better, "a slow look says less")

	ahead, better = look(now.Add(time.Hour), time.Second, 2*time.Hour)
	require.True(t, better, "but old ones are worth nothing")
	require.Equal(t, 2*time.Hour, ahead)
}

package replica

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListKeepsOrderAndLeavesOlderVersionsAlone(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var current list[int]
	model := map[int]bool{}
	type version struct {
		list list[int]
		want []int
	}
	var versions []version
	for step := range 6000 {
		n := random.IntN(1500)
		if random.IntN(5) < 3 {
			current = current.with(n, cmp.Compare[int])
			model[n] = true
		} else {
			current = current.without(n, cmp.Compare[int])
			delete(model, n)
		}
		if step%200 == 0 {
			want := make([]int, 0, len(model))
			for n := range model {
				want = append(want, n)
			}
			slices.Sort(want)
			versions = append(versions, version{current, want})
		}
	}
	for _, v := range versions {
		require.Equal(t, len(v.want), v.list.length)
		require.Equal(t, v.want, append([]int{}, slices.Collect(v.list.all())...))
		back := append([]int{}, slices.Collect(v.list.backward())...)
		slices.Reverse(back)
		require.Equal(t, v.want, back)
		for _, chunk := range v.list.chunks {
			require.NotEmpty(t, chunk)
			require.LessOrEqual(t, len(chunk), chunkMax)
		}
	}
	_, found := current.find(func(n int) int { return cmp.Compare(n, 10_000) })
	require.False(t, found)
	require.Empty(t, slices.Collect(current.from(func(n int) int { return cmp.Compare(n, 10_000) })))
}

func TestListMergesChunksThatBecomeSmall(t *testing.T) {
	t.Parallel()
	var l list[int]
	for n := range 10_000 {
		l = l.with(n, cmp.Compare[int])
	}
	for n := range 10_000 {
		if n%100 != 0 {
			l = l.without(n, cmp.Compare[int])
		}
	}
	require.Equal(t, 100, l.length)
	require.Less(t, len(l.chunks), 8)
}

package usage

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStatsCountEvaluationsOfABoundedNumberOfApplications(t *testing.T) {
	t.Parallel()
	buffer := NewBuffer()
	for i := range MaxApps + 10 {
		buffer.Count(Key{Feature: "f", App: strconv.Itoa(i)}, Count{Yes: 2, No: 1})
	}
	buffer.Count(Key{Feature: "f", App: "0"}, Count{Yes: 1})
	undelivered := buffer.Take()
	buffer.Return(undelivered)
	stats := buffer.Stats()
	require.Len(t, stats.Apps, MaxApps+1)
	require.Equal(t, Evaluations{Yes: 3, No: 1}, stats.Apps["0"])
	require.Equal(t, Evaluations{Yes: 20, No: 10}, stats.Apps[OtherApps])
}

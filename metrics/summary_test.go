package metrics_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/metrics"
)

func TestSummaryOfHistograms(t *testing.T) {
	t.Parallel()
	bounds := []float64{1, 10, 100}
	quick, slow := metrics.NewHistogram(bounds), metrics.NewHistogram(bounds)
	require.Zero(t, metrics.Summarize())
	require.Zero(t, metrics.Summarize(quick, slow))
	quick.Observe(0.5, 98)
	slow.Observe(5, 1)
	require.Equal(t, metrics.Summary{Count: 99, Mean: 54.0 / 99, P99: 10}, metrics.Summarize(quick, slow))
	quick.Observe(0.5, 900)
	require.InDelta(t, 1, metrics.Summarize(quick, slow).P99, 0)
	slow.Observe(1000, 1000)
	require.InDelta(t, 100, metrics.Summarize(quick, slow).P99, 0, "at least")
}

func TestProcessIsKnown(t *testing.T) {
	t.Parallel()
	if used, known := metrics.Process(); known {
		require.Positive(t, used.Memory)
		require.GreaterOrEqual(t, used.CPU, 0.0)
	}
}

package usage

import (
	"maps"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func histogram(count int64, sum float64, upTo ...float64) Measurement {
	m := Measurement{Kind: Histogram, Help: "h", Count: count, Sum: sum}
	for _, bound := range append(upTo, math.Inf(1)) {
		m.Buckets = append(m.Buckets, Bucket{UpTo: bound, Count: count})
	}
	return m
}

func TestLabels(t *testing.T) {
	t.Parallel()
	given := map[string]string{"b": "2", "a": "", "c": "x=\"y\""}
	require.Equal(t, given, maps.Collect(LabelsOf(given).All()))
	require.Equal(t, LabelsOf(given), LabelsOf(maps.Clone(given)))
	require.Empty(t, maps.Collect(LabelsOf(nil).All()))
	require.NotEqual(t, LabelsOf(map[string]string{"a": "b"}), LabelsOf(map[string]string{"ab": ""}))
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	series := Series{Environment: "e", Name: "n", Labels: LabelsOf(map[string]string{"a": "b"})}

	t.Run("AddsCountersAndHistogramsUpAndKeepsTheLastGauge", func(t *testing.T) {
		t.Parallel()
		for _, example := range []struct{ first, second, merged Measurement }{
			{Measurement{Kind: Counter, Value: 1}, Measurement{Kind: Counter, Value: 2}, Measurement{Kind: Counter, Value: 3}},
			{Measurement{Kind: Gauge, Value: 1}, Measurement{Kind: Gauge, Value: -2}, Measurement{Kind: Gauge, Value: -2}},
			{histogram(1, 2, 1, 5), histogram(2, 3, 1, 5), histogram(3, 5, 1, 5)},
			{histogram(1, 2, 1, 5), histogram(2, 3, 1, 6), histogram(2, 3, 1, 6)},
			{Measurement{Kind: Counter, Value: math.MaxFloat64}, Measurement{Kind: Counter, Value: math.MaxFloat64}, Measurement{Kind: Counter, Value: math.MaxFloat64}},
		} {
			buffer := NewBuffer()
			buffer.Measure(series, example.first)
			buffer.Measure(series, example.second)
			require.Equal(t, example.merged, buffer.Take().Impact[series])
		}
	})

	t.Run("LosesNothingWhenABatchComesBack", func(t *testing.T) {
		t.Parallel()
		buffer := NewBuffer()
		gauge := Series{Name: "g"}
		buffer.Measure(series, Measurement{Kind: Counter, Value: 1})
		buffer.Measure(gauge, Measurement{Kind: Gauge, Value: 1})
		undelivered := buffer.Take()
		require.False(t, undelivered.Empty())
		buffer.Measure(series, Measurement{Kind: Counter, Value: 2})
		buffer.Measure(gauge, Measurement{Kind: Gauge, Value: 7})
		buffer.Return(undelivered)
		batch := buffer.Take()
		require.InDelta(t, 3, batch.Impact[series].Value, 0)
		require.InDelta(t, 7, batch.Impact[gauge].Value, 0, "the newer one")
	})

	t.Run("IsBounded", func(t *testing.T) {
		t.Parallel()
		buffer := NewBuffer()
		buffer.maxSeries = 1
		buffer.Measure(series, Measurement{Kind: Counter, Value: 1})
		buffer.Measure(Series{Name: "other"}, Measurement{Kind: Counter, Value: 1})
		buffer.Measure(series, Measurement{Kind: Gauge, Value: 1})
		require.Equal(t, 1, buffer.Stats().Series)
		require.Equal(t, uint64(2), buffer.Stats().Dropped)
		batch := buffer.Take()
		require.Equal(t, 2, batch.Dropped)
		require.Equal(t, map[Series]Measurement{series: {Kind: Counter, Value: 1}}, batch.Impact)
	})
}

func TestImpact(t *testing.T) {
	t.Parallel()
	add := func(impact *Impact, name, label string, m Measurement) {
		impact.Add(map[Series]Measurement{{Name: name, Labels: LabelsOf(map[string]string{"l": label})}: m})
	}

	t.Run("AddsUpOverReports", func(t *testing.T) {
		t.Parallel()
		impact := NewImpact()
		for range 2 {
			add(impact, "n", "2", Measurement{Kind: Counter, Help: "help", Value: 2})
		}
		add(impact, "n", "1", Measurement{Kind: Counter, Value: 1})
		add(impact, "n", "1", Measurement{Kind: Gauge, Value: 1})
		add(impact, "a", "1", histogram(1, 1, 1))
		families := impact.Families()
		require.Len(t, families, 2)
		require.Equal(t, "a", families[0].Name)
		require.Equal(t, "help", families[1].Help)
		require.Equal(t, []ImpactSeries{
			{LabelsOf(map[string]string{"l": "1"}), Measurement{Kind: Counter, Value: 1}},
			{LabelsOf(map[string]string{"l": "2"}), Measurement{Kind: Counter, Help: "help", Value: 4}},
		}, families[1].Series)
		require.Equal(t, int64(1), impact.Dropped(), "a counter does not become a gauge")
	})

	t.Run("MakesRoomByForgettingWhatIsSilent", func(t *testing.T) {
		t.Parallel()
		impact := NewImpact()
		impact.maxSeries = 2
		now := noon
		impact.now = func() time.Time { return now }
		add(impact, "old", "1", Measurement{Kind: Counter, Value: 1})
		add(impact, "live", "1", Measurement{Kind: Counter, Value: 1})
		add(impact, "new", "1", Measurement{Kind: Counter, Value: 1})
		require.Equal(t, int64(1), impact.Dropped())
		now = now.Add(silentFor + time.Minute)
		add(impact, "live", "1", Measurement{Kind: Counter, Value: 1})
		add(impact, "new", "1", Measurement{Kind: Counter, Value: 1})
		families := impact.Families()
		require.Len(t, families, 2)
		require.Equal(t, "live", families[0].Name)
		require.InDelta(t, 2, families[0].Series[0].Measured.Value, 0)
		require.Equal(t, "new", families[1].Name)
	})
}

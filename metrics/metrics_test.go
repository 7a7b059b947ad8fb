package metrics

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func written(collect func(*Writer)) string {
	var r Registry
	r.Collect(collect)
	return string(r.Write(nil))
}

func TestText(t *testing.T) {
	t.Parallel()
	h := NewHistogram([]float64{1, 5})
	h.Observe(1, 2)
	h.Observe(4, 1)
	h.Observe(6.5, 1)
	require.Equal(t, uint64(4), h.Count())
	require.Equal(t, `# HELP c Help\nin \\ lines
# TYPE c counter
c{a="x\"y\\z\n",b=""} 3
c 1e+21
# HELP h H
# TYPE h histogram
h_bucket{a="b",le="1"} 2
h_bucket{a="b",le="5"} 3
h_bucket{a="b",le="+Inf"} 4
h_sum{a="b"} 12.5
h_count{a="b"} 4
`, written(func(w *Writer) {
		require.True(t, w.Family("c", "Help\nin \\ lines", KindCounter))
		w.Sample(3, Label{"a", "x\"y\\z\n"}, Label{"b", ""})
		w.Sample(1e21)
		require.False(t, w.Family("c", "again", KindGauge))
		w.Value("c", "again", KindGauge, 1)
		require.True(t, w.Family("h", "H", KindHistogram))
		w.Histogram(h, Label{"a", "b"})
	}))
	require.Equal(t, "+Inf", format(math.Inf(1)))
}

func TestRequestsKeepTheirLabelsBounded(t *testing.T) {
	t.Parallel()
	r := NewRequests(func(path string) bool { return path == "/sdk" })
	r.Observe("/sdk", http.MethodGet, 200, 3*time.Millisecond)
	r.Observe("/admin", http.MethodGet, 200, time.Millisecond)
	for i := range 10 {
		r.Observe("/sdk", "MADE-UP-"+strconv.Itoa(i), 404, time.Millisecond)
	}
	text := written(r.Collect)
	require.Contains(t, text, `http_sdk_request_duration_milliseconds_bucket{path="/sdk",method="GET",status="200",le="5"} 1`)
	require.Contains(t, text, `http_sdk_request_duration_milliseconds_sum{path="/sdk",method="GET",status="200"} 3`)
	require.Contains(t, text, `http_request_duration_milliseconds_count{path="/admin",method="GET",status="200"} 1`)
	require.NotContains(t, text, `http_sdk_request_duration_milliseconds_count{path="/admin"`)
	require.Contains(t, text, `http_request_duration_milliseconds_count{path="/sdk",method="OTHER",status="404"} 10`)
	require.NotContains(t, text, "MADE-UP")

	for i := range maxRequestSeries + 10 {
		r.Observe("/"+strconv.Itoa(i), http.MethodGet, 200, time.Millisecond)
	}
	require.LessOrEqual(t, len(*r.series.Load()), maxRequestSeries)
}

func TestProcessTellsWhatTheSystemKnows(t *testing.T) {
	t.Parallel()
	text := written(CollectProcess)
	for _, name := range []string{"go_goroutines", "process_start_time_seconds", "process_cpu_seconds_total"} {
		require.Contains(t, text, "# TYPE "+name+" ")
	}
	require.NotContains(t, strings.ToLower(text), "nan")
}

func BenchmarkObserve(b *testing.B) {
	r := NewRequests(func(string) bool { return true })
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.Observe("/api/client/features", http.MethodGet, 304, 150*time.Microsecond)
		}
	})
}

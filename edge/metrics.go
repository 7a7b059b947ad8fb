package edge

import (
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/pennonhq/pennon/api/system"
	"github.com/pennonhq/pennon/metrics"
	"github.com/pennonhq/pennon/sse"
)

// deliveryBounds are the buckets of the time from a change's commit to its message being handed to the system, in seconds.
var deliveryBounds = []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// measured is what an edge counts for Prometheus.
type measured struct {
	registry metrics.Registry
	requests *metrics.Requests
	delivery *metrics.Histogram
}

func newMeasured() *measured {
	return &measured{
		requests: metrics.NewRequests(func(string) bool { return false }), delivery: metrics.NewHistogram(deliveryBounds),
	}
}

func (m *measured) delivered(d sse.Delivery) {
	m.delivery.Observe(max(d.After, 0).Seconds(), uint64(d.Messages)) // clocks may differ
}

// observe counts requests but those of operators.
func (m *measured) observe(path, method string, status int, took time.Duration) {
	if !strings.HasPrefix(path, Backstage) {
		m.requests.Observe(path, method, status, took)
	}
}

// connectMetrics has everything written that edges know of themselves, beginning with what comes first.
func (s *surface) connectMetrics(self identity, first ...func(*metrics.Writer)) {
	r := &s.measured.registry
	r.Collect(s.collectBuild)
	for _, collect := range first {
		r.Collect(collect)
	}
	r.Collect(func(w *metrics.Writer) { collectRequests(w, s.measured.requests, self) })
	r.Collect(s.collectCache)
	r.Collect(func(w *metrics.Writer) { system.CollectFlags(w, s.store) })
	r.Collect(func(w *metrics.Writer) { s.collectStreams(w, self) })
	r.Collect(metrics.CollectProcess)
}

func (s *surface) collectBuild(w *metrics.Writer) {
	if w.Family("pennon_build_info", "The version that runs.", metrics.KindGauge) {
		w.Sample(1, label("version", s.config.Version), label("go_version", runtime.Version()))
	}
	w.Value("pennon_edge_ready", "1 while the edge is ready.", metrics.KindGauge, truth(s.ready() == nil))
}

// collectRequests writes requests as Unleash Edge does.
func collectRequests(w *metrics.Writer, requests *metrics.Requests, self identity) {
	labels := func(path, method string, status int) []metrics.Label {
		return self.with(label("endpoint", path), label("method", method), label("status", strconv.Itoa(status)))
	}
	if w.Family("http_requests_total", "Requests that were answered, streams not counted.", metrics.KindCounter) {
		requests.Each(func(path, method string, status int, h *metrics.Histogram) {
			w.Sample(float64(h.Count()), labels(path, method, status)...)
		})
	}
	if w.Family("http_server_duration_milliseconds", "How long they took.", metrics.KindHistogram) {
		requests.Each(func(path, method string, status int, h *metrics.Histogram) {
			w.Histogram(h, labels(path, method, status)...)
		})
	}
}

// collectCache writes how often polls of SDKs for all flags cost next to nothing.
func (s *surface) collectCache(w *metrics.Writer) {
	var whole, unchanged uint64
	s.measured.requests.Each(func(path, method string, status int, h *metrics.Histogram) {
		switch {
		case path != "/api/client/features" || method != http.MethodGet && method != http.MethodHead:
		case status == http.StatusOK:
			whole += h.Count()
		case status == http.StatusNotModified:
			unchanged += h.Count()
		}
	})
	built := min(s.store.Built(), whole+unchanged) // answers are also put together for others
	if w.Family("pennon_cache_answers_total",
		"Answers to GET /api/client/features: 304, ready from an earlier request, or put together for this one.", metrics.KindCounter) {
		encoded := min(built, whole)
		w.Sample(float64(unchanged), label("answer", "not_modified"))
		w.Sample(float64(whole-encoded), label("answer", "ready"))
		w.Sample(float64(encoded), label("answer", "encoded"))
	}
	ratio := 1.0
	if all := whole + unchanged; all > 0 {
		ratio = float64(all-built) / float64(all)
	}
	w.Value("pennon_cache_hit_ratio", "Share of these that were not put together for the request, since the start.", metrics.KindGauge, ratio)
}

func (s *surface) collectStreams(w *metrics.Writer, self identity) {
	stats := s.hub.Stats()
	open := 0
	for _, n := range stats.Streams {
		open += n
	}
	if w.Family("connected_streaming_clients", "Streams that are open.", metrics.KindGauge) {
		w.Sample(float64(open), self...)
	}
	if w.Family("streaming_connections_made", "Streams that were opened.", metrics.KindCounter) {
		w.Sample(float64(stats.Opened), self...)
	}
	system.CollectStreams(w, stats)
	if w.Family("pennon_delivery_duration_seconds",
		"From when a change was made, as far as the upstream says so, else from when it came, until its message was handed to the system, for each stream.",
		metrics.KindHistogram) {
		w.Histogram(s.measured.delivery)
	}
}

package edge

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pennonhq/pennon/metrics"
)

// upstreamBounds are the buckets of requests to the upstream in milliseconds, as Unleash Edge has them.
var upstreamBounds = []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000}

// noAnswer stands for the status of a request that was not answered.
const noAnswer = 0

// meter times what is asked of the upstream, streams not counted. It is safe for concurrent use.
type meter struct {
	base  http.RoundTripper
	mu    sync.Mutex
	timed map[asked]*metrics.Histogram // mu; from the question until the answer begins
}

// asked is what requests to the upstream are told apart by.
type asked struct {
	path   string // one of meteredPaths
	status int
}

// meteredPaths are the ends of the paths that are timed. Later ones may be the ends of earlier ones.
var meteredPaths = []string{
	"/client/features", "/client/delta", "/client/register", "/client/metrics/bulk", "/client/metrics/edge", "/client/metrics", "/edge/validate",
}

// RoundTrip implements http.RoundTripper.
func (m *meter) RoundTrip(r *http.Request) (*http.Response, error) {
	at := slices.IndexFunc(meteredPaths, func(end string) bool { return strings.HasSuffix(r.URL.Path, end) })
	if at < 0 {
		return m.base.RoundTrip(r)
	}
	began := time.Now()
	answer, err := m.base.RoundTrip(r)
	took := time.Since(began)
	status := noAnswer
	if err == nil {
		status = answer.StatusCode
	}
	m.of(asked{meteredPaths[at], status}).Observe(float64(took)/float64(time.Millisecond), 1)
	return answer, err
}

// CloseIdleConnections lets http.Client do that.
func (m *meter) CloseIdleConnections() {
	if base, ok := m.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

func (m *meter) of(key asked) *metrics.Histogram {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := m.timed[key]
	if h == nil {
		if m.timed == nil {
			m.timed = map[asked]*metrics.Histogram{}
		}
		h = metrics.NewHistogram(upstreamBounds)
		m.timed[key] = h
	}
	return h
}

// each yields the series of a path in order of status.
func (m *meter) each(path string, yield func(status string, h *metrics.Histogram)) {
	m.mu.Lock()
	series := maps.Clone(m.timed)
	m.mu.Unlock()
	for _, key := range slices.SortedFunc(maps.Keys(series), func(a, b asked) int { return cmp.Compare(a.status, b.status) }) {
		if key.path == path {
			yield(statusText(key.status), series[key])
		}
	}
}

func statusText(status int) string {
	if status == noAnswer {
		return "none"
	}
	return strconv.Itoa(status)
}

// failed reports whether a request of that status brought nothing.
func failed(status string) bool { return status == "none" || status >= "400" }

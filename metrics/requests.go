package metrics

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// requestBounds are the buckets of requests in milliseconds: Unleash's, and finer ones below.
var requestBounds = []float64{0.1, 0.25, 0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000}

// maxRequestSeries bounds the series of requests. Their labels come from the program and not from callers, so that it is
// never reached but by mistake.
const maxRequestSeries = 4000

// OtherMethod stands for methods that HTTP does not define.
const OtherMethod = "OTHER"

// request is what requests are told apart by.
type request struct {
	path   string // a template, never what the caller sent
	method string
	status int
}

// Requests times HTTP requests by path, method and status. Make it with NewRequests.
type Requests struct {
	sdk    func(path string) bool
	series atomic.Pointer[map[request]*Histogram]
	mu     sync.Mutex // held by whoever adds a series
}

// NewRequests makes one. sdk says which paths are those of SDKs.
func NewRequests(sdk func(path string) bool) *Requests {
	r := &Requests{sdk: sdk}
	r.series.Store(&map[request]*Histogram{})
	return r
}

// Observe counts a request that took that long.
func (r *Requests) Observe(path, method string, status int, took time.Duration) {
	key := request{path, method, status}
	h := (*r.series.Load())[key]
	if h == nil {
		h = r.add(key)
	}
	if h != nil {
		h.Observe(float64(took)/float64(time.Millisecond), 1)
	}
}

func (r *Requests) add(key request) *Histogram {
	r.mu.Lock()
	defer r.mu.Unlock()
	series := *r.series.Load()
	if h := series[key]; h != nil {
		return h
	}
	if len(series) >= maxRequestSeries {
		return nil
	}
	switch key.method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions,
		OtherMethod:
	default:
		key.method = OtherMethod
		if h := series[key]; h != nil {
			return h
		}
	}
	more := maps.Clone(series)
	h := NewHistogram(requestBounds)
	more[key] = h
	r.series.Store(&more)
	return h
}

// Each yields every series, in order of path, method and status.
func (r *Requests) Each(yield func(path, method string, status int, h *Histogram)) {
	series := *r.series.Load()
	for _, key := range sorted(series) {
		yield(key.path, key.method, key.status, series[key])
	}
}

func sorted(series map[request]*Histogram) []request {
	return slices.SortedFunc(maps.Keys(series), func(a, b request) int {
		return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.method, b.method), cmp.Compare(a.status, b.status))
	})
}

// Collect writes all requests under one name and those of SDKs under another, as Unleash does.
func (r *Requests) Collect(w *Writer) {
	series := *r.series.Load()
	keys := sorted(series)
	write := func(of func(path string) bool) {
		for _, key := range keys {
			if of(key.path) {
				w.Histogram(series[key], Label{"path", key.path}, Label{"method", key.method}, Label{"status", strconv.Itoa(key.status)})
			}
		}
	}
	if w.Family("http_request_duration_milliseconds", "How long requests took, streams not counted.", KindHistogram) {
		write(func(string) bool { return true })
	}
	if w.Family("http_sdk_request_duration_milliseconds", "Of these, those to the APIs of SDKs and browsers.", KindHistogram) {
		write(r.sdk)
	}
}

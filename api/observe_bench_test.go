package api

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/pennonhq/pennon/metrics"
)

// BenchmarkObserve compares what observing adds to the cheapest answer there is.
func BenchmarkObserve(b *testing.B) {
	requests := metrics.NewRequests(func(string) bool { return true })
	for name, observe := range map[string]Observe{"off": nil, "on": requests.Observe} {
		b.Run(name, func(b *testing.B) {
			a := New(Config{Observe: observe}, slog.New(slog.DiscardHandler))
			a.Router.Get("/api/client/features", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
			r := httptest.NewRequestWithContext(b.Context(), http.MethodGet, "/api/client/features", nil)
			w := httptest.NewRecorder()
			b.ReportAllocs()
			for b.Loop() {
				a.ServeHTTP(w, r)
			}
		})
	}
}

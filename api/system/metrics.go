package system

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/klauspost/compress/gzip"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/metrics"
	"github.com/pennonhq/pennon/usage"
)

// Paths of what Prometheus scrapes, Unleash's.
const (
	PathMetrics = "/internal-backstage/prometheus"
	PathImpact  = "/internal-backstage/impact/metrics"
)

// contentTypeMetrics is the type of the text format.
const contentTypeMetrics = "text/plain; version=0.0.4; charset=utf-8"

// RegisterMetrics puts what Prometheus scrapes on router: everything there is under PathMetrics, impact metrics at its end,
// and those alone under PathImpact, where Unleash has them. impact may be nil. It wants no credential.
func RegisterMetrics(router chi.Router, registry *metrics.Registry, impact *usage.Impact) {
	router.Get(PathMetrics, ServeMetrics(registry))
	if impact == nil {
		return
	}
	registry.Collect(collectImpact(impact))
	var alone metrics.Registry
	alone.Collect(collectImpact(impact))
	router.Get(PathImpact, ServeMetrics(&alone))
}

// ServeMetrics answers with what the registry has to write.
func ServeMetrics(registry *metrics.Registry) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		text := registry.Write(nil)
		header := w.Header()
		header.Set("Content-Type", contentTypeMetrics)
		header.Set("Cache-Control", "no-store")
		api.AddVary(header)
		if !api.AcceptsGzip(r.Header) {
			_, _ = w.Write(text) // the scraper is gone; nothing is left to tell
			return
		}
		header.Set("Content-Encoding", "gzip")
		writer, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // fails for unknown levels only
		_, _ = writer.Write(text)
		_ = writer.Close()
	}
}

// collectImpact writes impact metrics as Unleash does: origin and metric_type before the labels of the application.
func collectImpact(impact *usage.Impact) func(*metrics.Writer) {
	return func(w *metrics.Writer) {
		for _, family := range impact.Families() {
			if !w.Family(family.Name, family.Help, metrics.Kind(family.Kind)) {
				continue // a name of our own
			}
			for _, series := range family.Series {
				labels := []metrics.Label{{Name: "origin", Value: "sdk"}, {Name: "metric_type", Value: string(family.Kind)}}
				for name, value := range series.Labels.All() {
					if name != "origin" && name != "metric_type" && name != "le" {
						labels = append(labels, metrics.Label{Name: name, Value: value})
					}
				}
				measured := series.Measured
				if family.Kind != usage.Histogram {
					w.Sample(measured.Value, labels...)
					continue
				}
				buckets := make([]metrics.Bucket, len(measured.Buckets))
				for i, bucket := range measured.Buckets {
					buckets[i] = metrics.Bucket{UpTo: bucket.UpTo, Count: uint64(bucket.Count)}
				}
				w.Buckets(buckets, uint64(measured.Count), measured.Sum, labels...)
			}
		}
	}
}

// DocumentMetrics describes the two in the OpenAPI document.
func DocumentMetrics(h huma.API) {
	text := map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}}
	for _, route := range []struct{ path, id, summary, description string }{
		{PathMetrics, "getPrometheusMetrics", "Metrics for Prometheus", "What the server measures of itself, then the impact metrics."},
		{PathImpact, "getImpactMetrics", "Impact metrics for Prometheus", "What applications measure of themselves and report with their usage."},
	} {
		h.OpenAPI().AddOperation(&huma.Operation{
			Method: http.MethodGet, Path: route.path, OperationID: route.id, Tags: []string{"Operational"},
			Summary: route.summary, Description: route.description,
			Security: []map[string][]string{}, Extensions: map[string]any{"x-permission": []string{}},
			Responses: map[string]*huma.Response{"200": {Description: "In Prometheus's text format, version 0.0.4.", Content: text}},
		})
	}
}

package edge

import (
	"maps"
	"math"
	"time"

	"github.com/pennonhq/pennon/usage"
)

// impactSchema is an impact metric in the body of a report.
type impactSchema struct {
	Name    string         `json:"name"`
	Help    string         `json:"help"`
	Type    usage.Kind     `json:"type"`
	Samples []sampleSchema `json:"samples"`
}

// sampleSchema is a series in the body of a report. Value is of counters and gauges, the rest of histograms.
type sampleSchema struct {
	Labels  map[string]string `json:"labels"`
	Value   *float64          `json:"value,omitempty"`
	Count   *int64            `json:"count,omitempty"`
	Sum     *float64          `json:"sum,omitempty"`
	Buckets []boundSchema     `json:"buckets,omitempty"`
}

// boundSchema is a bucket of a histogram.
type boundSchema struct {
	UpTo  any   `json:"le"` // a number, or "+Inf"
	Count int64 `json:"count"`
}

// impactOf is one series as a metric of its own: receivers put series of a name together.
func impactOf(series usage.Series, m usage.Measurement) impactSchema {
	sample := sampleSchema{Labels: maps.Collect(series.Labels.All())}
	if m.Kind == usage.Histogram {
		sample.Count, sample.Sum = &m.Count, &m.Sum
		for _, bucket := range m.Buckets {
			bound := boundSchema{UpTo: bucket.UpTo, Count: bucket.Count}
			if math.IsInf(bucket.UpTo, 1) {
				bound.UpTo = "+Inf"
			}
			sample.Buckets = append(sample.Buckets, bound)
		}
	} else {
		sample.Value = &m.Value
	}
	return impactSchema{Name: series.Name, Help: m.Help, Type: m.Kind, Samples: []sampleSchema{sample}}
}

// impactReports reports impact metrics as an SDK that has counted nothing else. Their labels say whose they are.
func (f *Forwarder) impactReports(batch *usage.Batch) []*report {
	var all []*report
	var items []impactSchema
	part, size := usage.NewBatch(), 1024
	end := func() {
		if len(items) == 0 {
			return
		}
		body := f.metrics("", usage.Hour(time.Now()), nil)
		all = append(all, &report{
			path: "/client/metrics", batch: part,
			body: encoded(struct {
				metricsSchema
				Bucket  *bucketSchema  `json:"bucket"` // instead of the one inside: none
				Metrics []impactSchema `json:"impactMetrics"`
			}{metricsSchema: body, Metrics: items}),
		})
		items, part, size = nil, usage.NewBatch(), 1024
	}
	for series, m := range batch.Impact {
		item := impactOf(series, m)
		cost := len(encoded(item)) + 1
		if size+cost > f.limit {
			end()
		}
		size += cost
		items = append(items, item)
		part.Impact[series] = m
	}
	end()
	return all
}

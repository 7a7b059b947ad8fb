package metrics

import (
	"math"
	"strconv"
	"strings"
)

// Kind is the kind of a metric.
type Kind string

// The kinds of metrics.
const (
	KindCounter   Kind = "counter"
	KindGauge     Kind = "gauge"
	KindHistogram Kind = "histogram"
)

// Label is a name and a value that tell series of a metric apart.
type Label struct{ Name, Value string }

// Writer writes metrics. Each begins with Family, its series follow.
type Writer struct {
	text    []byte
	name    string // of the present family
	written map[string]bool
}

// Family begins a metric. It returns false, and nothing must be written, when there was one of that name already.
func (w *Writer) Family(name, help string, kind Kind) bool {
	if w.written[name] {
		return false
	}
	w.written[name] = true
	w.name = name
	w.text = append(w.text, "# HELP "...)
	w.text = append(w.text, name...)
	w.text = append(w.text, ' ')
	w.text = append(w.text, escapeHelp.Replace(help)...)
	w.text = append(w.text, "\n# TYPE "...)
	w.text = append(w.text, name...)
	w.text = append(w.text, ' ')
	w.text = append(w.text, kind...)
	w.text = append(w.text, '\n')
	return true
}

// Sample writes one series of the present metric.
func (w *Writer) Sample(value float64, labels ...Label) { w.sample("", value, labels) }

// Value writes a metric with one series.
func (w *Writer) Value(name, help string, kind Kind, value float64) {
	if w.Family(name, help, kind) {
		w.Sample(value)
	}
}

// Histogram writes one series of the present metric, a histogram.
func (w *Writer) Histogram(h *Histogram, labels ...Label) {
	buckets := make([]Bucket, len(h.counts))
	var count uint64
	for i := range h.counts {
		count += h.counts[i].Load()
		upTo := math.Inf(1)
		if i < len(h.bounds) {
			upTo = h.bounds[i]
		}
		buckets[i] = Bucket{upTo, count}
	}
	w.Buckets(buckets, count, math.Float64frombits(h.sum.Load()), labels...)
}

// Bucket is how much was observed up to a bound.
type Bucket struct {
	UpTo  float64
	Count uint64
}

// Buckets writes one series of the present metric, a histogram that was counted elsewhere. The last bucket is that of +Inf.
func (w *Writer) Buckets(buckets []Bucket, count uint64, sum float64, labels ...Label) {
	bounded := append(append(make([]Label, 0, len(labels)+1), labels...), Label{})
	for _, bucket := range buckets {
		bounded[len(labels)] = Label{"le", format(bucket.UpTo)}
		w.sample("_bucket", float64(bucket.Count), bounded)
	}
	w.sample("_sum", sum, labels)
	w.sample("_count", float64(count), labels)
}

func (w *Writer) sample(suffix string, value float64, labels []Label) {
	w.text = append(w.text, w.name...)
	w.text = append(w.text, suffix...)
	for i, label := range labels {
		if i == 0 {
			w.text = append(w.text, '{')
		} else {
			w.text = append(w.text, ',')
		}
		w.text = append(w.text, label.Name...)
		w.text = append(w.text, `="`...)
		w.text = append(w.text, escapeValue.Replace(label.Value)...)
		w.text = append(w.text, '"')
	}
	if len(labels) > 0 {
		w.text = append(w.text, '}')
	}
	w.text = append(w.text, ' ')
	w.text = append(w.text, format(value)...)
	w.text = append(w.text, '\n')
}

var (
	escapeHelp  = strings.NewReplacer(`\`, `\\`, "\n", `\n`)
	escapeValue = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)
)

func format(value float64) string {
	if math.IsInf(value, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(value, 'g', -1, 64)
}

package usage

import (
	"iter"
	"maps"
	"math"
	"slices"
	"strings"
)

// Kind is the kind of an impact metric.
type Kind string

// The kinds of impact metrics.
const (
	Counter   Kind = "counter"   // reports add up
	Gauge     Kind = "gauge"     // the last report counts
	Histogram Kind = "histogram" // reports add up, bucket by bucket
)

// Series identifies one series of an impact metric: what applications measure about themselves, such as requests or
// latencies, to be seen beside the flags they changed.
type Series struct {
	Environment string // of the token it was reported with
	Name        string
	Labels      Labels
}

// Labels are names and values in order of name, as text that can be compared. Make them with LabelsOf.
type Labels string

// Separators of Labels. Neither occurs in UTF-8.
const (
	endOfName  = "\xfe"
	endOfValue = "\xff"
)

// LabelsOf packs labels. Names and values must be UTF-8.
func LabelsOf(labels map[string]string) Labels {
	var packed strings.Builder
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		packed.WriteString(name + endOfName + labels[name] + endOfValue)
	}
	return Labels(packed.String())
}

// All yields the labels in order of name.
func (l Labels) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for label := range strings.SplitSeq(strings.TrimSuffix(string(l), endOfValue), endOfValue) {
			name, value, labelled := strings.Cut(label, endOfName)
			if labelled && !yield(name, value) {
				return
			}
		}
	}
}

// Bucket is a histogram's count of what was at most UpTo.
type Bucket struct {
	UpTo  float64 // +Inf in the last one
	Count int64
}

// Measurement is what was measured of a series since the report before: the value of a counter or gauge, or the buckets,
// count and sum of a histogram. Its buckets are not changed once it was handed over.
type Measurement struct {
	Kind    Kind
	Help    string
	Value   float64
	Count   int64
	Sum     float64
	Buckets []Bucket // ascending, each counting those before it, too
}

// merge adds what next says to what m says. Kinds are equal. A histogram with other buckets begins anew.
func (m Measurement) merge(next Measurement) Measurement {
	switch m.Kind {
	case Counter:
		next.Value = bounded(m.Value + next.Value)
	case Histogram:
		if !slices.EqualFunc(m.Buckets, next.Buckets, func(a, b Bucket) bool { return a.UpTo == b.UpTo }) {
			return next
		}
		buckets := slices.Clone(next.Buckets)
		for i := range buckets {
			buckets[i].Count += m.Buckets[i].Count
		}
		next.Buckets, next.Count, next.Sum = buckets, m.Count+next.Count, bounded(m.Sum+next.Sum)
	case Gauge:
	}
	return next
}

// bounded keeps sums finite: JSON knows no infinity.
func bounded(sum float64) float64 { return max(-math.MaxFloat64, min(sum, math.MaxFloat64)) }

// Measure adds what was measured. A series that is known as another kind keeps it, and the report counts as dropped.
func (b *Buffer) Measure(series Series, m Measurement) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.measure(series, m)
}

func (b *Buffer) measure(series Series, m Measurement) {
	known, seen := b.batch.Impact[series]
	switch {
	case seen && known.Kind != m.Kind, !seen && len(b.batch.Impact) >= b.maxSeries:
		b.drop()
		return
	case seen:
		m = known.merge(m)
	}
	b.batch.Impact[series] = m
}

// measureBack puts back what was measured before what the buffer now holds.
func (b *Buffer) measureBack(series Series, older Measurement) {
	newer, known := b.batch.Impact[series]
	if !known || newer.Kind != older.Kind {
		b.measure(series, older)
		return
	}
	b.batch.Impact[series] = older.merge(newer)
}

package client

import (
	"math"
	"strings"

	"github.com/pennonhq/pennon/usage"
)

// Limits on the impact metrics of one report.
const (
	maxSamples = 1000
	maxLabels  = 20
	maxBuckets = 100
	maxHelp    = 200 // bytes
)

// Labels that say who reports, where SDKs do not say it themselves.
const (
	labelApp         = "appName"
	labelEnvironment = "environment"
)

// sampled is one series of a report.
type sampled struct {
	series   usage.Series
	measured usage.Measurement
}

// impact reads the impact metrics of a report. What is wrong with one of them leaves only that one out, as it does with
// Unleash: counts of flags must not be lost over them.
func impact(root map[string]any, app, environment string) []sampled {
	list, _ := root["impactMetrics"].([]any)
	var all []sampled
	for _, item := range list {
		metric, _ := item.(map[string]any)
		name := metricName(metric["name"])
		kind, _ := metric["type"].(string)
		help, _ := metric["help"].(string)
		samples, _ := metric["samples"].([]any)
		if name == "" {
			continue
		}
		for _, item := range samples {
			sample, _ := item.(map[string]any)
			m, ok := measurement(usage.Kind(kind), sample)
			if !ok || len(all) >= maxSamples {
				continue
			}
			m.Help = Clean(help[:min(len(help), maxHelp)])
			all = append(all, sampled{
				usage.Series{Environment: environment, Name: name, Labels: labels(sample["labels"], app, environment)}, m,
			})
		}
	}
	return all
}

func measurement(kind usage.Kind, sample map[string]any) (m usage.Measurement, ok bool) {
	m.Kind = kind
	switch kind {
	case usage.Counter, usage.Gauge:
		m.Value, ok = asNumber(sample["value"])
		return m, ok && (kind == usage.Gauge || m.Value >= 0)
	case usage.Histogram:
		return histogram(sample)
	default:
		return m, false
	}
}

// histogram reads buckets in ascending order, with counts that contain those before. The last one, of everything, may be
// missing.
func histogram(sample map[string]any) (m usage.Measurement, ok bool) {
	count, counted := asNumber(sample["count"])
	sum, summed := asNumber(sample["sum"])
	buckets, _ := sample["buckets"].([]any)
	if !counted || !summed || !whole(count) || len(buckets) > maxBuckets {
		return m, false
	}
	m = usage.Measurement{Kind: usage.Histogram, Count: int64(count), Sum: sum}
	last := usage.Bucket{UpTo: math.Inf(-1)}
	for _, item := range buckets {
		bucket, _ := item.(map[string]any)
		upTo, bounded := asNumber(bucket["le"])
		if bucket["le"] == "+Inf" {
			upTo, bounded = math.Inf(1), true
		}
		in, counted := asNumber(bucket["count"])
		if !bounded || !counted || !whole(in) || upTo <= last.UpTo || int64(in) < last.Count || int64(in) > m.Count {
			return m, false
		}
		last = usage.Bucket{UpTo: upTo, Count: int64(in)}
		m.Buckets = append(m.Buckets, last)
	}
	if !math.IsInf(last.UpTo, 1) {
		m.Buckets = append(m.Buckets, usage.Bucket{UpTo: math.Inf(1), Count: m.Count})
	}
	return m, m.Buckets[len(m.Buckets)-1].Count == m.Count
}

// whole reports whether number is a count that floating point holds exactly.
func whole(number float64) bool {
	const exact = 1 << 53
	return number >= 0 && number <= exact && number == math.Trunc(number)
}

// labels reads the labels of a sample and says who reports where they do not.
func labels(value any, app, environment string) usage.Labels {
	given, _ := value.(map[string]any)
	read := make(map[string]string, len(given)+2)
	for name, value := range given {
		if name = metricName(name); name == "" || strings.HasPrefix(name, "__") || len(read) >= maxLabels {
			continue
		}
		switch value := value.(type) {
		case string:
			read[name] = Clean(value)
		case nil:
		default:
			read[name] = Clean(shown(value))
		}
	}
	if _, said := read[labelApp]; !said && app != "" {
		read[labelApp] = app
	}
	if _, said := read[labelEnvironment]; !said {
		read[labelEnvironment] = environment
	}
	return usage.LabelsOf(read)
}

// metricName makes value a name that Prometheus takes, as Unleash does: what it does not take becomes an underscore. It is
// empty where that is not enough.
func metricName(value any) string {
	text, _ := value.(string)
	if text = Clean(text); text == "" || (text[0] >= '0' && text[0] <= '9') {
		return ""
	}
	return strings.Map(func(c rune) rune {
		if c == '_' || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') {
			return c
		}
		return '_'
	}, text)
}

func measure(into Usage, all []sampled) {
	for _, one := range all {
		into.Measure(one.series, one.measured)
	}
}

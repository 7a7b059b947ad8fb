package client

import (
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/usage"
)

func series(environment, name string, labels ...string) usage.Series {
	all := map[string]string{}
	for i := 0; i < len(labels); i += 2 {
		all[labels[i]] = labels[i+1]
	}
	return usage.Series{Environment: environment, Name: name, Labels: usage.LabelsOf(all)}
}

func measuredBy(list string) string {
	return `{"appName":"shop","bucket":null,"impactMetrics":` + list + `}`
}

func TestImpactMetrics(t *testing.T) {
	t.Parallel()
	s := newReporting()
	batch := s.accepted(t, metrics, "default", measuredBy(`[
		{"name":"requests","help":"How many","type":"counter","samples":[{"labels":{"code":"200"},"value":3},{"value":"2"},{"labels":{"code":"200"},"value":1}]},
		{"name":"temp-erature","help":"t","type":"gauge","samples":[{"labels":{"appName":"other","environment":"mine","b-c":1,"gone":null},"value":-1.5}]},
		{"name":"took","help":"l","type":"histogram","samples":[{"count":3,"sum":12.5,"buckets":[{"le":1,"count":1},{"le":5,"count":2},{"le":"+Inf","count":3}]}]},
		{"name":"open","type":"histogram","samples":[{"count":3,"sum":1,"buckets":[{"le":1,"count":1}]}]}]`))
	require.Len(t, batch.Instances, 1)
	require.Equal(t, map[usage.Series]usage.Measurement{
		series("development", "requests", "code", "200", "appName", "shop", "environment", "development"): {Kind: usage.Counter, Help: "How many", Value: 4},
		series("development", "requests", "appName", "shop", "environment", "development"):                {Kind: usage.Counter, Help: "How many", Value: 2},
		series("development", "temp_erature", "appName", "other", "environment", "mine", "b_c", "1"):      {Kind: usage.Gauge, Help: "t", Value: -1.5},
		series("development", "took", "appName", "shop", "environment", "development"): {
			Kind: usage.Histogram, Help: "l", Count: 3, Sum: 12.5, Buckets: []usage.Bucket{{UpTo: 1, Count: 1}, {UpTo: 5, Count: 2}, {UpTo: math.Inf(1), Count: 3}},
		},
		series("development", "open", "appName", "shop", "environment", "development"): {
			Kind: usage.Histogram, Count: 3, Sum: 1, Buckets: []usage.Bucket{{UpTo: 1, Count: 1}, {UpTo: math.Inf(1), Count: 3}},
		},
	}, batch.Impact)

	batch = s.accepted(t, bulk, "default", `{"applications":[],"metrics":[],"impactMetrics":[{"name":"n","help":"h","type":"counter","samples":[
		{"labels":{"appName":"shop","environment":"production"},"value":1},{"value":1}]}]}`)
	require.ElementsMatch(t, []usage.Series{
		series("development", "n", "appName", "shop", "environment", "production"), series("development", "n", "environment", "development"),
	}, slicesOf(batch.Impact), "an edge says whose they are")
}

func slicesOf(impact map[usage.Series]usage.Measurement) (all []usage.Series) {
	for key := range maps.Keys(impact) {
		all = append(all, key)
	}
	return all
}

func TestImpactMetricsThatAreWrongAreLeftOutAlone(t *testing.T) {
	t.Parallel()
	s := newReporting()
	const good = `{"name":"good","type":"gauge","samples":[{"value":1}]}`
	histogram := func(sample string) string { return `{"name":"h","type":"histogram","samples":[` + sample + `]}` }
	for _, wrong := range []string{
		`1`, `null`, `{}`, `{"type":"gauge","samples":[{"value":1}]}`, `{"name":"","type":"gauge","samples":[{"value":1}]}`,
		`{"name":"9","type":"gauge","samples":[{"value":1}]}`, `{"name":{},"type":"gauge","samples":[{"value":1}]}`,
		`{"name":"s","type":"summary","samples":[{"value":1}]}`, `{"name":"s","samples":[{"value":1}]}`,
		`{"name":"s","type":"counter","samples":[{"value":-1}]}`, `{"name":"s","type":"counter","samples":[{"value":1e999},{"value":"NaN"},{},null,7]}`,
		`{"name":"s","type":"counter","samples":{}}`, `{"name":"s","type":"counter"}`,
		histogram(`{"value":1}`), histogram(`{"count":1,"buckets":[]}`), histogram(`{"count":-1,"sum":1,"buckets":[]}`), histogram(`{"count":1.5,"sum":1,"buckets":[]}`),
		histogram(`{"count":1,"sum":1,"buckets":[{"le":2,"count":1},{"le":1,"count":1}]}`), histogram(`{"count":1,"sum":1,"buckets":[{"le":1,"count":2}]}`),
		histogram(`{"count":5,"sum":1,"buckets":[{"le":1,"count":3},{"le":2,"count":2}]}`), histogram(`{"count":5,"sum":1,"buckets":[{"le":"+Inf","count":3}]}`),
		histogram(`{"count":5,"sum":1,"buckets":[{"le":"x","count":3}]}`), histogram(`{"count":5,"sum":1,"buckets":[` + strings.Repeat(`{"le":1,"count":3},`, 100) + `{"le":2,"count":3}]}`),
	} {
		batch := s.accepted(t, metrics, "default", `{"appName":"shop","bucket":{"start":1,"stop":1,"toggles":{"f":{"yes":1}}},"impactMetrics":[`+wrong+`,`+good+`]}`)
		require.Len(t, batch.Counts, 1, wrong)
		require.Equal(t, []usage.Series{series("development", "good", "appName", "shop", "environment", "development")}, slicesOf(batch.Impact), wrong)
	}
	for _, wrong := range []string{`null`, `{}`, `"x"`, `[]`} {
		require.Empty(t, s.accepted(t, metrics, "default", measuredBy(wrong)).Impact, wrong)
	}
}

func TestImpactMetricsAreBounded(t *testing.T) {
	t.Parallel()
	s := newReporting()
	many := func(n int, item string) string { return strings.TrimSuffix(strings.Repeat(item+",", n), ",") }
	var labels strings.Builder
	for i := range 100 {
		labels.WriteString(`"` + strings.Repeat("x", 1000) + string(rune('a'+i%26)) + strings.Repeat("y", i) + `":"` + strings.Repeat("é", 1000) + `","l` + strings.Repeat("z", i) + `":"v",`)
	}
	batch := s.accepted(t, metrics, "default", measuredBy(`[{"name":"n","type":"counter","help":"`+strings.Repeat("h", 1000)+`","samples":[`+many(2*maxSamples, `{"value":1}`)+`]},
		{"name":"late","type":"gauge","samples":[{"value":1}]}]`))
	require.Equal(t, map[usage.Series]usage.Measurement{
		series("development", "n", "appName", "shop", "environment", "development"): {Kind: usage.Counter, Value: maxSamples, Help: strings.Repeat("h", maxHelp)},
	}, batch.Impact)
	batch = s.accepted(t, metrics, "default", measuredBy(`[{"name":"n","type":"counter","samples":[{"labels":{`+strings.TrimSuffix(labels.String(), ",")+`,"__name__":"x"},"value":1}]}]`))
	require.Len(t, batch.Impact, 1)
	for key := range batch.Impact {
		read := maps.Collect(key.Labels.All())
		require.LessOrEqual(t, len(read), maxLabels+2)
		require.Equal(t, "shop", read["appName"])
		require.NotContains(t, read, "__name__")
		for name, value := range read {
			require.LessOrEqual(t, max(len(name), len(value)), maxNameBytes)
		}
	}
}

package e2e

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/edge"
)

// ask sends a GET and returns the answer, its body unread.
func ask(t *testing.T, url, secret string, headers ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", secret)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer
}

func TestEdgeMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.New(t))
	e := startEdge(t, s.URL(), func(c *edge.Config) {
		c.AppName, c.InstanceID, c.MetricsInterval = "unleash-edge", "one", time.Hour
	})
	url := e.URL() + "/internal-backstage/metrics"

	tag := ask(t, e.URL()+"/api/client/features", clientToken).Header.Get("Etag")
	for range 2 {
		require.Equal(t, http.StatusNotModified, ask(t, e.URL()+"/api/client/features", clientToken, "If-None-Match", tag).StatusCode)
	}
	require.Equal(t, http.StatusOK, ask(t, e.URL()+"/api/client/features", clientToken).StatusCode)
	require.Equal(t, http.StatusNotFound, ask(t, e.URL()+"/no/such/path", "").StatusCode)
	events := ask(t, e.URL()+"/api/client/streaming", clientToken)
	received := bufio.NewReader(events.Body)
	awaitLine(t, received, "unleash-connected")
	s.admin(http.StatusCreated, http.MethodPost, "/projects/default/features", map[string]string{"name": "measured-flag"})
	awaitLine(t, received, "measured-flag")
	report(t, e.URL(), "shop", "measured-flag")

	const delivered = "pennon_delivery_duration_seconds_count"
	var got scraped
	require.Eventually(t, func() bool {
		got = scrape(t, url)
		return got.series[delivered] >= 1
	}, patience, 5*time.Millisecond)
	const self = `app_name="unleash-edge",instance_id="one"`
	for series, value := range map[string]float64{
		`http_requests_total{` + self + `,endpoint="/api/client/features",method="GET",status="304"}`:                     2,
		`http_requests_total{` + self + `,endpoint="/{unknown}",method="GET",status="404"}`:                               1,
		`http_server_duration_milliseconds_count{` + self + `,endpoint="/api/client/metrics",method="POST",status="202"}`: 1,
		`pennon_cache_answers_total{answer="not_modified"}`:                                                               2,
		`pennon_cache_answers_total{answer="ready"}`:                                                                      1,
		`pennon_cache_answers_total{answer="encoded"}`:                                                                    1,
		`pennon_cache_hit_ratio`:                                                           0.75,
		`connected_streaming_clients{` + self + `}`:                                        1,
		`streaming_connections_made{` + self + `}`:                                         1,
		`feature_toggle_usage_total{active="true",appName="shop",toggle="measured-flag"}`:  1,
		`feature_toggle_usage_total{active="false",appName="shop",toggle="measured-flag"}`: 0,
		`pennon_edge_ready`: 1,
		`pennon_upstream_connected{environment="development",projects="*"}`: 1,
		`pennon_upstream_refused{environment="development",projects="*"}`:   0,
		`pennon_usage_buffered{kind="counts"}`:                              1,
		`pennon_usage_lost_total{reason="refused"}`:                         0,
		`token_status{status="Validated"}`:                                  1,
		`metrics_interval_between_send`:                                     3600,
	} {
		require.Contains(t, got.series, series)
		require.InDelta(t, value, got.series[series], 0, series)
	}
	require.Less(t, got.series[`pennon_upstream_staleness_seconds{environment="development",projects="*"}`], 30.0)
	for series := range got.series {
		require.NotContains(t, series, "/no/such/path")
		require.NotContains(t, series, "internal-backstage")
	}
	requireDocumented(t, operated{"docs/edge.md", "pennon-edge"}, got)

	_ = events.Body.Close()
	require.Eventually(t, func() bool {
		return scrape(t, url).series[`connected_streaming_clients{`+self+`}`] == 0
	}, patience, 5*time.Millisecond, "true after a disconnection")
}

func TestEdgeShowsWhatWaitsToBeSent(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.New(t))
	e := startEdge(t, s.URL(), func(c *edge.Config) { c.MetricsInterval = time.Hour })
	report(t, e.URL(), "shop", "a")
	report(t, e.URL(), "shop", "a")
	var batch struct {
		Applications []map[string]any
		Metrics      []struct {
			Key    map[string]any
			Bucket map[string]any
		}
	}
	require.NoError(t, json.NewDecoder(ask(t, e.URL()+"/internal-backstage/metricsbatch", "").Body).Decode(&batch))
	require.Len(t, batch.Applications, 1)
	require.Equal(t, "shop", batch.Applications[0]["appName"])
	require.Len(t, batch.Metrics, 1)
	require.ElementsMatch(t, []string{"app_name", "feature_name", "environment", "timestamp"}, slices.Collect(maps.Keys(batch.Metrics[0].Key)))
	require.EqualValues(t, 2, batch.Metrics[0].Bucket["yes"])
	require.Equal(t, map[string]any{"red": 2.0}, batch.Metrics[0].Bucket["variants"])

	hidden := startEdge(t, s.URL(), func(c *edge.Config) { c.Hide = edge.BackstageHidden{Metrics: true, Batch: true} })
	for _, path := range []string{"/metrics", "/metricsbatch"} {
		require.Equal(t, http.StatusNotFound, ask(t, hidden.URL()+"/internal-backstage"+path, "").StatusCode)
	}
}

func TestProxyMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.New(t))
	p, err := edge.NewProxy(t.Context(), edge.ProxyConfig{
		Version: "test", Host: "127.0.0.1", URL: s.URL() + "/api", Token: clientToken, ClientKeys: []string{"key"},
	})
	require.NoError(t, err)
	stop := runUntilEnd(t, p.Run)
	require.Eventually(t, func() bool { return ask(t, p.URL()+"/proxy", "key").StatusCode == http.StatusOK }, patience, 5*time.Millisecond)
	require.Equal(t, http.StatusUnauthorized, ask(t, p.URL()+"/proxy/all", "other").StatusCode)
	text, err := io.ReadAll(ask(t, p.URL()+"/proxy/internal-backstage/prometheus", "").Body)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(text), "# HELP last_metrics_update_epoch_timestamp_ms "), "the legacy proxy's own come first")
	for _, part := range []string{
		"\nunleash_proxy_up 1\n", `endpoint="/proxy",method="GET",status="200"} `, `endpoint="/proxy/all",method="GET",status="401"} 1` + "\n",
		"\npennon_upstream_connected{", "\nprocess_resident_memory_bytes ", `pennon_usage_lost_total{reason="overflow"} 0`,
	} {
		require.Contains(t, string(text), part)
	}
	stop()
}

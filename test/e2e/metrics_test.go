package e2e

import (
	"bufio"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

// scraped is what an endpoint serves Prometheus: families with their help and kind, and series with their values.
type scraped struct {
	help, kind map[string]string
	series     map[string]float64
}

var (
	sampleLine = regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*\})? (\S+)$`)
	suffix     = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// scrape reads an endpoint strictly: every series belongs to the family above it and is there once.
func scrape(t *testing.T, url string) scraped {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "text/plain; version=0.0.4; charset=utf-8", response.Header.Get("Content-Type"))
	s := scraped{help: map[string]string{}, kind: map[string]string{}, series: map[string]float64{}}
	lines := bufio.NewScanner(response.Body)
	family := ""
	for lines.Scan() {
		line := lines.Text()
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, help, _ := strings.Cut(rest, " ")
			require.NotContains(t, s.help, name)
			s.help[name], family = help, name
			continue
		}
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, kind, _ := strings.Cut(rest, " ")
			require.Equal(t, family, name)
			s.kind[name] = kind
			continue
		}
		parts := sampleLine.FindStringSubmatch(line)
		require.NotNil(t, parts, line)
		name := parts[1]
		if s.kind[family] == "histogram" {
			name = suffix.ReplaceAllString(name, "")
		}
		require.Equal(t, family, name, line)
		value, err := strconv.ParseFloat(parts[3], 64)
		require.NoError(t, err, line)
		require.NotContains(t, s.series, parts[1]+parts[2])
		s.series[parts[1]+parts[2]] = value
	}
	require.NoError(t, lines.Err())
	return s
}

// awaitLine reads on to a line that contains text.
func awaitLine(t *testing.T, lines *bufio.Reader, text string) {
	t.Helper()
	for {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		if strings.Contains(line, text) {
			return
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	s := start(t, dbtest.New(t))
	url := s.URL() + "/internal-backstage/prometheus"

	require.Equal(t, http.StatusOK, s.call(http.MethodGet, "/api/client/features", clientToken, nil).status)
	require.Equal(t, http.StatusUnauthorized, s.call(http.MethodGet, "/api/client/features/no-such-secret-name", "nonsense", nil).status)
	require.Equal(t, http.StatusNotFound, s.call(http.MethodGet, "/no/such/path", "", nil).status)

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/api/client/streaming", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", clientToken)
	events, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { _ = events.Body.Close() }()
	received := bufio.NewReader(events.Body)
	awaitLine(t, received, "unleash-connected")
	s.admin(http.StatusCreated, http.MethodPost, "/projects/default/features", map[string]string{"name": "measured-flag"})
	awaitLine(t, received, "measured-flag")
	require.Equal(t, http.StatusAccepted, s.call(http.MethodPost, "/api/client/metrics", clientToken, bucketOf("shop", "measured-flag")).status)
	require.Equal(t, http.StatusAccepted, s.call(http.MethodPost, "/api/client/metrics", clientToken, `{"appName":"shop","impactMetrics":[
		{"name":"orders","help":"Orders\nmade","type":"counter","samples":[{"labels":{"way":"\"a\\b\n"},"value":3}]},
		{"name":"pennon_ready","help":"not ours","type":"counter","samples":[{"value":3}]},
		{"name":"took","help":"h","type":"histogram","samples":[{"count":2,"sum":3,"buckets":[{"le":1,"count":1}]}]}]}`).status)

	const orders = `orders{origin="sdk",metric_type="counter",appName="shop",environment="development",way="\"a\\b\n"}`
	var got scraped
	require.Eventually(t, func() bool {
		got = scrape(t, url)
		return got.series[orders] == 3
	}, patience, 20*time.Millisecond)
	require.Equal(t, `Orders\nmade`, got.help["orders"])
	require.InDelta(t, 1, got.series[`took_bucket{origin="sdk",metric_type="histogram",appName="shop",environment="development",le="1"}`], 0)
	require.InDelta(t, 2, got.series[`took_bucket{origin="sdk",metric_type="histogram",appName="shop",environment="development",le="+Inf"}`], 0)
	require.Equal(t, "gauge", got.kind["pennon_ready"], "names of our own are not given away")
	alone := scrape(t, s.URL()+"/internal-backstage/impact/metrics")
	require.Equal(t, []string{"orders", "pennon_ready", "took"}, slices.Sorted(maps.Keys(alone.help)))

	for series, least := range map[string]float64{
		`http_sdk_request_duration_milliseconds_count{path="/api/client/features",method="GET",status="200"}`:                  1,
		`http_sdk_request_duration_milliseconds_count{path="/api/client/features/{featureName}",method="GET",status="401"}`:    1,
		`http_request_duration_milliseconds_count{path="/{unknown}",method="GET",status="404"}`:                                1,
		`http_request_duration_milliseconds_count{path="/api/admin/projects/{projectId}/features",method="POST",status="201"}`: 1,
		`pennon_delivery_duration_seconds_count`:                   1,
		`pennon_streams{transport="sse"}`:                          1,
		`pennon_stream_messages_total`:                             1,
		`pennon_change_log_connected`:                              1,
		`feature_toggle_usage_total{active="true",appName="shop"}`: 1,
		`api_tokens_total{type="backend"}`:                         1,
		`db_pool_max`:                                              1,
		`environment_revision_id{environment="development"}`:       1,
		`process_start_time_seconds`:                               1,
		`pennon_usage_buffer_limit{kind="counts"}`:                 1,
	} {
		require.GreaterOrEqual(t, got.series[series], least, series)
	}
	for series := range got.series {
		require.NotContains(t, series, "measured-flag")
		require.NotContains(t, series, "no-such-secret-name")
		require.NotContains(t, series, "/no/such/path")
		require.NotContains(t, series, "streaming", "how long a stream lasts says nothing")
	}
	requireDocumented(t, operated{"docs/operating.md", "pennon"}, got, "orders", "took")
}

// operated names the operators' files of a role: its page, and its dashboard and alert rules in deploy.
type operated struct{ page, deploy string }

// requireDocumented holds the operators' files against what is served: the documentation has a row for every metric, and
// the dashboard and the alert rules ask for none that is not there.
func requireDocumented(t *testing.T, role operated, got scraped, impact ...string) {
	t.Helper()
	text, err := os.ReadFile("../../" + role.page)
	require.NoError(t, err)
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, row[1])
	}
	var served []string
	for name := range got.kind {
		if !slices.Contains(impact, name) {
			served = append(served, name)
		}
	}
	require.ElementsMatch(t, served, documented)

	names := map[string]bool{}
	for name, kind := range got.kind {
		names[name] = true
		if kind == "histogram" {
			names[name+"_bucket"], names[name+"_sum"], names[name+"_count"] = true, true, true
		}
	}
	expressions := append(dashboardExpressions(t, role.deploy), alertExpressions(t, role.deploy)...)
	require.Greater(t, len(expressions), 20)
	for _, expression := range expressions {
		used := metricsOf(expression)
		require.NotEmpty(t, used, expression)
		for _, name := range used {
			require.True(t, names[name], "%s is asked for and not served: %s", name, expression)
		}
	}
}

// metricsOf are the metrics that an expression in PromQL names: words that are neither functions, keywords, labels nor
// within quotes.
func metricsOf(expression string) (names []string) {
	expression = regexp.MustCompile(`"[^"]*"`).ReplaceAllString(expression, "")
	expression = regexp.MustCompile(`\{[^}]*\}|\[[^\]]*\]|\$\w+`).ReplaceAllString(expression, "")
	expression = regexp.MustCompile(`\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)`).ReplaceAllString(expression, "")
	for _, word := range regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*\s*\(?`).FindAllString(expression, -1) {
		if name := strings.TrimSpace(word); !strings.HasSuffix(name, "(") && strings.Contains(name, "_") {
			names = append(names, name)
		}
	}
	return names
}

func dashboardExpressions(t *testing.T, name string) (expressions []string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/dashboards/" + name + ".json")
	require.NoError(t, err)
	var dashboard struct {
		UID, Title string
		Panels     []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ H, W, X, Y int }
			Targets []struct{ Expr, RefID string }
		}
	}
	require.NoError(t, json.Unmarshal(text, &dashboard))
	require.NotEmpty(t, dashboard.UID)
	ids := map[int]bool{}
	for _, panel := range dashboard.Panels {
		require.False(t, ids[panel.ID], "two panels have the id %d", panel.ID)
		ids[panel.ID] = true
		require.NotEmpty(t, panel.Title)
		require.LessOrEqual(t, panel.GridPos.X+panel.GridPos.W, 24, panel.Title)
		if panel.Type != "row" {
			require.NotEmpty(t, panel.Targets, panel.Title)
		}
		refs := map[string]bool{}
		for _, target := range panel.Targets {
			require.False(t, refs[target.RefID], panel.Title)
			refs[target.RefID] = true
			expressions = append(expressions, target.Expr)
		}
	}
	return expressions
}

func alertExpressions(t *testing.T, name string) (expressions []string) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/alerts/" + name + ".yaml")
	require.NoError(t, err)
	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(string(text)))
	decoder.KnownFields(true)
	require.NoError(t, decoder.Decode(&rules))
	names := map[string]bool{}
	for _, group := range rules.Groups {
		require.NotEmpty(t, group.Name)
		for _, rule := range group.Rules {
			require.False(t, names[rule.Alert], rule.Alert)
			names[rule.Alert] = true
			require.Contains(t, []string{"critical", "warning"}, rule.Labels["severity"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["description"], rule.Alert)
			_, err := time.ParseDuration(rule.For)
			require.NoError(t, err, rule.Alert)
			expressions = append(expressions, rule.Expr)
		}
	}
	return expressions
}

func TestMetricsHaveAPortOfTheirOwnOrNone(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	apart := start(t, database, func(c *server.Config) { c.MetricsPort = new(int) })
	require.NotContains(t, apart.MetricsURL(), apart.URL())
	require.Contains(t, scrape(t, apart.MetricsURL()).series, "pennon_ready")
	off := start(t, database, func(c *server.Config) { c.MetricsOff = true })
	for _, s := range []*running{apart, off} {
		for _, path := range []string{"/internal-backstage/prometheus", "/internal-backstage/impact/metrics"} {
			require.Equal(t, http.StatusNotFound, s.call(http.MethodGet, path, "", nil).status, path)
		}
	}
	apart.stop()
	_, err := http.Get(apart.MetricsURL())
	require.Error(t, err, "the port is closed with the server")
}

package admin_test

import (
	"encoding/json"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	controlusage "github.com/pennonhq/pennon/control/usage"
	"github.com/pennonhq/pennon/usage"
)

// withUsage is a server to which two applications have reported.
func withUsage(t *testing.T) (*server, time.Time) {
	t.Helper()
	s := newServer(t)
	s.must(t, "POST", "/projects/default/features", `{"name":"checkout"}`)
	s.must(t, "POST", "/projects/default/features", `{"name":"search"}`)
	buffer := usage.NewBuffer()
	flusher := &controlusage.Flusher{Buffer: buffer, Pool: s.Pool, Logger: slog.New(slog.DiscardHandler)}
	hour := usage.Hour(time.Now())
	count := func(feature, app, environment string, ago time.Duration, c usage.Count) {
		buffer.Count(usage.Key{Feature: feature, App: app, Environment: environment, Hour: hour.Add(-ago)}, c)
	}
	count("checkout", "shop", "production", 0, usage.Count{Yes: 3, No: 1, Variants: map[string]int64{"red": 2}})
	count("checkout", "shop", "production", 5*time.Hour, usage.Count{Yes: 7})
	count("checkout", "shop", "development", 72*time.Hour, usage.Count{No: 9})
	count("checkout", "app", "production", 0, usage.Count{Yes: 10})
	count("tpyo", "shop", "production", 0, usage.Count{No: 1})
	count("tpyo", "app", "development", 2*time.Hour, usage.Count{No: 1})
	see := func(app, environment, id, sdk, kind, specification string) {
		buffer.Seen(usage.Instance{
			InstanceKey: usage.InstanceKey{App: app, Environment: environment, ID: id}, SDKVersion: sdk, SDKType: kind,
			SpecVersion: specification, ClientIP: "10.0.0.1", Strategies: []string{"default", "ours"}, SeenAt: hour,
		})
	}
	see("shop", "production", "i1", "unleash-node-sdk:6.12.1", "backend", "5.2.0")
	see("shop", "production", "i2", "unleash-node-sdk:3.0.0", "backend", "4.1.0")
	see("shop", "production", "i3", "unleash-js-sdk:3.8.2", "frontend", "")
	see("shop", "development", "i1", "unleash-node-sdk:6.12.1", "backend", "5.2.0")
	see("app", "production", "i1", "", "backend", "")
	see("odd_%", "production", "i1", "home-made", "backend", "none")
	require.NoError(t, flusher.Flush(t.Context()))
	s.events(t)
	return s, hour
}

func TestApplications(t *testing.T) {
	t.Parallel()
	s, hour := withUsage(t)
	at := hour.UTC().Format("2006-01-02T15:04:05.000Z")
	const shop = `{"appName":"shop","strategies":["default","ours"],"usage":[{"project":"default","environments":["development","production"]}]}`
	const app = `{"appName":"app","strategies":["default","ours"],"usage":[{"project":"default","environments":["production"]}]}`
	const odd = `{"appName":"odd_%","strategies":["default","ours"],"usage":[]}`
	s.run(t, []step{
		{does: "all", method: "GET", path: "/metrics/applications", status: 200, want: `{"applications":[` + app + `,` + odd + `,` + shop + `],"total":3}`},
		{does: "sorted, a page", method: "GET", path: "/metrics/applications?sortBy=appName&sortOrder=desc&limit=1&offset=1", status: 200, want: `{"applications":[` + odd + `],"total":3}`},
		{does: "sorted by time", method: "GET", path: "/metrics/applications?sortBy=lastSeen&sortOrder=desc", status: 200, want: `~"total":3`},
		{does: "by a part of the name", method: "GET", path: "/metrics/applications?query=HO", status: 200, want: `{"applications":[` + shop + `],"total":1}`},
		{does: "by characters that LIKE knows", method: "GET", path: "/metrics/applications?query=_%25", status: 200, want: `{"applications":[` + odd + `],"total":1}`},
		{does: "refuses other sorts", method: "GET", path: "/metrics/applications?sortBy=secret", status: 400, want: "~/query/sortBy"},
		{does: "one", method: "GET", path: "/metrics/applications/shop", status: 200, want: shop},
		{does: "none", method: "GET", path: "/metrics/applications/nope", status: 404, want: "~Could not find appName=nope"},
		{
			does: "overview", method: "GET", path: "/metrics/applications/shop/overview", status: 200,
			want: `{"projects":["default"],"featureCount":1,"issues":{"missingStrategies":["ours"]},"environments":[
				{"name":"development","instanceCount":1,"sdks":["unleash-node-sdk:6.12.1"],"frontendSdks":[],"backendSdks":["unleash-node-sdk:6.12.1"],
					"lastSeen":"` + at + `","issues":{"missingFeatures":[],"outdatedSdks":[]}},
				{"name":"production","instanceCount":3,"sdks":["unleash-js-sdk:3.8.2","unleash-node-sdk:3.0.0","unleash-node-sdk:6.12.1"],
					"frontendSdks":["unleash-js-sdk:3.8.2"],"backendSdks":["unleash-node-sdk:3.0.0","unleash-node-sdk:6.12.1"],
					"lastSeen":"` + at + `","issues":{"missingFeatures":["tpyo"],"outdatedSdks":["unleash-node-sdk:3.0.0"]}}]}`,
		},
		{does: "overview of none", method: "GET", path: "/metrics/applications/nope/overview", status: 404},
		{
			does: "instances", method: "GET", path: "/metrics/instances/shop/environment/development", status: 200,
			want: `{"instances":[{"instanceId":"i1","sdkVersion":"unleash-node-sdk:6.12.1","clientIp":"10.0.0.1","lastSeen":"` + at + `"}]}`,
		},
		{does: "instances of none", method: "GET", path: "/metrics/instances/nope/environment/development", status: 200, want: `{"instances":[]}`},
		{does: "outdated", method: "GET", path: "/metrics/sdks/outdated", status: 200, want: `{"sdks":[{"sdkVersion":"unleash-node-sdk:3.0.0","applications":["shop"]}]}`},
		{does: "outdated in a project", method: "GET", path: "/projects/default/sdks/outdated", status: 200, want: `{"sdks":[{"sdkVersion":"unleash-node-sdk:3.0.0","applications":["shop"]}]}`},
		{does: "outdated in no project", method: "GET", path: "/projects/nope/sdks/outdated", status: 404},
		{
			does: "of a project", method: "GET", path: "/projects/default/applications?sortOrder=desc", status: 200,
			want: `{"total":2,"applications":[
				{"name":"shop","environments":["development","production"],"instances":["i1","i2","i3"],
					"sdks":[{"name":"unleash-node-sdk","versions":["6.12.1","3.0.0"]},{"name":"unleash-js-sdk","versions":["3.8.2"]}]},
				{"name":"app","environments":["production"],"instances":["i1"],"sdks":[]}]}`,
		},
		{does: "of a project, by name", method: "GET", path: "/projects/default/applications?query=sh&limit=1", status: 200, want: `~"total":1`},
		{does: "of no project", method: "GET", path: "/projects/nope/applications", status: 404},
		{does: "described", method: "POST", path: "/metrics/applications/shop", body: `{"url":"https://shop.example","icon":"cart"}`, status: 202, events: []string{"application-updated -/-/-"}},
		{does: "shows it", method: "GET", path: "/metrics/applications/shop", status: 200, want: `~"url":"https://shop.example","icon":"cart"`},
		{does: "keeps what is not said", method: "POST", path: "/metrics/applications/shop", body: `{"strategies":[],"color":"#fff"}`, status: 202, events: []string{"application-updated -/-/-"}},
		{does: "shows both", method: "GET", path: "/metrics/applications/shop", status: 200, want: `~"strategies":[],"url":"https://shop.example","color":"#fff"`},
		{does: "made", method: "POST", path: "/metrics/applications/new", body: `{"strategies":["default"]}`, status: 202, events: []string{"application-created -/-/-"}},
		{does: "deleted", method: "DELETE", path: "/metrics/applications/shop", status: 200, events: []string{"application-deleted -/-/-"}},
		{does: "gone", method: "GET", path: "/metrics/applications/shop", status: 404},
		{does: "with its instances", method: "GET", path: "/metrics/sdks/outdated", status: 200, want: `{"sdks":[]}`},
		{does: "and its wishes", method: "GET", path: "/metrics/unknown-flags", status: 200, want: `~{"unknownFlags":[{"name":"tpyo"`},
		{does: "deleted again", method: "DELETE", path: "/metrics/applications/shop", status: 200},
	})
}

func TestUnknownFlags(t *testing.T) {
	t.Parallel()
	s, hour := withUsage(t)
	s.sql(t, `UPDATE unknown_flags SET seen_at = '2026-11-01 10:00Z' WHERE app_name = 'app'; `)
	s.sql(t, `UPDATE unknown_flags SET seen_at = $1 WHERE app_name = 'shop'`, hour)
	at := hour.UTC().Format("2006-01-02T15:04:05.000Z")
	require.JSONEq(t, `{"unknownFlags":[{"name":"tpyo","lastSeenAt":"`+at+`","lastEventAt":null,"reports":[
		{"appName":"app","environments":[{"environment":"development","seenAt":"2026-11-01T10:00:00.000Z"}]},
		{"appName":"shop","environments":[{"environment":"production","seenAt":"`+at+`"}]}]}]}`, s.must(t, "GET", "/metrics/unknown-flags", ""))
	s.sql(t, `INSERT INTO events (type, created_by, feature, created_at) VALUES ('feature-deleted', 'x', 'tpyo', '2026-10-01Z')`)
	require.Contains(t, s.must(t, "GET", "/metrics/unknown-flags", ""), `"lastEventAt":"2026-10-01T00:00:00.000Z"`)
	s.must(t, "POST", "/projects/default/features", `{"name":"tpyo"}`)
	require.JSONEq(t, `{"unknownFlags":[]}`, s.must(t, "GET", "/metrics/unknown-flags", ""), "it is known now")
}

func TestFeatureUsage(t *testing.T) {
	t.Parallel()
	s, hour := withUsage(t)
	at := func(ago time.Duration) string { return hour.Add(-ago).UTC().Format("2006-01-02T15:04:05.000Z") }
	require.JSONEq(t, `{"version":1,"maturity":"stable","featureName":"checkout","seenApplications":["app","shop"],
		"lastHourUsage":[{"environment":"production","timestamp":"`+at(0)+`","yes":13,"no":1}]}`, s.must(t, "GET", "/client-metrics/features/checkout", ""))
	require.JSONEq(t, `{"version":1,"maturity":"stable","featureName":"search","seenApplications":[],"lastHourUsage":[]}`, s.must(t, "GET", "/client-metrics/features/search", ""))
	require.JSONEq(t, `{"version":1,"maturity":"stable","data":[]}`, s.must(t, "GET", "/client-metrics/features/search/raw", ""))
	require.Equal(t, 404, s.call("GET", "/client-metrics/features/nope", "").Code)
	require.Equal(t, 404, s.call("GET", "/client-metrics/features/nope/raw", "").Code)
	require.Equal(t, 200, s.call("GET", "/client-metrics/features/tpyo/raw", "").Code, "it was asked for")

	type point struct {
		FeatureName, AppName, Environment, Timestamp string
		Yes, No                                      int64
		Variants                                     map[string]int64
	}
	raw := func(hours int) (points []point) {
		t.Helper()
		var answer struct{ Data []point }
		text := s.must(t, "GET", "/client-metrics/features/checkout/raw?hoursBack="+strconv.Itoa(hours), "")
		require.NoError(t, json.Unmarshal([]byte(text), &answer))
		return answer.Data
	}
	day := raw(24)
	require.Len(t, day, 48, "every hour, of both applications that asked in that time")
	require.Equal(t, point{"checkout", "app", "production", at(23 * time.Hour), 0, 0, nil}, day[0])
	require.Equal(t, point{"checkout", "shop", "production", at(5 * time.Hour), 7, 0, nil}, day[48-2*6+1])
	require.Equal(t, point{"checkout", "app", "production", at(0), 10, 0, nil}, day[46])
	require.Equal(t, point{"checkout", "shop", "production", at(0), 3, 1, map[string]int64{"red": 2}}, day[47])
	require.Len(t, raw(1), 2)

	var yes, no int64
	week := raw(7 * 24)
	for _, p := range week {
		require.Contains(t, p.Timestamp, "T00:00:00.000Z", "by day")
		yes, no = yes+p.Yes, no+p.No
	}
	require.Equal(t, []int64{20, 10}, []int64{yes, no})
	require.Zero(t, len(week)%3, "three that ask")
	require.LessOrEqual(t, len(raw(91*24)), 3*31, "no zeros for what is not kept")
	for _, hours := range []string{"0", "-1", "x", "2185"} {
		require.Equal(t, 400, s.call("GET", "/client-metrics/features/checkout/raw?hoursBack="+hours, "").Code, hours)
	}
}

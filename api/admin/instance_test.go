package admin_test

import (
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMaintenance(t *testing.T) {
	t.Parallel()
	const refused = `{"message":"Unleash is currently in maintenance mode."}`
	newServer(t).run(t, []step{
		{does: "off at first", method: "GET", path: "/maintenance", status: 200, want: `{"enabled":false}`},
		{does: "off stays off", method: "POST", path: "/maintenance", body: `{"enabled":false}`, status: 204},
		{does: "needs to be told what", method: "POST", path: "/maintenance", body: `{}`, status: 400, want: "~/body/enabled"},
		{does: "on", method: "POST", path: "/maintenance", body: `{"enabled":true}`, status: 204, events: []string{"setting-created -/-/-"}, changes: []string{"setting maintenance.mode *"}},
		{does: "is told", method: "GET", path: "/maintenance", status: 200, want: `{"enabled":true}`},
		{does: "is told to user interfaces", method: "GET", path: "/ui-config", status: 200, want: `~"maintenanceMode":true`},
		{does: "refuses POST", method: "POST", path: "/projects/default/features", body: `{"name":"f"}`, status: 503, want: refused, changes: []string{}},
		{does: "refuses PUT", method: "PUT", path: "/segments/1", body: `{"name":"f","constraints":[]}`, status: 503, want: refused},
		{does: "refuses PATCH", method: "PATCH", path: "/projects/default/features/f", body: `[]`, status: 503, want: refused},
		{does: "refuses DELETE", method: "DELETE", path: "/segments/1", status: 503, want: refused, changes: []string{}},
		{does: "reads", method: "GET", path: "/projects/default/features", status: 200},
		{does: "checks what changes nothing", method: "POST", path: "/segments/validate", body: `{"name":"s"}`, status: 204},
		{does: "off again", method: "POST", path: "/maintenance", body: `{"enabled":false}`, status: 204, events: []string{"setting-updated -/-/-"}},
		{does: "writes at once", method: "POST", path: "/projects/default/features", body: `{"name":"f"}`, status: 201, events: []string{"feature-created default/f/-"}},
	})
}

func TestInstance(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects/default/features", `{"name":"f"}`)
	s.must(t, "POST", "/projects/default/features", `{"name":"gone"}`)
	s.must(t, "POST", "/projects/default/archive", `{"features":["gone"]}`)
	s.must(t, "POST", "/projects/default/features/f/environments/production/strategies",
		`{"name":"default","constraints":[{"contextName":"userId","operator":"IN","values":["1","2","3"]},{"contextName":"appName","operator":"IN","values":["a"]}]}`)
	s.must(t, "POST", "/api-tokens", `{"tokenName":"t","type":"client","environment":"development"}`)
	s.sql(t, `INSERT INTO client_applications (app_name, seen_at) VALUES ('now', now()), ('week', now() - interval '8 days'), ('month', now() - interval '31 days')`)
	s.sql(t, `INSERT INTO client_metrics (feature, app_name, environment, hour)
		SELECT 'f', 'a', 'development', date_trunc('day', now(), 'UTC') - n * interval '1 hour' FROM generate_series(0, 24) n`)

	var statistics map[string]any
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "GET", "/instance-admin/statistics", "")), &statistics))
	require.Len(t, statistics["instanceId"], 36)
	for name, want := range map[string]float64{
		"featureToggles": 1, "projects": 1, "environments": 2, "segments": 0, "contextFields": 5, "strategies": 8, "users": 0,
		"maxEnvironmentStrategies": 1, "maxConstraints": 2, "maxConstraintValues": 3, "featureExports": 0,
	} {
		require.InDelta(t, want, statistics[name], 0, name)
	}
	require.Equal(t, map[string]any{"admin": 0.0, "client": 1.0, "frontend": 0.0}, statistics["apiTokens"])
	require.Equal(t, map[string]any{"last30": 1.0, "last60": 1.0, "last90": 1.0}, statistics["productionChanges"])
	require.Equal(t, map[string]any{"enabledCount": 24.0, "variantCount": 0.0}, statistics["previousDayMetricsBucketsCount"])
	require.Equal(t, []any{
		map[string]any{"range": "7d", "count": 1.0}, map[string]any{"range": "30d", "count": 2.0}, map[string]any{"range": "allTime", "count": 3.0},
	}, statistics["clientApps"])

	rows, err := csv.NewReader(strings.NewReader(s.must(t, "GET", "/instance-admin/statistics/csv", ""))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.Equal(t, []string{"instanceId", statistics["instanceId"].(string)}, []string{rows[0][0], rows[1][0]})

	require.JSONEq(t, `{"versionInfoCollectionEnabled":false,"featureInfoCollectionEnabled":false}`, s.must(t, "GET", "/telemetry/settings", ""))
	var config struct {
		Version        string
		UnleashURL     string
		ResourceLimits map[string]int
		VersionInfo    struct{ InstanceID string }
	}
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "GET", "/ui-config", "")), &config))
	require.Equal(t, "1.2.3", config.Version)
	require.Equal(t, "http://example.com", config.UnleashURL)
	require.Equal(t, "1.2.3", statistics["versionOSS"])
	require.Equal(t, statistics["instanceId"], config.VersionInfo.InstanceID)
	require.Equal(t, 50, config.ResourceLimits["environments"])
	require.Len(t, config.ResourceLimits, 17)
}

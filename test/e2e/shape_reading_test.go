package e2e

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/queries"
)

// reports has SDKs register, ask and report over the wire, and waits until it is kept.
func (c *caller) reports() {
	now := time.Now().UTC()
	c.do("registerClientApplication", nil, object{
		"appName": "till", "instanceId": "till-1", "sdkVersion": "unleash-client-node:3.0.0", "platformName": "node", "platformVersion": "20",
		"yggdrasilVersion": "0.14.0", "specVersion": "4.3.0", "interval": 10000, "started": now.Format(time.RFC3339Nano), "strategies": []string{"default", "byPlan", "lost"},
	})
	c.do("registerClientApplication", nil, object{"appName": "till", "instanceId": "till-2", "sdkVersion": "unleash-client-go:5.0.0", "interval": 10, "started": now.UnixMilli(), "strategies": []string{}})
	c.do("registerClientMetrics", nil, object{
		"appName": "till", "instanceId": "till-1", "sdkVersion": "unleash-client-node:3.0.0", "platformName": "node", "platformVersion": "20", "specVersion": "4.3.0",
		"bucket": object{"start": now.Add(-time.Minute), "stop": now, "toggles": object{
			"checkout": object{"yes": 7, "no": 3, "variants": object{"a": 4, "b": 3}}, "parent": object{"yes": 1, "no": 0}, "never-defined": object{"yes": 0, "no": 5},
		}},
	})
	c.do("clientBulkMetrics", nil, object{
		"applications": []object{{
			"appName": "kiosk", "environment": "development", "instanceId": "kiosk-1", "interval": 10, "started": now.Format(time.RFC3339), "strategies": []string{"default"},
			"projects": []string{"shop"}, "sdkVersion": "unleash-client-rust:0.10.0", "sdkType": "backend", "connectVia": []object{{"appName": "edge", "instanceId": "edge-1"}},
		}},
		"metrics":       []object{{"featureName": "checkout", "appName": "kiosk", "environment": "development", "timestamp": now.Format(time.RFC3339), "yes": 2, "no": 1, "variants": object{"a": 2}}},
		"impactMetrics": []object{{"name": "sold", "help": "Things sold", "type": "counter", "samples": []object{{"value": 3, "labels": object{"shop": "1"}}}}},
	})
	c.do("edgeInstanceData", nil, raw(`{
		"identifier":"edge-1","appName":"unleash-edge","hosting":"self-hosted","region":null,"edgeVersion":"20.1.0",
		"processMetrics":{"cpuUsage":0.5,"memoryUsage":18259968.0},"started":"2026-11-22T10:48:25.124828924Z",
		"traffic":{"cachedResponses":{},"get":{"/api/client/features":{"avg":0.24,"count":3.0,"p99":0.496}},"post":{},"accessDenied":{}},
		"latencyUpstream":{"features":{"avg":1.0,"count":4.0,"p99":0.99},"metrics":{"avg":0.0,"count":0.0,"p99":0.0},"edge":{"avg":0.0,"count":0.0,"p99":0.0}},
		"requestsSinceLastReport":{},"connectedStreamingClients":3,"requestConsumptionSinceLastReport":[],
		"connectedEdges":[{"identifier":"edge-2","appName":"unleash-edge","connectedStreamingClients":0,"connectedEdges":[],
			"edgeApiKeyRevisionIds":[{"environment":"development","projects":["*"],"revisionId":7,"lastUpdated":"2026-11-22T10:48:25Z"}]}]
	}`))
	c.do("getPropagation", at{"environment": "development"}, nil)
	c.do("getPropagation", at{"environment": "development", "revision": "1"}, nil)
	require.Equal(c.t, "edge-2", c.of(c.do("getFleet", nil, nil), "edges").([]any)[0].(object)["edges"].([]any)[0].(object)["instanceId"])
	c.do("createApplication", at{"appName": "till"}, raw(`{"strategies":["default"],"url":"https://example.com","color":"#ff0000","icon":"shop"}`))
	c.do("createApplication", at{"appName": "forgotten"}, raw(`{}`))
	c.do("deleteApplication", at{"appName": "forgotten"}, nil)
	c.await("usage of the last hour", func() bool {
		return len(c.of(c.do("getFeatureUsageSummary", at{"name": "checkout"}, nil), "lastHourUsage").([]any)) > 0
	})
	c.await("usage of both applications", func() bool {
		return len(c.of(c.do("getRawFeatureMetrics", at{"name": "checkout", "hoursBack": "24"}, nil), "data").([]any)) > 1
	})
	c.await("an unknown flag", func() bool { return len(c.of(c.do("getUnknownFlags", nil, nil), "unknownFlags").([]any)) > 0 })
	c.await("an old SDK", func() bool { return len(c.of(c.do("getOutdatedSdks", nil, nil), "sdks").([]any)) > 0 })
	c.await("applications of the project", func() bool {
		return len(c.of(c.do("getProjectApplications", at{"projectId": "shop"}, nil), "applications").([]any)) > 1
	})
	// The server looks at ages every minute, which is too long for a test.
	_, err := queries.New().FeatureLifecycleAdvance(c.t.Context(), c.database.Pool)
	require.NoError(c.t, err)
	c.await("the next stage of life", func() bool { return c.of(c.do("getFeature", checkout, nil), "lifecycle", "stage") != "initial" })
	c.await("both instances", func() bool {
		environments := c.of(c.do("getApplicationOverview", at{"appName": "till"}, nil), "environments").([]any)
		return len(environments) > 0 && c.of(environments, 0, "instanceCount") == 2.0
	})
}

// reading reads everything there is.
func (c *caller) reading() {
	shop, development := at{"projectId": "shop"}, checkout.with("environment", "development")
	for _, id := range []string{
		"getTagTypes", "getTags", "getAllStrategies", "getContextFields", "getAllFeatureTypes", "getAllEnvironments", "getProjects", "getSegments", "getAllApiTokens", "getAddons",
		"getArchivedFeatures", "getAllToggles", "getEvents", "getEventCreators", "searchEvents", "searchFeatures", "getApplications", "getOutdatedSdks", "getUnknownFlags",
		"getFeatureLifecycleStageCount", "getInstanceAdminStats", "getInstanceAdminStatsCsv", "getTelemetrySettings", "getUiConfig", "getMaintenance", "getHealth", "getReady", "getImpactMetrics", "getPrometheusMetrics",
		"getAllClientFeatures", "getDelta", "streamFeatures", "getMe", "getBanners", "getPersonalDashboard", "getFlagCreators",
	} {
		c.do(id, nil, nil)
	}
	for _, id := range []string{
		"getProject", "getProjectOverview", "getFeatures", "getProjectEnvironments", "getProjectApiTokens", "getProjectApplications", "getOutdatedProjectSdks",
		"getContextFieldsForProject", "getArchivedFeaturesByProjectId", "checkDependenciesExist",
		"getProjectDora", "getProjectInsights", "getProjectHealthReport", "getProjectStatus", "getProjectFlagCreators", "getPersonalDashboardProjectDetails",
	} {
		c.do(id, shop, nil)
		c.do(id, at{"projectId": "default"}, nil)
	}
	for _, id := range []string{"getFeature", "getFeatureLifecycle", "listTags", "getEventsForToggle", "getLegacyFeature", "getClientFeature"} {
		parameters := checkout
		if id != "getFeature" && id != "getFeatureLifecycle" {
			parameters = at{"featureName": "checkout"}
		}
		c.do(id, parameters, nil)
	}
	c.do("getFeature", shop.with("featureName", "parent"), nil)
	c.do("getFeatureLifecycle", shop.with("featureName", "second"), nil)
	for _, id := range []string{"getFeatureEnvironment", "getFeatureStrategies", "getEnvironmentFeatureVariants"} {
		c.do(id, development, nil)
		c.do(id, shop.with("featureName", "parent", "environment", "development"), nil)
	}
	c.do("listParentOptions", shop.with("child", "checkout"), nil)
	c.do("listParentVariantOptions", shop.with("parent", "parent"), nil)
	c.do("getFeatureUsageSummary", at{"name": "checkout"}, nil)
	c.do("getRawFeatureMetrics", at{"name": "checkout"}, nil)
	c.do("getApplication", at{"appName": "till"}, nil)
	c.do("getApplicationOverview", at{"appName": "till"}, nil)
	c.do("getApplicationEnvironmentInstances", at{"appName": "till", "environment": "development"}, nil)
	c.do("getApplications", at{"query": "till", "limit": "10", "offset": "0", "sortBy": "appName", "sortOrder": "desc"}, nil)

	c.do("getTagType", at{"name": "team"}, nil)
	c.do("getTagsByType", at{"type": "team"}, nil)
	c.do("getTag", at{"type": "team", "value": "payments"}, nil)
	for _, name := range []string{"byPlan", "flexibleRollout"} {
		c.do("getStrategy", at{"name": name}, nil)
	}
	c.do("getContextField", at{"contextField": "plan"}, nil)
	c.do("getStrategiesByContextField", at{"contextField": "plan"}, nil)
	c.do("getContextFieldForProject", shop.with("contextField", "basket"), nil)
	c.do("getStrategiesByContextFieldForProject", shop.with("contextField", "basket"), nil)
	c.do("getEnvironment", at{"name": "development"}, nil)
	for _, name := range []string{"testers", "buyers"} {
		id := c.segment(name)
		c.do("getSegment", at{"id": id}, nil)
		c.do("getStrategiesBySegmentId", at{"id": id}, nil)
	}
	c.do("getApiTokensByName", at{"name": "backend"}, nil)
	c.do("getEvents", at{"project": "shop"}, nil)
	c.searches()
	c.playground()
	c.do("getValidTokens", nil, object{"tokens": []string{clientToken, frontendToken, adminToken, "unknown"}})
	c.do("exportEvents", at{"format": "csv"}, nil)
	c.do("exportEvents", at{"format": "json", "project": "IS:shop"}, nil)
}

// searches looks for flags and events with filters and orders.
func (c *caller) searches() {
	for _, filter := range []at{
		{"query": "checkout", "project": "IS:shop", "limit": "5", "offset": "0"},
		{"type": "IS:experiment", "state": "IS:active", "sortBy": "name", "sortOrder": "desc"},
		{"tag": "INCLUDE:team:payments", "favoritesFirst": "true"},
		{"segment": "INCLUDE:testers"},
		{"status": "development:enabled"},
		{"lifecycle": "IS:initial", "sortBy": "lastSeenAt"},
		{"archived": "IS:true"},
		{"createdAt": "IS_ON_OR_AFTER:2020-01-01"},
	} {
		c.do("searchFeatures", filter, nil)
	}
	for _, filter := range []at{
		{"query": "checkout", "project": "IS:shop", "limit": "5"},
		{"type": "IS:feature-created", "offset": "1"},
		{"feature": "IS:checkout", "environment": "IS:development"},
		{"from": "IS:2020-01-01", "to": "IS:2099-01-01"},
		{"limit": "1000"},
	} {
		c.do("searchEvents", filter, nil)
	}
}

// playground evaluates with every kind of context.
func (c *caller) playground() {
	context := object{
		"appName": "till", "userId": "1", "sessionId": "s", "remoteAddress": "10.0.0.1", "currentTime": "2026-01-01T00:00:00Z", "environment": "development",
		"properties": object{"plan": "paid", "basket": "large"},
	}
	for _, projects := range []any{"*", []string{"shop"}, nil} {
		request := object{"environment": "development", "context": context}
		advanced := object{"environments": []string{"development", "production", "staging"}, "context": object{"appName": "till,kiosk", "userId": "1,2,9", "properties": object{"plan": "free,paid"}}}
		if projects != nil {
			request["projects"], advanced["projects"] = projects, projects
		}
		c.do("getPlayground", nil, request)
		c.do("getAdvancedPlayground", nil, advanced)
	}
}

// transfer exports, validates and imports.
func (c *caller) transfer() {
	for _, query := range []raw{
		raw(`{"environment":"development","features":["checkout","parent"]}`), raw(`{"environment":"development","tag":"payments","downloadFile":false}`), raw(`{"environment":"production","project":"shop"}`),
	} {
		document := c.do("exportFeatures", nil, query)
		request := object{"project": "default", "environment": "staging", "data": document}
		c.do("validateImport", nil, request)
	}
	foreign := c.do("exportFeatures", nil, raw(`{"environment":"development","project":"shop","downloadFile":true,"format":"unleash"}`))
	require.NotContains(c.t, foreign, "strategyTypes")
	for _, segment := range c.of(foreign, "segments").([]any) {
		require.Len(c.t, segment, 2, "id and name")
	}
	document := c.do("exportFeatures", nil, raw(`{"environment":"development","project":"shop"}`))
	c.do("importToggles", at{"dryRun": "true"}, object{"project": "shop", "environment": "production", "data": document})
	c.do("importToggles", nil, object{"project": "shop", "environment": "production", "data": document})
}

// taking takes away what there is more than one of.
func (c *caller) taking() {
	shop := at{"projectId": "shop"}
	c.do("deleteFeatures", shop, raw(`{"features":["doomed"]}`))
	c.do("archiveFeature", shop.with("featureName", "stale"), nil)
	c.do("deleteFeature", at{"featureName": "stale"}, nil)
	c.do("reactivateStrategy", at{"strategyName": "old"}, nil)
	c.do("removeStrategy", at{"name": "old"}, nil)
	c.do("deleteContextField", at{"contextField": "spare"}, nil)
	c.do("createContextFieldForProject", shop, raw(`{"name":"going"}`))
	c.do("deleteContextFieldForProject", shop.with("contextField", "going"), nil)
	c.do("removeSegment", at{"id": c.segment("nobody")}, nil)
	c.do("deleteTag", at{"type": "area", "value": "going"}, nil)
	c.do("createTagType", nil, raw(`{"name":"going"}`))
	c.do("deleteTagType", at{"name": "going"}, nil)
	c.do("removeFavoriteProject", shop, nil)
	c.do("removeEnvironmentFromProject", shop.with("environment", "staging"), nil)
	c.do("cloneEnvironment", at{"name": "development"}, raw(`{"name":"preview","type":"test","projects":["shop"],"clonePermissions":true}`))
	c.do("removeEnvironment", at{"name": "preview"}, nil)
	c.do("deleteProject", at{"projectId": "spare"}, nil)
}

// instance changes the instance itself.
func (c *caller) instance() {
	c.do("toggleMaintenance", nil, raw(`{"enabled":true}`))
	c.do("getMaintenance", nil, nil)
	c.do("toggleMaintenance", nil, raw(`{"enabled":false}`))
}

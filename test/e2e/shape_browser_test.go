package e2e

import (
	"net/url"
	"time"

	"github.com/stretchr/testify/require"
)

// browsers has browsers and apps ask what is on for their users, over Unleash's wire and OpenFeature's.
func (c *caller) browsers() {
	now := time.Now().UTC()
	c.do("registerFrontendClient", nil, object{
		"appName": "window", "instanceId": "window-1", "sdkVersion": "unleash-client-js:3.0.0", "environment": "development", "interval": 30,
		"started": now.Format(time.RFC3339), "strategies": []string{},
	})
	c.do("registerFrontendMetrics", nil, object{
		"appName": "window", "instanceId": "window-1",
		"bucket": object{"start": now.Add(-time.Minute), "stop": now, "toggles": object{"checkout": object{"yes": 1, "no": 2, "variants": object{"a": 1}}}},
	})
	query := at{"appName": "window", "userId": "1", "sessionId": "s", "properties[plan]": "paid"}
	body := object{"context": object{"appName": "window", "userId": "1", "sessionId": "s", "properties": object{"plan": "paid"}}}
	for _, id := range []string{"getFrontendFeatures", "getAllFrontendFeatures"} {
		require.NotEmpty(c.t, c.of(c.do(id, query, nil), "toggles"))
	}
	for _, id := range []string{"getFrontendApiFeaturesWithPost", "getAllFrontendFeaturesWithPost"} {
		require.NotEmpty(c.t, c.of(c.do(id, nil, body), "toggles"))
	}
	c.do("getFrontendFeature", query.with("name", "parent"), nil)
	c.do("getFrontendFeatureWithPost", at{"name": "parent"}, body)

	c.do("streamFrontendFeatures", query, nil)
	c.do("streamPostedFrontendFeatures", nil, body)
	require.NotEmpty(c.t, c.of(c.do("createFrontendStreamTicket", nil, body), "ticket"))

	request := object{"context": object{"targetingKey": "1", "plan": "paid"}}
	c.do("evaluateFlag", at{"key": "parent"}, request)
	all := c.do("evaluateFlags", nil, request)
	require.NotEmpty(c.t, c.of(all, "flags"))
	stream, err := url.Parse(c.text(all, "eventStreams", 0, "endpoint", "requestUri"))
	require.NoError(c.t, err)
	c.do("streamEvaluation", at{"ticket": stream.Query().Get("ticket")}, nil)
	c.do("getManifest", nil, nil)
	flag := object{"key": "written", "type": "integer", "defaultValue": 5}
	c.do("createManifestFlag", nil, flag)
	c.do("updateManifestFlag", at{"key": "written"}, flag)
	c.do("archiveManifestFlag", at{"key": "written"}, nil)
}

package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/stretchr/testify/require"
)

// raw is JSON as it is sent.
type raw = json.RawMessage

// vocabulary makes what flags are described with: tag types and tags, strategy types, context fields, feature types.
func (c *caller) vocabulary() {
	for _, body := range []raw{raw(`{"name":"team","description":"Who owns it","icon":"T","color":"#a1B2c3"}`), raw(`{"name":"area"}`)} {
		c.do("validateTagType", nil, body)
		c.do("createTagType", nil, body)
	}
	c.do("updateTagType", at{"name": "area"}, raw(`{"description":"Part of the product","icon":"A","color":"#000000"}`))
	c.do("createTag", nil, raw(`{"type":"team","value":"payments"}`))
	c.do("createTag", nil, raw(`{"type":"area","value":"checkout","color":"#ffffff"}`))

	c.do("createStrategy", nil, raw(`{"name":"byPlan","title":"By plan","description":"Paying customers","parameters":[
		{"name":"plans","type":"list","description":"Which","required":true},{"name":"share","type":"percentage"}]}`))
	c.do("createStrategy", nil, raw(`{"name":"old","parameters":[]}`))
	c.do("updateStrategy", at{"name": "old"}, raw(`{"description":"Of former times","parameters":[{"name":"n","type":"number","required":false}]}`))
	c.do("deprecateStrategy", at{"strategyName": "old"}, nil)

	c.do("validateContextFieldName", nil, raw(`{"name":"plan"}`))
	c.do("createContextField", nil, raw(`{"name":"plan","description":"What they pay","stickiness":true,"sortOrder":7,"legalValues":[{"value":"free"},{"value":"paid","description":"Pays"}]}`))
	c.do("createContextField", nil, raw(`{"name":"spare"}`))
	c.do("updateContextField", at{"contextField": "spare"}, raw(`{"description":"","stickiness":false,"sortOrder":8,"legalValues":[]}`))
	c.do("updateContextFieldLegalValue", at{"contextField": "plan"}, raw(`{"value":"trial","description":"Tries"}`))
	c.do("updateContextFieldLegalValue", at{"contextField": "plan"}, raw(`{"value":"gone"}`))
	c.do("deleteContextFieldLegalValue", at{"contextField": "plan", "legalValue": "gone"}, nil)

	c.do("updateFeatureTypeLifetime", at{"id": "experiment"}, raw(`{"lifetimeDays":7}`))
	c.do("updateFeatureTypeLifetime", at{"id": "release"}, raw(`{"lifetimeDays":null}`))
}

// places makes projects, environments, the context fields and segments of both, and tokens.
func (c *caller) places() {
	c.do("validateEnvironmentName", nil, raw(`{"name":"staging"}`))
	c.do("createEnvironment", nil, raw(`{"name":"staging","type":"preproduction","sortOrder":50}`))
	c.do("updateEnvironment", at{"name": "staging"}, raw(`{"type":"test","requiredApprovals":null}`))
	c.do("updateSortOrder", nil, raw(`{"development":1,"staging":2,"production":3}`))
	c.do("toggleEnvironmentOff", at{"name": "staging"}, nil)
	c.do("toggleEnvironmentOn", at{"name": "staging"}, nil)

	c.do("validateProject", nil, raw(`{"id":"shop"}`))
	c.do("createProject", nil, raw(`{"id":"shop","name":"Shop","description":"Sells","environments":["development","production"],"defaultStickiness":"userId","mode":"open"}`))
	c.do("createProject", nil, raw(`{"id":"spare","name":"Spare"}`))
	c.do("updateProject", at{"projectId": "spare"}, raw(`{"name":"Spare one","description":"For nothing","mode":"protected"}`))
	c.do("updateProjectEnterpriseSettings", at{"projectId": "spare"}, raw(`{"mode":"private","featureNaming":{"pattern":"^sp-.*$","example":"sp-1","description":"Ours"}}`))
	c.do("archiveProject", at{"projectId": "spare"}, nil)
	c.do("getProjects", at{"archived": "true"}, nil)
	c.do("reviveProject", at{"projectId": "spare"}, nil)
	c.do("addEnvironmentToProject", at{"projectId": "shop"}, raw(`{"environment":"staging","changeRequestsEnabled":false,"defaultStrategy":{"name":"flexibleRollout","parameters":{"rollout":"10","stickiness":"default","groupId":"g"}}}`))
	c.do("addDefaultStrategyToProjectEnvironment", at{"projectId": "shop", "environment": "production"},
		raw(`{"name":"flexibleRollout","title":"Careful","disabled":false,"parameters":{"rollout":"5","stickiness":"default","groupId":""},"constraints":[{"contextName":"plan","operator":"IN","values":["paid"]}],"variants":[],"segments":[]}`))
	c.do("addFavoriteProject", at{"projectId": "shop"}, nil)

	shop := at{"projectId": "shop"}
	c.do("validateContextFieldNameForProject", shop, raw(`{"name":"basket"}`))
	c.do("createContextFieldForProject", shop, raw(`{"name":"basket","description":"Its size","legalValues":[{"value":"small"}]}`))
	basket := at{"projectId": "shop", "contextField": "basket"}
	c.do("updateContextFieldForProject", basket, raw(`{"description":"How full","stickiness":true,"sortOrder":3,"legalValues":[{"value":"small"}]}`))
	c.do("updateContextFieldLegalValueForProject", basket, raw(`{"value":"large"}`))
	c.do("deleteContextFieldLegalValueForProject", at{"projectId": "shop", "contextField": "basket", "legalValue": "small"}, nil)

	c.do("validateSegment", nil, raw(`{"name":"testers"}`))
	c.do("createSegment", nil, raw(`{"name":"testers","description":"They try","constraints":[{"contextName":"userId","operator":"IN","values":["1","2"],"caseInsensitive":false,"inverted":false}]}`))
	c.do("createSegment", nil, raw(`{"name":"buyers","project":"shop","constraints":[{"contextName":"basket","operator":"STR_CONTAINS","values":["large"],"caseInsensitive":true,"inverted":true}]}`))
	c.do("createSegment", nil, raw(`{"name":"nobody","description":null,"constraints":[]}`))
	c.do("updateSegment", at{"id": c.segment("nobody")}, raw(`{"name":"nobody","project":null,"constraints":[{"contextName":"size","operator":"NUM_GT","value":"5"}]}`))
	for _, operator := range []raw{
		raw(`{"contextName":"appName","operator":"NUM_LTE","value":"7","inverted":true}`), raw(`{"contextName":"v","operator":"SEMVER_GTE","value":"1.2.3"}`),
		raw(`{"contextName":"currentTime","operator":"DATE_BEFORE","value":"2030-01-01T00:00:00Z"}`), raw(`{"contextName":"email","operator":"REGEX","value":"^a.*z$"}`),
	} {
		c.do("validateConstraint", nil, operator)
	}

	expiry := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	c.do("createApiToken", nil, object{"tokenName": "backend", "type": "client", "environment": "development", "projects": []string{"default", "shop"}, "expiresAt": expiry})
	c.do("createApiToken", nil, raw(`{"tokenName":"browser","type":"frontend","environment":"production","project":"*"}`))
	spare := c.do("createApiToken", nil, raw(`{"tokenName":"spare","type":"backend","environment":"staging"}`))
	c.do("updateApiToken", at{"token": c.text(spare, "secret")}, object{"expiresAt": expiry})
	c.do("deleteApiToken", at{"token": c.text(spare, "secret")}, nil)
	c.do("createProjectApiToken", shop, object{"tokenName": "shop", "type": "client", "environment": "production", "expiresAt": expiry})
	spare = c.do("createProjectApiToken", shop, raw(`{"tokenName":"spare","type":"frontend","environment":"development"}`))
	c.do("deleteProjectApiToken", at{"projectId": "shop", "token": c.text(spare, "secret")}, nil)
}

// segment is the id of a segment.
func (c *caller) segment(name string) string {
	for _, s := range c.of(c.do("getSegments", nil, nil), "segments").([]any) {
		if c.of(s, "name") == name {
			return c.text(s, "id")
		}
	}
	require.Fail(c.t, "no segment "+name)
	return ""
}

// integrations makes integrations and waits until one has delivered and one has not.
func (c *caller) integrations() {
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refuse" {
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	c.t.Cleanup(receiver.Close)
	webhook := func(path string) string {
		return c.text(c.do("createAddon", nil, object{
			"provider": "webhook", "description": "Tells us", "enabled": true, "parameters": object{"url": receiver.URL + path},
			"events": []string{"feature-created"}, "projects": []string{"shop"}, "environments": []string{},
		}), "id")
	}
	well, badly := webhook("/"), webhook("/refuse")
	slack := c.text(c.do("createAddon", nil, object{
		"provider": "slack", "enabled": false, "parameters": object{"url": receiver.URL, "defaultChannel": "general"}, "events": []string{"feature-archived"},
	}), "id")
	c.do("updateAddon", at{"id": slack}, object{
		"provider": "slack", "description": "Off", "enabled": false, "parameters": object{"url": receiver.URL, "defaultChannel": "random"}, "events": []string{"feature-archived"},
	})
	c.do("createFeature", at{"projectId": "shop"}, raw(`{"name":"delivered"}`))
	for _, id := range []string{well, badly} {
		c.await("a delivery", func() bool {
			return len(c.of(c.do("getIntegrationEvents", at{"id": id, "limit": "10", "offset": "0"}, nil), "integrationEvents").([]any)) > 0
		})
		c.do("getAddon", at{"id": id}, nil)
	}
	c.do("getAddons", nil, nil)
	c.do("deleteAddon", at{"id": slack}, nil)
}

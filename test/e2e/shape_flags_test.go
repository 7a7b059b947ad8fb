package e2e

import (
	"strconv"

	"github.com/stretchr/testify/require"
)

// checkout is the flag that has everything.
var checkout = at{"projectId": "shop", "featureName": "checkout"}

// with are the parameters and more.
func (a at) with(pairs ...string) at {
	more := at{}
	for name, value := range a {
		more[name] = value
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		more[pairs[i]] = pairs[i+1]
	}
	return more
}

// flags makes flags with every kind of strategy, in all environments.
func (c *caller) flags() {
	shop := at{"projectId": "shop"}
	c.do("validateFeature", nil, raw(`{"name":"checkout","projectId":"shop"}`))
	for _, body := range []raw{
		raw(`{"name":"parent","type":"kill-switch","description":"Stops it all","tags":[{"type":"team","value":"payments"}]}`),
		raw(`{"name":"checkout","type":"experiment","description":"New checkout","impressionData":true,"tags":[{"type":"simple","value":"shop"}]}`),
		raw(`{"name":"plain"}`), raw(`{"name":"stale"}`), raw(`{"name":"doomed"}`), raw(`{"name":"second","type":"operational"}`), raw(`{"name":"mover"}`),
	} {
		c.do("createFeature", shop, body)
	}
	development := checkout.with("environment", "development")
	segments := []int{number(c, c.segment("testers")), number(c, c.segment("buyers"))}
	first := c.do("addFeatureStrategy", development, object{
		"name": "flexibleRollout", "title": "Half", "disabled": false, "sortOrder": 1,
		"parameters": object{"rollout": "50", "stickiness": "plan", "groupId": "g"},
		"constraints": []object{
			{"contextName": "plan", "operator": "IN", "values": []string{"paid"}, "inverted": false, "caseInsensitive": true},
			{"contextName": "appName", "operator": "NUM_GT", "value": "5"},
			{"contextName": "currentTime", "operator": "DATE_AFTER", "value": "2020-01-01T00:00:00Z"},
		},
		"variants": []object{
			{"name": "a", "weight": 300, "weightType": "fix", "stickiness": "userId", "payload": object{"type": "json", "value": `{"a":1}`}},
			{"name": "b", "weight": 700, "weightType": "variable", "stickiness": "userId"},
		},
		"segments": segments,
	})
	second := c.do("addFeatureStrategy", development, raw(`{"name":"byPlan","parameters":{"plans":"free"}}`))
	third := c.do("addFeatureStrategy", development, raw(`{"name":"default","disabled":true,"title":null}`))
	for _, body := range []raw{
		raw(`{"name":"userWithId","parameters":{"userIds":"7,8"}}`), raw(`{"name":"gradualRolloutUserId","parameters":{"percentage":"20","groupId":"x"}}`),
		raw(`{"name":"remoteAddress","parameters":{"IPs":"10.0.0.0/8"}}`), raw(`{"name":"applicationHostname","parameters":{"hostNames":"a,b"}}`),
	} {
		c.do("addFeatureStrategy", checkout.with("environment", "production"), body)
	}
	id := c.text(first, "id")
	c.do("setStrategySortOrder", development, []object{{"id": c.text(second, "id"), "sortOrder": 0}, {"id": id, "sortOrder": 1}})
	c.do("updateFeatureStrategy", development.with("strategyId", c.text(second, "id")), raw(`{"name":"byPlan","title":"Free ones","sortOrder":4,"parameters":{"plans":"free,trial"},"constraints":[],"segments":[]}`))
	c.do("patchFeatureStrategy", development.with("strategyId", id), raw(`[{"op":"replace","path":"/parameters/rollout","value":"60"}]`))
	c.do("deleteFeatureStrategy", development.with("strategyId", c.text(third, "id")), nil)
	c.do("updateFeatureStrategySegments", nil, object{"projectId": "shop", "strategyId": c.text(second, "id"), "environmentId": "development", "segmentIds": segments[1:]})
	c.do("copyFeatureStrategies", checkout.with("environment", "staging"), raw(`{"fromEnvironment":"development","replace":true}`))
	c.do("getFeatureStrategy", development.with("strategyId", id), nil)
	c.do("getSegmentsByStrategyId", at{"strategyId": id}, nil)

	c.do("toggleFeatureEnvironmentOn", development.with("shouldActivateDisabledStrategies", "true"), nil)
	c.do("toggleFeatureEnvironmentOn", checkout.with("environment", "production"), nil)
	c.do("toggleFeatureEnvironmentOff", checkout.with("environment", "production"), nil)
	for _, name := range []string{"parent", "plain", "second"} {
		c.do("toggleFeatureEnvironmentOn", shop.with("featureName", name, "environment", "development"), nil)
	}
	c.do("updateFeature", checkout, raw(`{"description":"The new checkout","type":"release","stale":false,"impressionData":true}`))
	c.do("patchFeature", checkout, raw(`[{"op":"replace","path":"/type","value":"experiment"}]`))
	c.do("cloneFeature", checkout, raw(`{"name":"checkout-2","replaceGroupId":true}`))
	c.do("changeProject", shop.with("featureName", "mover"), raw(`{"newProjectId":"default"}`))
}

// values gives flags variants.
func (c *caller) values() {
	parent := at{"projectId": "shop", "featureName": "parent"}
	c.do("overwriteEnvironmentFeatureVariants", parent.with("environment", "development"), raw(`[
		{"name":"x","weight":600,"weightType":"variable","stickiness":"default","payload":{"type":"string","value":"<&>"},"overrides":[{"contextName":"userId","values":["9"]}]},
		{"name":"y","weight":400,"weightType":"fix","stickiness":"default","payload":{"type":"number","value":"7"}}]`))
	c.do("patchEnvironmentsFeatureVariants", parent.with("environment", "development"), raw(`[{"op":"replace","path":"/1/weight","value":500}]`))
	c.do("overwriteFeatureVariantsOnEnvironments", parent, raw(`{"environments":["production","staging"],"variants":[
		{"name":"x","weight":1000,"weightType":"variable","payload":{"type":"csv","value":"a,b"}}]}`))
}

// companions gives flags what is kept with them: dependencies, links, tags, favourites, stages of their lives.
func (c *caller) companions() {
	shop := at{"projectId": "shop"}
	child := shop.with("child", "checkout")
	c.do("addFeatureDependency", child, raw(`{"feature":"parent","enabled":true,"variants":["x"]}`))
	c.do("addFeatureDependency", shop.with("child", "plain"), raw(`{"feature":"parent"}`))
	c.do("deleteFeatureDependency", shop.with("child", "plain", "parent", "parent"), nil)
	c.do("addFeatureDependency", shop.with("child", "second"), raw(`{"feature":"parent","enabled":false}`))
	c.do("deleteFeatureDependencies", shop.with("child", "second"), nil)

	c.do("createFeatureLink", checkout, raw(`{"url":"https://example.com/1","title":"Issue"}`))
	c.do("createFeatureLink", checkout, raw(`{"url":"https://example.com/2","title":null}`))
	c.do("createFeatureLink", checkout, raw(`{"url":"https://example.com/3"}`))
	links := c.of(c.do("getFeature", checkout, nil), "links").([]any)
	require.Len(c.t, links, 3)
	c.do("updateFeatureLink", checkout.with("linkId", c.text(links, 0, "id")), raw(`{"url":"https://example.com/one","title":"The issue"}`))
	c.do("deleteFeatureLink", checkout.with("linkId", c.text(links, 2, "id")), nil)

	c.do("addTag", checkout, raw(`{"type":"team","value":"payments"}`))
	c.do("addTag", checkout, raw(`{"type":"area","value":"going"}`))
	c.do("removeTag", checkout.with("type", "area", "value", "going"), nil)
	c.do("updateTags", checkout, raw(`{"addedTags":[{"type":"area","value":"basket"}],"removedTags":[]}`))
	c.do("addTagToFeatures", shop, raw(`{"features":["plain","second"],"tags":{"addedTags":[{"type":"team","value":"payments"}],"removedTags":[]}}`))

	c.do("addFavoriteFeature", checkout, nil)
	c.do("addFavoriteFeature", shop.with("featureName", "plain"), nil)
	c.do("removeFavoriteFeature", shop.with("featureName", "plain"), nil)
	for _, status := range []raw{raw(`{"status":"kept","statusValue":"x"}`), raw(`{"status":"discarded"}`)} {
		c.do("complete", shop.with("featureName", "second"), status)
		c.do("uncomplete", shop.with("featureName", "second"), nil)
	}
	c.do("complete", shop.with("featureName", "second"), raw(`{"status":"kept"}`))
}

// bulk changes several flags at once, and some through the deprecated operations.
func (c *caller) bulk() {
	shop := at{"projectId": "shop"}
	several := raw(`{"features":["plain","doomed"]}`)
	c.do("bulkToggleFeaturesEnvironmentOn", shop.with("environment", "production"), several)
	c.do("bulkToggleFeaturesEnvironmentOff", shop.with("environment", "production"), several)
	c.do("staleFeatures", shop, raw(`{"features":["stale","doomed"],"stale":true}`))
	c.do("validateArchiveFeatures", shop, raw(`{"features":["parent","plain","delivered"]}`))
	c.do("archiveFeature", shop.with("featureName", "delivered"), nil)
	c.do("archiveFeatures", shop, several)
	c.do("reviveFeatures", shop, several)
	c.do("archiveFeatures", shop, raw(`{"features":["doomed"]}`))
	c.do("reviveFeature", at{"featureName": "delivered"}, nil)
	c.do("archiveFeature", shop.with("featureName", "delivered"), nil)

	// The deprecated operations are about the environment default, where there is one.
	c.do("createEnvironment", nil, raw(`{"name":"default","type":"production"}`))
	c.do("addEnvironmentToProject", at{"projectId": "default"}, raw(`{"environment":"default"}`))
	old := at{"featureName": "old-style"}
	c.do("createLegacyFeature", nil, raw(`{"name":"old-style","project":"default","type":"release","enabled":true,"strategies":[{"name":"default"}]}`))
	c.do("updateLegacyFeature", old, raw(`{"name":"old-style","description":"Told","type":"release","enabled":false,"strategies":[{"name":"default"}]}`))
	c.do("getAllToggles", nil, nil)
	c.do("getLegacyFeature", old, nil)
	c.do("toggleLegacyFeature", old, nil)
	c.do("toggleLegacyFeatureOn", old, nil)
	c.do("toggleLegacyFeatureOff", old, nil)
	c.do("staleLegacyFeatureOn", old, nil)
	c.do("staleLegacyFeatureOff", old, nil)
	c.do("archiveLegacyFeature", old, nil)
}

func number(c *caller, text string) int {
	n, err := strconv.Atoi(text)
	require.NoError(c.t, err)
	return n
}

package e2e

import "fmt"

// interfaces does what user interfaces do for everybody and for the one in front of them.
func (c *caller) interfaces() {
	banner := at{"id": fmt.Sprint(c.of(c.do("createBanner", nil, object{
		"message": "Down at 5", "variant": "warning", "sticky": true, "link": "dialog", "linkText": "Why?", "dialogTitle": "Why", "dialog": "Because.",
	}), "id"))}
	c.do("disableBanner", banner, nil)
	c.do("enableBanner", banner, nil)
	c.do("updateBanner", banner, object{"message": "Down at 6", "enabled": false, "icon": nil})
	c.do("getBanners", nil, nil)
	c.do("getBanner", banner, nil)
	c.do("deleteBanner", banner, nil)

	c.do("createFeedback", nil, object{"feedbackId": "nps"})
	c.do("updateFeedback", at{"id": "nps"}, object{"userId": 1, "neverShow": true, "given": "2026-01-02T03:04:05.678Z"})
	c.do("updateSplashSettings", at{"id": "welcome"}, nil)
	c.do("uiObservability", nil, object{"errorMessage": "it broke", "errorStack": "at home"})
	c.do("setCors", nil, object{"frontendApiOrigins": []string{"https://shop.example.com", "*"}})
	c.do("updateProjectEnterpriseSettings", at{"projectId": "shop"}, object{
		"linkTemplates": []object{{"title": "Issue", "urlTemplate": "https://issues.example.com/{{project}}/{{feature}}"}, {"urlTemplate": "https://example.com"}},
	})
}

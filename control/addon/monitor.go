package addon

import (
	"strings"

	"github.com/pennonhq/pennon/outbound"
)

// datadogURL is where events go in Datadog's first region.
const datadogURL = "https://api.datadoghq.com/api/v1/events"

var datadog = Provider{
	Name: "datadog", DisplayName: "Datadog",
	Description:      "Posts events to Datadog's event stream.",
	DocumentationURL: "https://docs.datadoghq.com/api/latest/events/#post-an-event",
	HowTo:            "Tags of type datadog on the flag become tags of the Datadog event.",
	Parameters: []Parameter{
		{Name: "url", DisplayName: "Datadog events URL", Kind: "url", Placeholder: datadogURL, check: outbound.CheckURL, Description: "For another region than US1; left blank: " + datadogURL + "."},
		{Name: "apiKey", DisplayName: "Datadog API key", Kind: "text", Required: true, Sensitive: true, check: headerValue, Description: "The key events are posted with."},
		{Name: "sourceTypeName", DisplayName: "Source type name", Kind: "text", Description: "Datadog's name of the source, if any."},
		customHeaders(),
		bodyTemplate(templateExample),
	},
	TagTypes: []TagType{{Name: "datadog", Description: "A tag of the Datadog events about the flag.", Icon: "D"}},
	compose: func(m message) ([]outbound.Request, error) {
		url := m.parameters["url"]
		if url == "" {
			url = datadogURL
		}
		header := map[string]string{"DD-API-KEY": m.parameters["apiKey"]}
		body, err := m.templated(jsonType)
		if err != nil {
			return nil, err
		}
		if body != nil {
			r, err := m.request(url, body, header)
			return []outbound.Request{r}, err
		}
		tags := []string{}
		for _, value := range m.tagged("datadog") {
			tags = append(tags, "datadog:"+value)
		}
		for _, fact := range m.facts()[1:] {
			tags = append(tags, strings.ToLower(fact[0])+":"+fact[1])
		}
		event := map[string]any{"title": m.label(), "text": "%%% \n " + m.summary() + " \n %%% ", "tags": tags}
		if source := m.parameters["sourceTypeName"]; source != "" {
			event["source_type_name"] = source
		}
		r, err := m.post(url, event, header)
		return []outbound.Request{r}, err
	},
}

var newRelic = Provider{
	Name: "new-relic", DisplayName: "New Relic",
	Description:      "Posts events to New Relic's Event API.",
	DocumentationURL: "https://docs.newrelic.com/docs/data-apis/ingest-apis/event-api/introduction-event-api/",
	HowTo:            "Each event becomes a custom event of type unleash. Tags of type new-relic on the flag become its attribute tags.",
	Parameters: []Parameter{
		{
			Name: "url", DisplayName: "New Relic event URL", Kind: "url", Required: true, check: outbound.CheckURL,
			Placeholder: "https://insights-collector.newrelic.com/v1/accounts/ACCOUNT/events", Description: "Your account's address of the Event API.",
		},
		{Name: "licenseKey", DisplayName: "License key", Kind: "text", Required: true, Sensitive: true, check: headerValue, Description: "The key events are posted with."},
		customHeaders(),
		bodyTemplate(`{"eventType": "unleash", "event": "{{event.type}}", "flag": "{{event.featureName}}"}`),
	},
	TagTypes: []TagType{{Name: "new-relic", Description: "A tag of the New Relic events about the flag.", Icon: "N"}},
	compose: func(m message) ([]outbound.Request, error) {
		header := map[string]string{"Api-Key": m.parameters["licenseKey"]}
		body, err := m.templated(jsonType)
		if err != nil {
			return nil, err
		}
		if body != nil {
			r, err := m.request(m.parameters["url"], body, header)
			return []outbound.Request{r}, err
		}
		// The Event API takes flat objects of texts and numbers only.
		event := map[string]any{
			"eventType": "unleash", "event": m.event.Type, "eventId": m.event.ID, "label": m.label(), "text": m.summary(),
			"timestamp": m.event.CreatedAt.UnixMilli(),
		}
		for _, fact := range m.facts() {
			event[strings.ToLower(fact[0])] = fact[1]
		}
		if tags := m.tagged("new-relic"); len(tags) > 0 {
			event["tags"] = jsonText(tags)
		}
		r, err := m.post(m.parameters["url"], event, header)
		return []outbound.Request{r}, err
	},
}

package addon

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/pennonhq/pennon/outbound"
)

// sender is the name under which messages appear.
const sender = "Pennon"

// SlackURL is Slack's method that posts a message.
const SlackURL = "https://slack.com/api/chat.postMessage"

var slackTags = []TagType{{Name: "slack", Description: "The Slack channel that messages about the flag go to.", Icon: "S"}}

var slackApp = Provider{
	Name: "slack-app", DisplayName: "App for Slack",
	Description:      "Posts events to Slack channels through a Slack app of your workspace.",
	DocumentationURL: "https://docs.slack.dev/reference/methods/chat.postMessage",
	HowTo: "Make a Slack app with the scopes chat:write and chat:write.public, install it in your workspace and copy its bot token. " +
		"Messages about flags with tags of type slack go to the channels these name, others to the channels below.",
	Parameters: []Parameter{
		{Name: "accessToken", DisplayName: "Access token", Kind: "text", Required: true, Sensitive: true, check: headerValue, Description: "The app's bot token (xoxb-…)."},
		{Name: "defaultChannels", DisplayName: "Channels", Kind: "text", Description: "Channels for flags without a slack tag, separated by commas."},
	},
	TagTypes: slackTags,
	compose: func(m message) ([]outbound.Request, error) {
		header := map[string]string{"Authorization": "Bearer " + m.parameters["accessToken"], "Content-Type": jsonType + "; charset=utf-8"}
		var requests []outbound.Request
		for _, channel := range m.channels("slack", m.parameters["defaultChannels"]) {
			r, err := m.post(m.slackURL, map[string]any{
				"channel": channel, "text": slackText(m.summary()), "unfurl_links": false,
			}, header)
			if err != nil {
				return nil, err
			}
			requests = append(requests, r)
		}
		return requests, nil
	},
	refused: slackRefused,
}

var slack = Provider{
	Name: "slack", DisplayName: "Slack (webhook)",
	Description:      "Posts events to Slack through an incoming webhook.",
	DocumentationURL: "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
	Deprecated:       "Slack lets new incoming webhooks post to one channel only. Use App for Slack instead.",
	Parameters: []Parameter{
		urlParameter("Slack webhook URL", "The incoming webhook's URL."),
		{Name: "username", DisplayName: "Username", Kind: "text", Placeholder: sender, Description: "The name messages are posted under."},
		{Name: "emojiIcon", DisplayName: "Emoji icon", Kind: "text", Placeholder: ":triangular_flag_on_post:", Description: "The emoji shown beside messages."},
		{Name: "defaultChannel", DisplayName: "Default channel", Kind: "text", Required: true, Description: "The channel for flags without a slack tag, without #."},
		customHeaders(),
	},
	TagTypes: slackTags,
	compose: func(m message) ([]outbound.Request, error) {
		username, icon := m.parameters["username"], m.parameters["emojiIcon"]
		if username == "" {
			username = sender
		}
		if icon == "" {
			icon = ":triangular_flag_on_post:"
		}
		var requests []outbound.Request
		for _, channel := range m.channels("slack", m.parameters["defaultChannel"]) {
			r, err := m.post(m.parameters["url"], map[string]any{
				"username": username, "icon_emoji": icon, "channel": "#" + strings.TrimPrefix(channel, "#"), "text": slackText(m.summary()),
			}, nil)
			if err != nil {
				return nil, err
			}
			requests = append(requests, r)
		}
		return requests, nil
	},
}

// slackText makes Slack's markup of ours: one asterisk for bold, and nothing of the names in it can mention or link.
func slackText(markdown string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", "**", "*").Replace(markdown)
}

// slackTransient are Slack's errors after which the same message may succeed.
var slackTransient = map[string]bool{"ratelimited": true, "rate_limited": true, "internal_error": true, "fatal_error": true, "service_unavailable": true, "request_timeout": true}

// slackRefused reads Slack's own verdict: it answers 200 to what it refuses, too.
func slackRefused(r outbound.Response) error {
	var verdict struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
	}
	if err := json.Unmarshal(r.Body, &verdict); err != nil && !r.Truncated {
		return errors.New("the answer is not Slack's")
	}
	switch {
	case verdict.OK || r.Truncated:
		return nil
	case slackTransient[verdict.Error]:
		return fmt.Errorf("refused by Slack: %s", verdict.Error)
	}
	return permanent{fmt.Errorf("refused by Slack: %s", verdict.Error)}
}

var teamsWorkflow = Provider{
	Name: "teamsworkflow", DisplayName: "Microsoft Teams (workflow)",
	Description:      "Posts events to Microsoft Teams through a workflow.",
	DocumentationURL: "https://support.microsoft.com/office/create-incoming-webhooks-with-workflows-for-microsoft-teams-8ae491c7-0394-4861-ba59-055e33f75498",
	HowTo:            "Make a workflow from the template that posts to a channel when a webhook request is received, and copy its URL.",
	Parameters:       []Parameter{urlParameter("Workflow URL", "The URL that the workflow shows."), customHeaders()},
	compose: func(m message) ([]outbound.Request, error) {
		facts := []map[string]string{}
		for _, fact := range m.facts() {
			facts = append(facts, map[string]string{"title": fact[0], "value": fact[1]})
		}
		r, err := m.post(m.parameters["url"], map[string]any{
			"type": "message",
			"attachments": []any{map[string]any{
				"contentType": "application/vnd.microsoft.card.adaptive",
				"contentUrl":  nil,
				"content": map[string]any{
					"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
					"body": []any{
						map[string]any{"type": "TextBlock", "text": m.label(), "weight": "Bolder", "size": "Medium", "wrap": true},
						map[string]any{"type": "TextBlock", "text": m.summary(), "wrap": true},
						map[string]any{"type": "FactSet", "facts": facts},
					},
				},
			}},
		}, nil)
		return []outbound.Request{r}, err
	},
}

var teams = Provider{
	Name: "teams", DisplayName: "Microsoft Teams (connector)",
	Description:      "Posts events to Microsoft Teams through an incoming webhook connector.",
	DocumentationURL: "https://learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook",
	Deprecated:       "Microsoft retires connectors. Use the workflow integration instead.",
	Parameters:       []Parameter{urlParameter("Connector URL", "The incoming webhook's URL."), customHeaders()},
	compose: func(m message) ([]outbound.Request, error) {
		facts := []map[string]string{}
		for _, fact := range m.facts() {
			facts = append(facts, map[string]string{"name": fact[0], "value": fact[1]})
		}
		r, err := m.post(m.parameters["url"], map[string]any{
			"@type": "MessageCard", "@context": "http://schema.org/extensions", "themeColor": "3B5BDB", "summary": m.label(),
			"sections": []any{map[string]any{"activityTitle": m.summary(), "activitySubtitle": m.label(), "facts": facts}},
		}, nil)
		return []outbound.Request{r}, err
	},
}

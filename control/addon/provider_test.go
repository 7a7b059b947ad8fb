package addon_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/control/addon"
	"github.com/pennonhq/pennon/control/event"
	"github.com/pennonhq/pennon/control/job"
	"github.com/pennonhq/pennon/db/dbtest"
)

// hostile is an event whose names try to break out of what they are put into.
var hostile = event.Event{
	Type: event.FeatureEnvironmentEnabled, Project: "shop", Environment: "production", Feature: "beta",
	Data: map[string]any{"name": "be\"ta</b>\n", "count": 21, "list": []string{"x"}},
}

// deliver sends an event to one integration and returns what arrived.
func deliver(t *testing.T, r *receiver, in addon.Input, tags map[string]string, options ...option) (got []request, log []string) {
	t.Helper()
	d := dbtest.New(t)
	_, err := d.Pool.Exec(t.Context(), "INSERT INTO features (name, project) VALUES ('beta', 'default')")
	require.NoError(t, err)
	for value, kind := range tags {
		_, err := d.Pool.Exec(t.Context(), "INSERT INTO tag_types (name) VALUES ($1) ON CONFLICT DO NOTHING", kind)
		require.NoError(t, err)
		_, err = d.Pool.Exec(t.Context(), "INSERT INTO tags (type, value) VALUES ($1, $2)", kind, value)
		require.NoError(t, err)
		_, err = d.Pool.Exec(t.Context(), "INSERT INTO feature_tags (feature, type, value) VALUES ('beta', $1, $2)", kind, value)
		require.NoError(t, err)
	}
	in.Events = []string{string(hostile.Type)}
	row := integrate(t, d.Pool, in)
	happen(t, d.Pool, hostile)
	start(t, d.DSN, options...)
	settled(t, d.Pool)
	return r.requests(), attempts(t, d.Pool, row.ID)
}

func TestWebhooks(t *testing.T) {
	t.Parallel()

	t.Run("SendTheEventAsUnleashDoes", func(t *testing.T) {
		t.Parallel()
		r := newReceiver(t, nil)
		got, _ := deliver(t, r, addon.Input{Provider: "webhook", Parameters: map[string]any{
			"url": r.URL + "/hook", "authorization": "sekrit", "customHeaders": `{"X-Key": "k", "User-Agent": "me"}`,
		}}, nil)
		require.Len(t, got, 1)
		require.Equal(t, "POST", got[0].method)
		require.Equal(t, "application/json", got[0].header.Get("Content-Type"))
		require.Equal(t, "sekrit", got[0].header.Get("Authorization"))
		require.Equal(t, "k", got[0].header.Get("X-Key"))
		require.Equal(t, "me", got[0].header.Get("User-Agent"))
		var e map[string]any
		require.NoError(t, json.Unmarshal([]byte(got[0].body), &e))
		require.NotEmpty(t, e["createdAt"])
		delete(e, "createdAt")
		delete(e, "id")
		require.Equal(t, map[string]any{
			"type": "feature-environment-enabled", "createdBy": "unleash_system_user", "createdByUserId": -1337.0, "preData": nil, "tags": []any{},
			"data":        map[string]any{"name": "be\"ta</b>\n", "count": 21.0, "list": []any{"x"}},
			"featureName": "beta", "project": "shop", "environment": "production",
		}, e)
	})

	t.Run("FillInTemplatesSoThatJSONStaysValid", func(t *testing.T) {
		t.Parallel()
		r := newReceiver(t, nil)
		got, _ := deliver(t, r, addon.Input{Provider: "webhook", Parameters: map[string]any{
			"url": r.URL, "bodyTemplate": `{"type": "{{event.type}}", "name": "{{event.data.name}}", "count": {{event.data.count}}, "data": {{{event.data}}},
				"text": "{{event.summary}}", "none": "{{event.preData.x}}{{nothing}}", "event": {{{eventJson}}}, "list": "{{#event.data.list}}{{.}}{{/event.data.list}}"}`,
		}}, nil)
		require.Len(t, got, 1)
		var body struct {
			Type, Name, Text, None, Event, List string
			Count                               int
			Data                                map[string]any
		}
		require.NoError(t, json.Unmarshal([]byte(got[0].body), &body), got[0].body)
		require.Equal(t, "feature-environment-enabled", body.Type)
		require.Equal(t, "be\"ta</b>\n", body.Name)
		require.Equal(t, 21, body.Count)
		require.Equal(t, "be\"ta</b>\n", body.Data["name"])
		require.Contains(t, body.Text, "switched the flag **beta** on")
		require.Empty(t, body.None)
		require.Equal(t, "x", body.List)
		require.True(t, json.Valid([]byte(body.Event)), "eventJson is the event as a JSON string")
	})

	t.Run("NeverReadFilesForTemplates", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "secret")
		require.NoError(t, os.WriteFile(file, []byte("secret"), 0o600))
		r := newReceiver(t, nil)
		got, _ := deliver(t, r, addon.Input{Provider: "webhook", Parameters: map[string]any{
			"url": r.URL, "contentType": "text/plain", "bodyTemplate": "a{{> " + file + "}}b {{event.data.name}}",
		}}, nil)
		require.Len(t, got, 1)
		require.Equal(t, "ab be\"ta</b>\n", got[0].body, "and plain text is not escaped")
		require.Equal(t, "text/plain", got[0].header.Get("Content-Type"))
	})
}

func TestGenericRequestsAreSigned(t *testing.T) {
	t.Parallel()
	r := newReceiver(t, nil)
	key := []byte("0123456789abcdef01234567")
	got, _ := deliver(t, r, addon.Input{Provider: "generic", Parameters: map[string]any{
		"url": r.URL, "method": "put", "signingSecret": "whsec_" + base64.StdEncoding.EncodeToString(key),
	}}, nil)
	require.Len(t, got, 1)
	require.Equal(t, "PUT", got[0].method)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(got[0].header.Get("Webhook-Id") + "." + got[0].header.Get("Webhook-Timestamp") + "." + got[0].body))
	require.Equal(t, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)), got[0].header.Get("Webhook-Signature"))
}

func TestSlack(t *testing.T) {
	t.Parallel()

	t.Run("AppPostsToTheChannelsThatTagsName", func(t *testing.T) {
		t.Parallel()
		r := newReceiver(t, func(_ int, r request, w http.ResponseWriter) {
			if json.Valid([]byte(r.body)) {
				_, _ = w.Write([]byte(`{"ok": true}`))
			}
		})
		got, log := deliver(t, r, addon.Input{Provider: "slack-app", Parameters: map[string]any{"accessToken": "xoxb-1", "defaultChannels": "general"}},
			map[string]string{"team-a": "slack", "team-b": "slack", "other": "simple"}, func(_ *job.Runner, d *addon.Deliveries) { d.SlackURL = r.URL })
		require.Len(t, got, 2)
		for i, channel := range []string{"team-a", "team-b"} {
			require.Equal(t, "Bearer xoxb-1", got[i].header.Get("Authorization"))
			require.JSONEq(t, `{"channel": "`+channel+`", "unfurl_links": false,
				"text": "*unleash_system_user* switched the flag *beta* on in environment *production* of project *shop*"}`, got[i].body)
		}
		require.Equal(t, []string{"success: Delivered with status 200."}, log)
	})

	t.Run("AppTellsOfChannelsThatAreWrong", func(t *testing.T) {
		t.Parallel()
		r := newReceiver(t, func(n int, _ request, w http.ResponseWriter) {
			_, _ = w.Write([]byte([]string{`{"ok": true}`, `{"ok": false, "error": "channel_not_found"}`}[n-1]))
		})
		_, log := deliver(t, r, addon.Input{Provider: "slack-app", Parameters: map[string]any{"accessToken": "xoxb-1", "defaultChannels": "general, typo"}}, nil,
			func(_ *job.Runner, d *addon.Deliveries) { d.SlackURL = r.URL })
		require.Equal(t, []string{"successWithErrors: 1 of 2 messages delivered: refused by Slack: channel_not_found."}, log)
	})

	t.Run("AppRepeatsWhatSlackHasNoTimeFor", func(t *testing.T) {
		t.Parallel()
		r := newReceiver(t, func(n int, _ request, w http.ResponseWriter) {
			_, _ = w.Write([]byte([]string{`{"ok": false, "error": "ratelimited"}`, `{"ok": true}`}[n-1]))
		})
		got, _ := deliver(t, r, addon.Input{Provider: "slack-app", Parameters: map[string]any{"accessToken": "xoxb-1", "defaultChannels": "general"}}, nil,
			func(_ *job.Runner, d *addon.Deliveries) { d.SlackURL = r.URL })
		require.Len(t, got, 2)
	})

	t.Run("WithoutAChannelNothingIsSent", func(t *testing.T) {
		t.Parallel()
		r := newReceiver(t, nil)
		got, log := deliver(t, r, addon.Input{Provider: "slack-app", Parameters: map[string]any{"accessToken": "xoxb-1"}}, nil,
			func(_ *job.Runner, d *addon.Deliveries) { d.SlackURL = r.URL })
		require.Empty(t, got)
		require.Len(t, log, 1)
		require.Contains(t, log[0], "failed: Nothing was sent: ")
	})

	t.Run("WebhookPostsToTheDefaultChannel", func(t *testing.T) {
		t.Parallel()
		r := newReceiver(t, nil)
		got, _ := deliver(t, r, addon.Input{Provider: "slack", Parameters: map[string]any{"url": r.URL, "defaultChannel": "general", "username": "flags"}}, nil)
		require.Len(t, got, 1)
		require.JSONEq(t, `{"channel": "#general", "username": "flags", "icon_emoji": ":triangular_flag_on_post:",
			"text": "*unleash_system_user* switched the flag *beta* on in environment *production* of project *shop*"}`, got[0].body)
	})
}

func TestTeams(t *testing.T) {
	t.Parallel()
	for provider, want := range map[string]string{
		"teams": `{"@type": "MessageCard", "@context": "http://schema.org/extensions", "themeColor": "3B5BDB", "summary": "Flag switched on", "sections": [{
			"activityTitle": "**unleash_system_user** switched the flag **beta** on in environment **production** of project **shop**", "activitySubtitle": "Flag switched on",
			"facts": [{"name": "By", "value": "unleash_system_user"}, {"name": "Flag", "value": "beta"}, {"name": "Project", "value": "shop"}, {"name": "Environment", "value": "production"}]}]}`,
		"teamsworkflow": `{"type": "message", "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": null, "content": {
			"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": [
			{"type": "TextBlock", "text": "Flag switched on", "weight": "Bolder", "size": "Medium", "wrap": true},
			{"type": "TextBlock", "text": "**unleash_system_user** switched the flag **beta** on in environment **production** of project **shop**", "wrap": true},
			{"type": "FactSet", "facts": [{"title": "By", "value": "unleash_system_user"}, {"title": "Flag", "value": "beta"}, {"title": "Project", "value": "shop"}, {"title": "Environment", "value": "production"}]}]}}]}`,
	} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			r := newReceiver(t, nil)
			got, _ := deliver(t, r, addon.Input{Provider: provider, Parameters: map[string]any{"url": r.URL}}, nil)
			require.Len(t, got, 1)
			require.JSONEq(t, want, got[0].body)
		})
	}
}

func TestMonitors(t *testing.T) {
	t.Parallel()

	t.Run("Datadog", func(t *testing.T) {
		t.Parallel()
		r := newReceiver(t, nil)
		got, _ := deliver(t, r, addon.Input{Provider: "datadog", Parameters: map[string]any{"url": r.URL, "apiKey": "k", "sourceTypeName": "flags"}}, map[string]string{"blue": "datadog"})
		require.Len(t, got, 1)
		require.Equal(t, "k", got[0].header.Get("Dd-Api-Key"))
		require.JSONEq(t, `{"title": "Flag switched on", "source_type_name": "flags", "tags": ["datadog:blue", "flag:beta", "project:shop", "environment:production"],
			"text": "%%% \n **unleash_system_user** switched the flag **beta** on in environment **production** of project **shop** \n %%% "}`, got[0].body)
	})

	t.Run("NewRelic", func(t *testing.T) {
		t.Parallel()
		r := newReceiver(t, nil)
		got, _ := deliver(t, r, addon.Input{Provider: "new-relic", Parameters: map[string]any{"url": r.URL, "licenseKey": "k"}}, map[string]string{"blue": "new-relic"})
		require.Len(t, got, 1)
		require.Equal(t, "k", got[0].header.Get("Api-Key"))
		var body map[string]any
		require.NoError(t, json.Unmarshal([]byte(got[0].body), &body))
		require.Equal(t, "unleash", body["eventType"])
		require.Equal(t, `["blue"]`, body["tags"])
		for name, value := range body {
			switch value.(type) {
			case string, float64:
			default:
				t.Errorf("%s is neither a text nor a number", name)
			}
		}
	})

	t.Run("TakeATemplateToo", func(t *testing.T) {
		t.Parallel()
		r := newReceiver(t, nil)
		got, _ := deliver(t, r, addon.Input{Provider: "datadog", Parameters: map[string]any{"url": r.URL, "apiKey": "k", "bodyTemplate": `{"title": "{{event.type}}"}`}}, nil)
		require.Len(t, got, 1)
		require.JSONEq(t, `{"title": "feature-environment-enabled"}`, got[0].body)
	})
}

func TestSecretsAreMaskedAndKept(t *testing.T) {
	t.Parallel()
	d := dbtest.New(t)
	url, key := "https://hooks.example.com/T0/B0/secret", "sekrit"
	row := integrate(t, d.Pool, addon.Input{Provider: "webhook", Parameters: map[string]any{"url": url, "authorization": key, "contentType": "text/plain"}})
	shown, err := addon.Masked(row)
	require.NoError(t, err)
	require.Equal(t, map[string]any{"url": addon.Mask, "authorization": addon.Mask, "contentType": "text/plain"}, shown)

	update := func(in addon.Input) (stored map[string]string, err error) {
		err = write(d.Pool, func(ctx context.Context, tx pgx.Tx) error {
			row, err := addon.Update(ctx, tx, row.ID, in)
			if err != nil {
				return err
			}
			return json.Unmarshal(row.Parameters, &stored)
		})
		return stored, err
	}
	stored, err := update(addon.Input{Provider: "webhook", Parameters: shown})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"url": url, "authorization": key, "contentType": "text/plain"}, stored, "what was shown can be sent back")

	stored, err = update(addon.Input{Provider: "webhook", Parameters: map[string]any{"url": addon.Mask, "authorization": ""}})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"url": url}, stored, "what is left out or blank is removed")

	_, err = update(addon.Input{Provider: "webhook", Parameters: map[string]any{"url": addon.Mask, "authorization": addon.Mask}})
	require.ErrorContains(t, err, "has no value yet")
	_, err = update(addon.Input{Provider: "teams", Parameters: map[string]any{"url": addon.Mask}})
	require.ErrorContains(t, err, "has no value yet", "another provider does not get the secrets")

	var text string
	require.NoError(t, d.Pool.QueryRow(t.Context(), "SELECT string_agg(concat(data, pre_data), ' ') FROM events WHERE type LIKE 'addon-config-%'").Scan(&text))
	require.NotContains(t, text, "secret")
	require.NotContains(t, text, key)
}

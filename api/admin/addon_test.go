package admin_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIntegrations(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.run(t, []step{
		{
			does: "there are none at first, but providers", method: http.MethodGet, path: "/addons", status: 200,
			want: `~{"addons":[],"providers":[{"name":"webhook"`,
		},
		{
			does: "an unknown provider is refused", method: http.MethodPost, path: "/addons", status: 400,
			body: `{"provider":"pigeon","enabled":true,"parameters":{},"events":[]}`, want: `~There is no provider`,
		},
		{
			does: "a required parameter is asked for", method: http.MethodPost, path: "/addons", status: 400,
			body: `{"provider":"webhook","enabled":true,"parameters":{},"events":[]}`, want: `~needs the parameter`,
		},
		{
			does: "a wrong URL is refused without repeating it", method: http.MethodPost, path: "/addons", status: 400,
			body: `{"provider":"webhook","enabled":true,"parameters":{"url":"ftp://secret.example.com"},"events":[]}`, want: `~the scheme must be http or https`,
		},
		{
			does: "unknown parameters are refused", method: http.MethodPost, path: "/addons", status: 400,
			body: `{"provider":"webhook","enabled":true,"parameters":{"url":"https://example.com","colour":"red"},"events":[]}`, want: `~has no parameter`,
		},
		{
			does: "parameters are texts", method: http.MethodPost, path: "/addons", status: 400,
			body: `{"provider":"webhook","enabled":true,"parameters":{"url":["https://example.com"]},"events":[]}`, want: `~must be a text`,
		},
		{
			does: "headers are a JSON object", method: http.MethodPost, path: "/addons", status: 400,
			body: `{"provider":"webhook","enabled":true,"parameters":{"url":"https://example.com","customHeaders":"nope"},"events":[]}`, want: `~must be a JSON object`,
		},
		{
			does: "templates are parsed", method: http.MethodPost, path: "/addons", status: 400,
			body: `{"provider":"webhook","enabled":true,"parameters":{"url":"https://example.com","bodyTemplate":"{{#a}}"},"events":[]}`, want: `~not a valid Mustache template`,
		},
		{
			does: "unknown events are refused", method: http.MethodPost, path: "/addons", status: 400,
			body: `{"provider":"webhook","enabled":true,"parameters":{"url":"https://example.com"},"events":["feature-painted"]}`, want: `~There are no events of type`,
		},
		{
			does: "secrets are masked from the start", method: http.MethodPost, path: "/addons", status: 201,
			body: `{"provider":"webhook","description":"x","enabled":true,"parameters":{"url":"https://example.com/T0-path","contentType":"text/plain"},"events":["feature-created"]}`,
			want: `{"id":1,"provider":"webhook","enabled":true,"description":"x","parameters":{"url":"*****","contentType":"text/plain"},
				"events":["feature-created"],"projects":[],"environments":[],"createdAt":"T"}`,
			events: []string{"addon-config-created -/-/-"},
		},
		{
			does: "what was read can be sent back", method: http.MethodPut, path: "/addons/1", status: 200,
			body: `{"provider":"webhook","enabled":false,"parameters":{"url":"*****"},"events":["feature-created"],"projects":["default"]}`,
			want: `{"id":1,"provider":"webhook","enabled":false,"description":null,"parameters":{"url":"*****"},
				"events":["feature-created"],"projects":["default"],"environments":[],"createdAt":"T"}`,
			events: []string{"addon-config-updated -/-/-"},
		},
		{does: "one can be read", method: http.MethodGet, path: "/addons/1", status: 200, want: `~"parameters":{"url":"*****"}`},
		{does: "there is no other", method: http.MethodGet, path: "/addons/99", status: 404, want: `~Could not find addon`},
		{does: "ids are numbers", method: http.MethodGet, path: "/addons/x", status: 400},
		{does: "no other can be changed", method: http.MethodPut, path: "/addons/99", status: 404, body: `{"provider":"webhook","enabled":false,"parameters":{"url":"*****"},"events":[]}`},
		{does: "no other can be deleted", method: http.MethodDelete, path: "/addons/99", status: 404},
		{does: "nothing was delivered", method: http.MethodGet, path: "/addons/1/events", status: 200, want: `{"integrationEvents":[]}`},
		{does: "no other has a log", method: http.MethodGet, path: "/addons/99/events", status: 404},
		{does: "it is deleted", method: http.MethodDelete, path: "/addons/1", status: 200, events: []string{"addon-config-deleted -/-/-"}},
		{does: "it is gone", method: http.MethodGet, path: "/addons/1", status: 404},
	})
}

func TestIntegrationSecretsStayInTheDatabase(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, http.MethodPost, "/addons", `{"provider":"webhook","enabled":true,"parameters":{"url":"https://example.com/T0-path"},"events":[]}`)
	s.must(t, http.MethodPut, "/addons/1", `{"provider":"webhook","enabled":true,"parameters":{"url":"*****"},"events":[]}`)
	var url string
	require.NoError(t, s.Pool.QueryRow(t.Context(), "SELECT parameters->>'url' FROM addons").Scan(&url))
	require.Equal(t, "https://example.com/T0-path", url)
	for _, path := range []string{"/addons", "/addons/1", "/addons/1/events"} {
		require.NotContains(t, s.must(t, http.MethodGet, path, ""), "T0-path", path)
	}
}

func TestIntegrationEventsTellOfEachAttempt(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, http.MethodPost, "/addons", `{"provider":"webhook","enabled":true,"parameters":{"url":"https://example.com"},"events":["feature-created"]}`)
	s.must(t, http.MethodPost, "/projects/default/features", `{"name":"beta"}`)
	s.sql(t, `INSERT INTO integration_events (addon_id, event_id, state, state_details, details)
		SELECT addon_id, event_id, state, 'Told.', '{"attempt": 1}' FROM addon_outbox, (VALUES ('failed'), ('success')) v (state)`)
	newest := s.must(t, http.MethodGet, "/addons/1/events?limit=1", "")
	require.Contains(t, newest, `"id":"2","integrationId":1,`)
	require.Contains(t, newest, `"state":"success","stateDetails":"Told.","event":{`)
	require.Contains(t, newest, `"label":"Flag created","summary":"**admin** created the flag **beta** in project **default**"`)
	require.Contains(t, newest, `"details":{"attempt":1}`)
	require.Contains(t, s.must(t, http.MethodGet, "/addons/1/events?offset=1", ""), `"id":"1"`)
	require.Equal(t, 400, s.call(http.MethodGet, "/addons/1/events?limit=0", "").Code)
}

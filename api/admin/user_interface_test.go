package admin_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatTheCallerHasSeenIsRemembered(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.run(t, []step{
		{does: "see a page", method: "POST", path: "/splash/welcome", status: 200, want: `{"userId":-42,"splashId":"welcome","seen":true}`},
		{does: "see it again", method: "POST", path: "/splash/welcome", status: 200},
		{does: "be asked", method: "POST", path: "/feedback", body: `{"feedbackId":"nps"}`, status: 200, want: `~"feedbackId":"nps"`},
		{
			does: "answer", method: "PUT", path: "/feedback/nps", body: `{"neverShow":true,"given":"2026-01-02T03:04:05.678Z"}`, status: 200,
			want: `{"userId":-42,"neverShow":true,"given":"2026-01-02T03:04:05.678Z","feedbackId":"nps"}`,
		},
		{does: "be asked for nothing", method: "POST", path: "/feedback", body: `{"feedbackId":""}`, status: 400},
		{does: "too long a name", method: "POST", path: "/splash/" + strings.Repeat("x", 256), status: 400},
	})
	me := s.must(t, "GET", "/user", "")
	require.Contains(t, me, `"user":{"id":-42,"username":"admin",`)
	require.Contains(t, me, `"permissions":[{"permission":"ADMIN"}]`)
	require.Contains(t, me, `"feedback":[{"userId":-42,"neverShow":true,"given":"2026-01-02T03:04:05.678Z","feedbackId":"nps"}],"splash":{"welcome":true}`)
	require.NotContains(t, me, adminSecret)
}

func TestErrorsOfUserInterfacesAreLoggedInPart(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	require.Equal(t, 204, s.call("POST", "/record-ui-error", `{"errorMessage":"it broke","errorStack":"`+strings.Repeat("s", 5000)+`"}`).Code)
	require.Contains(t, s.log.String(), "it broke")
	require.Less(t, s.log.Len(), 4500)
	require.Equal(t, 400, s.call("POST", "/record-ui-error", `{}`).Code)
}

func TestAFlagTellsHowOftenItWasAskedFor(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects/default/features", `{"name":"asked"}`)
	s.sql(t, `INSERT INTO client_metrics (feature, app_name, environment, hour, yes, no)
		VALUES ('asked', 'a', 'production', date_trunc('hour', now()), 3, 1), ('asked', 'b', 'production', date_trunc('hour', now()), 2, 2),
			('asked', 'a', 'development', now() - interval '5 hours', 9, 9)`)
	require.Contains(t, s.must(t, "GET", "/projects/default/features/asked", ""),
		`"name":"production","lastSeenAt":null,"enabled":false,"yes":5,"no":3,`)
}

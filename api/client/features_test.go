package client

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/token"
)

// The strategies and flags below are as unleash-server 8.2.0 answered for the same data; repeated dependencies are left
// out, order is by name and the order of keys inside objects is not compared.
const (
	goldenC2     = `{"name":"c2","type":"release","enabled":false,"project":"default","stale":false,"strategies":[],"variants":[],"description":null,"impressionData":false,"dependencies":[{"feature":"parent1","enabled":false}]}`
	goldenF1Head = `{"name":"f1","type":"release","enabled":true,"project":"default","stale":false,"strategies":[{"name":"flexibleRollout","constraints":[],"parameters":{"groupId":"g","rollout":"100","stickiness":"userId"},"variants":[]},{"name":"default","constraints":[],"parameters":{},"variants":[{"name":"a","weight":400,"stickiness":"default","weightType":"fix"},{"name":"b","weight":600,"stickiness":"default","weightType":"variable"}]},`
	goldenF1Tail = `],"variants":[],"description":"d","impressionData":true,"dependencies":[{"feature":"parent1","enabled":true,"variants":["a"]}]}`

	goldenF1 = goldenF1Head + `{"name":"default","constraints":[{"value":"5","values":[],"operator":"NUM_GT","contextName":"appName"}],"parameters":{},"variants":[],"segments":[2]}` + goldenF1Tail

	goldenF1Inlined = goldenF1Head + `{"name":"default","constraints":[{"value":"5","values":[],"operator":"NUM_GT","contextName":"appName"},{"values":["1"],"inverted":true,"operator":"IN","contextName":"userId","caseInsensitive":true}],"parameters":{},"variants":[]}` + goldenF1Tail

	goldenF2      = `{"name":"f2","type":"experiment","enabled":true,"project":"default","stale":false,"strategies":[{"name":"flexibleRollout","constraints":[],"parameters":{"groupId":"f2","rollout":"100","stickiness":"default"},"variants":[]}],"variants":[{"name":"v1","weight":1000,"payload":{"type":"number","value":"abc"},"stickiness":"default","weightType":"variable"}],"description":null,"impressionData":false}`
	goldenParent  = `{"name":"parent1","type":"release","enabled":true,"project":"default","stale":false,"strategies":[{"name":"flexibleRollout","constraints":[],"parameters":{"groupId":"parent1","rollout":"100","stickiness":"default"},"variants":[]}],"variants":[],"description":null,"impressionData":false}`
	goldenSegment = `{"id":2,"name":"segA","constraints":[{"values":["1"],"inverted":true,"operator":"IN","contextName":"userId","caseInsensitive":true}]}`
)

// withoutMeta cuts the meta object off a body.
func withoutMeta(t *testing.T, body string) string {
	t.Helper()
	head, _, found := strings.Cut(body, `,"meta":`)
	require.True(t, found)
	return head + "}"
}

func TestFeaturesAnswersAsUnleashDoes(t *testing.T) {
	t.Parallel()
	s := newServer(t, recorded())
	for _, c := range []struct{ name, path, secret, spec, want string }{
		{
			"with segments", "/api/client/features", "default", "4.2.0",
			`{"version":2,"features":[` + goldenC2 + `,` + goldenF1 + `,` + goldenF2 + `,` + goldenParent +
				`],"query":{"project":["default"],"environment":"development","inlineSegmentConstraints":false},"segments":[` + goldenSegment + `]}`,
		},
		{
			"without a specification", "/api/client/features", "default", "",
			`{"version":2,"features":[` + goldenC2 + `,` + goldenF1Inlined + `,` + goldenF2 + `,` + goldenParent +
				`],"query":{"project":["default"],"environment":"development","inlineSegmentConstraints":true}}`,
		},
		{
			"with an old specification", "/api/client/features?namePrefix=f1", "default", "4.1.9",
			`{"version":2,"features":[` + goldenF1Inlined +
				`],"query":{"project":["default"],"namePrefix":"f1","environment":"development","inlineSegmentConstraints":true}}`,
		},
		{
			"by tag", "/api/client/features?tag=simple:t1", "default", "5.2.0",
			`{"version":2,"features":[` + goldenF2 +
				`],"query":{"tag":[["simple","t1"]],"project":["default"],"environment":"development","inlineSegmentConstraints":false},"segments":[]}`,
		},
		{
			"the token's projects win", "/api/client/features?project=p2&namePrefix=f2", "default", "5.2.0",
			`{"version":2,"features":[` + goldenF2 +
				`],"query":{"project":["default"],"namePrefix":"f2","environment":"development","inlineSegmentConstraints":false},"segments":[]}`,
		},
		{
			"a token for all projects may choose", "/api/client/features?project=default&namePrefix=f2&environment=production&foo=bar", "all", "5.2.0",
			`{"version":2,"features":[` + goldenF2 +
				`],"query":{"project":["default"],"namePrefix":"f2","environment":"development","inlineSegmentConstraints":false},"segments":[]}`,
		},
		{
			"a token for all projects names none", "/api/client/features?namePrefix=parent", "all", "5.2.0",
			`{"version":2,"features":[` + goldenParent +
				`],"query":{"namePrefix":"parent","environment":"development","inlineSegmentConstraints":false},"segments":[]}`,
		},
		{
			"several projects", "/api/client/features?namePrefix=zz", "two", "",
			`{"version":2,"features":[],"query":{"project":["default","p2"],"namePrefix":"zz","environment":"development","inlineSegmentConstraints":true}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := s.get(t, c.path, c.secret, "Unleash-Client-Spec", c.spec)
			require.Equal(t, http.StatusOK, w.Code, w.Body)
			require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
			require.Equal(t, "Accept-Encoding", w.Header().Get("Vary"))
			require.JSONEq(t, c.want, withoutMeta(t, w.Body.String()))
			require.Regexp(t, `,"meta":\{"revisionId":\d+,"etag":"\\"[0-9a-f]{16}:\d+:v1\\"","queryHash":"[0-9a-f]{8}"\}\}$`, w.Body.String())
			require.Regexp(t, `^"[0-9a-f]{16}:\d+:v1"$`, w.Header().Get("ETag"))
		})
	}
}

func TestFeaturesRefusesBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t, recorded())
	const failed = `Request validation failed: your request body or params contain invalid data`
	for _, c := range []struct{ path, spec, want string }{
		{"/api/client/features", "v5.1", `{"name":"BadDataError","message":"` + failed + `: Invalid prefix in the Unleash-Client-Spec header: \"v5.1\".","details":[{"message":"Invalid prefix in the Unleash-Client-Spec header: \"v5.1\"."}]}`},
		{"/api/client/delta", "5.1", `{"name":"BadDataError","message":"` + failed + `: Invalid SemVer in the Unleash-Client-Spec header: \"5.1\".","details":[{"message":"Invalid SemVer in the Unleash-Client-Spec header: \"5.1\"."}]}`},
		{"/api/client/features?tag=bad", "5.2.0", `{"name":"BadDataError","message":"` + failed + `. Refer to the ` + "`details`" + ` list for more information.","details":[{"message":"\"tag[0]\" with value \"bad\" fails to match the tag pattern. You provided \"bad\"."}]}`},
		{"/api/client/features?tag=a:b&tag=%C3%A9:x", "5.2.0", `{"name":"BadDataError","message":"` + failed + `. Refer to the ` + "`details`" + ` list for more information.","details":[{"message":"\"tag[1]\" with value \"é:x\" fails to match the tag pattern. You provided \"é:x\"."}]}`},
	} {
		w := s.get(t, c.path, "default", "Unleash-Client-Spec", c.spec)
		require.Equal(t, http.StatusBadRequest, w.Code)
		require.JSONEq(t, c.want, w.Body.String())
	}
	w := s.get(t, "/api/client/features?namePrefix="+strings.Repeat("a", maxQueryBytes), "default")
	require.Equal(t, http.StatusBadRequest, w.Code)
}

func TestFeaturesIsNotSentTwice(t *testing.T) {
	t.Parallel()
	s := newServer(t, recorded())
	etag := s.get(t, "/api/client/features", "default").Header().Get("ETag")
	for name, header := range map[string][]string{
		"the same tag":          {"If-None-Match", etag},
		"as a weak tag":         {"If-None-Match", "W/" + etag},
		"in a list":             {"If-None-Match", `"x", ` + etag + `,"y"`},
		"in a second line":      {"If-None-Match", `"x"`, "If-None-Match", etag},
		"any":                   {"If-None-Match", "*"},
		"despite no-cache":      {"If-None-Match", etag, "Cache-Control", "no-cache"},
		"whatever the encoding": {"If-None-Match", etag, "Accept-Encoding", "gzip"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := s.get(t, "/api/client/features", "default", header...)
			require.Equal(t, http.StatusNotModified, w.Code)
			require.Empty(t, w.Body.Bytes())
			require.Equal(t, etag, w.Header().Get("ETag"))
			require.Empty(t, w.Header().Get("Content-Type"))
		})
	}
	for name, get := range map[string][]string{
		"another tag":            {"/api/client/features", "default", "If-None-Match", `"0123456789abcdef:45:v1"`},
		"another form":           {"/api/client/features", "default", "If-None-Match", etag, "Unleash-Client-Spec", "5.2.0"},
		"another prefix":         {"/api/client/features?namePrefix=f", "default", "If-None-Match", etag},
		"another token":          {"/api/client/features", "all", "If-None-Match", etag},
		"the bare hash":          {"/api/client/features", "default", "If-None-Match", strings.Trim(etag, `"`)},
		"an empty If-None-Match": {"/api/client/features", "default", "If-None-Match", ""},
	} {
		require.Equal(t, http.StatusOK, s.get(t, get[0], get[1], get[2:]...).Code, name)
	}
}

func TestFeaturesTagFollowsTheScope(t *testing.T) {
	t.Parallel()
	s := newServer(t, recorded())
	etag := func(secret string) string { return s.get(t, "/api/client/features", secret).Header().Get("ETag") }
	before, all := etag("default"), etag("all")
	s.touch("secret", "p2", 50, 1)
	require.Equal(t, before, etag("default"), "a change elsewhere is no change")
	require.NotEqual(t, all, etag("all"))
	s.touch("f2", "default", 51, 2)
	require.NotEqual(t, before, etag("default"))
	require.Contains(t, etag("default"), ":51:v1")
}

func TestFeaturesIsCompressedForThoseWhoWantIt(t *testing.T) {
	t.Parallel()
	s := newServer(t, recorded())
	plain := s.get(t, "/api/client/features", "default")
	for accept, compressed := range map[string]bool{
		"gzip": true, "gzip, deflate, br": true, "GZIP;q=0.5": true, "*": true, "deflate, gzip;q=1.0, *;q=0.5": true,
		"": false, "identity": false, "gzip;q=0": false, "br": false, "gzip;q=0.2, identity": false, "*;q=0": false, "gzip;q=x": false,
	} {
		w := s.get(t, "/api/client/features", "default", "Accept-Encoding", accept)
		require.Equal(t, compressed, w.Header().Get("Content-Encoding") == "gzip", accept)
		body := w.Body.String()
		if compressed {
			body = unzip(t, w.Body)
		}
		require.Equal(t, plain.Body.String(), body, accept)
		require.Equal(t, plain.Header().Get("ETag"), w.Header().Get("ETag"))
	}
	head := s.do(t, http.MethodHead, "/api/client/features", "default")
	require.Equal(t, http.StatusOK, head.Code)
	require.Empty(t, head.Body.Bytes())
	require.Equal(t, plain.Header(), head.Header())
}

func TestOneFeature(t *testing.T) {
	t.Parallel()
	s := newServer(t, recorded())
	w := s.get(t, "/api/client/features/f1", "default")
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, goldenF1Inlined, w.Body.String())
	require.Equal(t, http.StatusNotModified, s.get(t, "/api/client/features/f1", "default", "If-None-Match", w.Header().Get("ETag")).Code)
	require.JSONEq(t, goldenF1, s.get(t, "/api/client/features/f1", "default", "Unleash-Client-Spec", "5.2.0").Body.String())

	for _, name := range []string{"nope", "f", "secret"} {
		w := s.get(t, "/api/client/features/"+name, "default")
		require.Equal(t, http.StatusNotFound, w.Code)
		require.JSONEq(t, `{"name":"NotFoundError","message":"Could not find feature flag `+name+
			`","details":[{"message":"Could not find feature flag `+name+`"}]}`, w.Body.String())
	}
}

func TestReadsAreUnavailableWithoutFlags(t *testing.T) {
	t.Parallel()
	empty, s := newServer(t, nil), newServer(t, recorded())
	for _, path := range []string{"/api/client/features", "/api/client/features/f1", "/api/client/delta"} {
		require.Equal(t, http.StatusServiceUnavailable, empty.get(t, path, "default").Code)
		w := s.get(t, path, "nowhere")
		require.Equal(t, http.StatusServiceUnavailable, w.Code)
		require.Contains(t, w.Body.String(), "message")
		require.Equal(t, http.StatusUnauthorized, s.get(t, path, "unknown").Code)
		require.Equal(t, http.StatusForbidden, s.get(t, path, "frontend").Code)
	}
}

func TestFeaturesInvitesBackToStreaming(t *testing.T) {
	t.Parallel()
	s := newServer(t, recorded())
	tag := s.get(t, "/api/client/features", "default").Header().Get("Etag")
	require.Equal(t, http.StatusNotModified, s.get(t, "/api/client/features", "default", "If-None-Match", tag).Code)

	logger := slog.New(slog.DiscardHandler)
	surface := api.New(api.Config{}, logger)
	surface.Guard("/api/client", api.RequireToken(tokens{"default": clientToken("1", "development", "default")}, token.Client))
	Register(surface.Router, Dependencies{Store: s.store, Invite: func(r *http.Request) bool {
		return r.Header.Get("Unleash-Connection-Id") == "refused" && api.TokenFrom(r.Context()) != nil
	}})
	s.handler = surface
	invited := s.get(t, "/api/client/features", "default", "If-None-Match", tag, "Unleash-Connection-Id", "refused")
	require.Equal(t, http.StatusOK, invited.Code, "SDKs heed it only on a 200")
	require.Equal(t, "streaming", invited.Header().Get("Fetch-Mode"))
	require.Equal(t, tag, invited.Header().Get("Etag"))
	require.Contains(t, invited.Body.String(), `"features":[`)
	other := s.get(t, "/api/client/features", "default", "If-None-Match", tag)
	require.Equal(t, http.StatusNotModified, other.Code)
	require.Empty(t, other.Header().Get("Fetch-Mode"))
}

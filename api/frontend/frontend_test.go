package frontend_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/usage"
)

func TestFrontend(t *testing.T) {
	t.Parallel()

	t.Run("AnswersInUnleashsBytes", func(t *testing.T) {
		t.Parallel()
		v1 := flag("f2", "default")
		v1.Variants = []eval.Variant{{Name: "v1", Weight: 1000, Payload: &eval.Payload{Type: "number", Value: "abc"}}}
		off := flag("off", "default")
		off.Enabled = false
		s := newServer(t, newStore(v1, flag("parent1", "default"), off), "")
		w := s.get(t, "/api/frontend?userId=7&appName=9")
		requireText(t, `{"toggles":[{"name":"f2","enabled":true,"variant":{"name":"v1","payload":{"type":"number","value":"abc"},"enabled":true,`+
			`"feature_enabled":true,"featureEnabled":true},"impressionData":false},{"name":"parent1","enabled":true,"variant":`+
			`{"name":"disabled","enabled":false,"feature_enabled":true,"featureEnabled":true},"impressionData":false}]}`, w)
		require.Equal(t, []string{"no-cache"}, w.Header()["Cache-Control"])
		require.Equal(t, []string{"application/json; charset=utf-8"}, w.Header()["Content-Type"])
		require.Equal(t, []string{"Origin", "Accept-Encoding"}, w.Header()["Vary"])
		require.Equal(t, []string{"*"}, w.Header()["Access-Control-Allow-Origin"])
		require.Regexp(t, `^W/"[0-9a-f]{16}"$`, w.Header().Get("ETag"))
		require.Equal(t, []string{"f2", "off", "parent1"}, namesOf(t, s.get(t, "/api/frontend/all")))
	})

	t.Run("SaysNotModifiedAsLongAsTheAnswerIsTheSame", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, newStore(flag("f", "default", onlyIf("userId", "1", "2"))), "")
		first := s.get(t, "/api/frontend?userId=1")
		tag := first.Header().Get("ETag")
		for _, sent := range []string{tag, strings.TrimPrefix(tag, "W/"), `"other", ` + tag, "*"} {
			w := s.get(t, "/api/frontend?userId=1", "If-None-Match", sent, "Cache-Control", "no-cache")
			require.Equal(t, http.StatusNotModified, w.Code, sent)
			require.Empty(t, w.Body.String())
			require.Equal(t, tag, w.Header().Get("ETag"))
		}
		require.Equal(t, http.StatusNotModified, s.get(t, "/api/frontend?userId=2", "If-None-Match", tag).Code, "another context, the same answer")
		require.Equal(t, http.StatusOK, s.get(t, "/api/frontend?userId=3", "If-None-Match", tag).Code)
		require.Equal(t, http.StatusOK, s.get(t, "/api/frontend?userId=1", "If-None-Match", `"other"`).Code)
		w := s.do(t, http.MethodPost, "/api/frontend", `{"context":{"userId":"1"}}`, "If-None-Match", tag)
		require.Equal(t, http.StatusNotModified, w.Code)
	})

	t.Run("ReadsTheContextWhereverItIsPut", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, newStore(
			flag("appName", "default", onlyIf("appName", "web")),
			flag("environment", "default", onlyIf("environment", "default")),
			flag("plan", "default", onlyIf("plan", "gold")),
			flag("user", "default", onlyIf("userId", "7")),
			flag("number", "default", onlyIf("age", "42", "true")),
		), "")
		for query, want := range map[string][]string{
			"?userId=7&appName=web&environment=default": {"appName", "environment", "user"},
			"?properties[plan]=gold":                    {"plan"},
			"?properties%5Bplan%5D=gold":                {"plan"},
			"?plan=gold":                                {"plan"},
			"?plan=lead&properties[plan]=gold":          {"plan"},
			"":                                          {},
		} {
			require.Equal(t, want, namesOf(t, s.get(t, "/api/frontend"+query)), query)
		}
		for body, want := range map[string][]string{
			`{"context":{"userId":7,"properties":{"plan":"gold"}}}`:       {"plan", "user"},
			`{"context":{"userId":"7","plan":"gold"},"userId":"8"}`:       {"plan", "user"},
			`{"context":{"properties":{"age":42}}}`:                       {"number"},
			`{"context":{"age":true,"userId":null}}`:                      {"number"},
			`{"userId":"7","properties":{"plan":"gold"},"appName":"web"}`: {"appName", "plan", "user"},
			`{"context":null}`: {},
			`{"context":{}}`:   {},
			`{}`:               {},
			``:                 {},
			`{"context":{"userId":"7","plan":"gold"},"toggles":["user","nope"]}`: {"user"},
			`{"userId":"7","plan":"gold","toggles":["plan"]}`:                    {"plan"},
			`{"context":{"userId":"7","plan":"gold"},"toggles":[]}`:              {"plan", "user"},
		} {
			require.Equal(t, want, namesOf(t, s.do(t, http.MethodPost, "/api/frontend", body)), body)
		}
	})

	t.Run("RefusesBodiesItCannotRead", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, newStore(), "")
		for body, status := range map[string]int{
			`{`:                                 http.StatusBadRequest,
			`[]`:                                http.StatusBadRequest,
			`{"context":7}`:                     http.StatusBadRequest,
			`{"context":{"properties":"x"}}`:    http.StatusBadRequest,
			`{"toggles":"x"}`:                   http.StatusBadRequest,
			`{"toggles":[7]}`:                   http.StatusBadRequest,
			strings.Repeat(" ", 101<<10) + "{}": http.StatusRequestEntityTooLarge,
		} {
			require.Equal(t, status, s.do(t, http.MethodPost, "/api/frontend", body).Code, "%.40s", body)
		}
		require.Equal(t, http.StatusUnsupportedMediaType, s.do(t, http.MethodPost, "/api/frontend", "x", "Content-Type", "text/plain").Code)
		require.Equal(t, http.StatusBadRequest, s.get(t, "/api/frontend?tag=bad").Code)
	})

	t.Run("TakesTheCallersAddressWhereTheContextHasNone", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, newStore(flag("f", "default", onlyIf("remoteAddress", "10.1.2.3"))), "true")
		require.Equal(t, []string{"f"}, namesOf(t, s.get(t, "/api/frontend", "X-Forwarded-For", "10.1.2.3, 10.9.9.9")))
		require.Equal(t, []string{"f"}, namesOf(t, s.get(t, "/api/frontend?remoteAddress=10.1.2.3", "X-Forwarded-For", "10.9.9.9")))
		require.Empty(t, namesOf(t, s.get(t, "/api/frontend?remoteAddress=10.9.9.9", "X-Forwarded-For", "10.1.2.3")))
	})

	t.Run("DrawsASessionForRequestsWithoutOne", func(t *testing.T) {
		t.Parallel()
		half := eval.Strategy{Name: "flexibleRollout", Parameters: map[string]string{"rollout": "50", "stickiness": "sessionId", "groupId": "g"}}
		s := newServer(t, newStore(flag("f", "default", half)), "")
		on := 0
		for range 200 {
			on += len(namesOf(t, s.get(t, "/api/frontend")))
		}
		require.Greater(t, on, 20)
		require.Less(t, on, 180)
	})

	t.Run("SelectsByProjectPrefixAndTag", func(t *testing.T) {
		t.Parallel()
		tagged := flag("a.tagged", "default")
		tagged.Tags = []replica.Tag{{Type: "team", Value: "web"}}
		s := newServer(t, newStore(flag("a.one", "default"), tagged, flag("b.two", "secret")), "")
		require.Equal(t, []string{"a.one", "a.tagged", "b.two"}, namesOf(t, s.get(t, "/api/frontend")))
		require.Equal(t, []string{"a.one", "a.tagged"}, namesOf(t, s.get(t, "/api/frontend", "Authorization", "default")))
		require.Equal(t, []string{"b.two"}, namesOf(t, s.get(t, "/api/frontend?namePrefix=b.")))
		require.Equal(t, []string{"a.tagged"}, namesOf(t, s.get(t, "/api/frontend?tag=team:web")))
		w := s.do(t, http.MethodPost, "/api/frontend?namePrefix=a.", `{"toggles":["a.one","b.two"]}`)
		require.Equal(t, []string{"a.one"}, namesOf(t, w))
	})

	t.Run("AnswersForOneFlag", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, newStore(flag("a b/c", "default", onlyIf("userId", "7")), flag("hidden", "secret")), "")
		w := s.get(t, "/api/frontend/features/a%20b%2Fc?userId=7")
		requireText(t, `{"name":"a b/c","enabled":true,"variant":{"name":"disabled","enabled":false,"feature_enabled":true,"featureEnabled":true},"impressionData":false}`, w)
		require.Equal(t, http.StatusNotModified, s.get(t, "/api/frontend/features/a%20b%2Fc?userId=7", "If-None-Match", w.Header().Get("ETag")).Code)
		w = s.do(t, http.MethodPost, "/api/frontend/features/a%20b%2Fc", `{"context":{"userId":"8"}}`)
		require.Contains(t, w.Body.String(), `"enabled":false`)
		w = s.get(t, "/api/frontend/features/hidden", "Authorization", "default")
		require.Equal(t, http.StatusNotFound, w.Code)
		require.Contains(t, w.Body.String(), "Could not find feature flag hidden")
	})

	t.Run("AsksForAFrontendToken", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, newStore(), "")
		require.Equal(t, http.StatusUnauthorized, s.get(t, "/api/frontend", "Authorization", "garbage").Code)
		require.Equal(t, http.StatusForbidden, s.get(t, "/api/frontend", "Authorization", "backend").Code)
		require.Equal(t, http.StatusServiceUnavailable, s.get(t, "/api/frontend", "Authorization", "gone").Code)
		require.Equal(t, http.StatusNoContent, s.do(t, http.MethodOptions, "/api/frontend", "", "Authorization", "").Code)
	})

	t.Run("SaysWhatItDoesNotSupport", func(t *testing.T) {
		t.Parallel()
		s := newServer(t, newStore(), "")
		for _, path := range []string{"/api/frontend/client/features", "/api/frontend/health", "/api/proxy/health"} {
			w := s.get(t, path)
			require.Equal(t, http.StatusMethodNotAllowed, w.Code, path)
			require.Contains(t, w.Body.String(), `"name":"NotImplementedError","message":"The frontend API does not support this endpoint."`)
		}
	})

	t.Run("CompressesWhatIsWorthIt", func(t *testing.T) {
		t.Parallel()
		var features []replica.Feature
		for i := range 100 {
			features = append(features, flag(fmt.Sprintf("flag-%03d", i), "default"))
		}
		s := newServer(t, newStore(features...), "")
		plain := s.get(t, "/api/frontend?userId=7")
		w := s.get(t, "/api/frontend?userId=7", "Accept-Encoding", "gzip, br")
		require.Equal(t, "gzip", w.Header().Get("Content-Encoding"))
		require.Less(t, w.Body.Len(), plain.Body.Len()/5)
		unzipped, err := gzip.NewReader(w.Body)
		require.NoError(t, err)
		text, err := io.ReadAll(unzipped)
		require.NoError(t, err)
		require.Equal(t, plain.Body.String(), string(text))
		require.Empty(t, s.get(t, "/api/frontend?namePrefix=flag-001", "Accept-Encoding", "gzip").Header().Get("Content-Encoding"))
	})
}

func TestFrontendTakesReports(t *testing.T) {
	t.Parallel()
	s := newServer(t, newStore(), "")
	hour := usage.Hour(time.Now())
	bucket := map[string]any{
		"start": hour, "stop": hour,
		"toggles": map[string]any{"f1": map[string]any{"yes": 5, "no": 2, "variants": map[string]int{"a": 3}}},
	}
	body, err := json.Marshal(map[string]any{"appName": "web", "instanceId": "browser", "bucket": bucket, "impactMetrics": []int{}})
	require.NoError(t, err)
	for _, path := range []string{"/api/frontend/client/metrics", "/api/frontend/all/client/metrics", "/api/proxy/client/metrics"} {
		w := s.do(t, http.MethodPost, path, string(body), "Unleash-Sdk", "unleash-client-js:1.0")
		require.Equal(t, http.StatusOK, w.Code, path)
		require.Equal(t, "OK", w.Body.String())
		require.Equal(t, "text/plain; charset=utf-8", w.Header().Get("Content-Type"))
	}
	w := s.do(t, http.MethodPost, "/api/frontend/client/register", `{"appName":"web","interval":1,"started":1,"strategies":[]}`)
	require.Equal(t, "OK", w.Body.String())
	require.Equal(t, http.StatusBadRequest, s.do(t, http.MethodPost, "/api/frontend/client/metrics", `{}`).Code)

	batch := s.usage.Take()
	require.Equal(t, map[usage.Key]usage.Count{
		{Feature: "f1", App: "web", Environment: environment, Hour: hour}: {Yes: 15, No: 6, Variants: map[string]int64{"a": 9}},
	}, batch.Counts)
	instance := batch.Instances[usage.InstanceKey{App: "web", Environment: environment, ID: "browser"}]
	require.Equal(t, "frontend", instance.SDKType)
	require.Equal(t, "unleash-client-js:1.0", instance.SDKVersion)
}

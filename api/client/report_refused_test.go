package client

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReportsThatAreWrongSayWhereAndRecordNothing(t *testing.T) {
	t.Parallel()
	required := func(path string) map[string]string {
		return map[string]string{path: "The `" + path + "` property is required. It was not present on the data you sent."}
	}
	wrong := func(path, text string) map[string]string {
		return map[string]string{path: "The `" + path + "` property " + text}
	}
	const good = `{"appName":"a","bucket":{"start":1,"stop":1,"toggles":{"good":{"yes":1}`
	for _, test := range []struct {
		path, body string
		want       map[string]string
	}{
		{register, `{"interval":1,"started":1,"strategies":[]}`, required("/body/appName")},
		{register, `{"appName":null,"interval":1,"started":1,"strategies":[]}`, required("/body/appName")},
		{register, `{"appName":"","interval":1,"started":1,"strategies":[]}`, wrong("/body/appName", `must NOT have fewer than 1 characters. You sent "".`)},
		{register, `{"appName":{},"interval":1,"started":1,"strategies":[]}`, wrong("/body/appName", `must be string. You sent {}.`)},
		{register, `{"appName":"a","interval":0,"started":"x","strategies":["default"]}`, wrong("/body/started", `must match format "date-time". You sent "x".`)},
		{register, `{"appName":"a","interval":-1,"started":1,"strategies":[]}`, wrong("/body/interval", "must be >= 0. You sent -1.")},
		{register, `{"appName":"a","interval":"soon","started":1,"strategies":[]}`, wrong("/body/interval", `must be number. You sent "soon".`)},
		{register, `{"appName":"a","started":1,"strategies":[]}`, required("/body/interval")},
		{register, `{"appName":"a","interval":1,"strategies":[]}`, required("/body/started")},
		{register, `{"appName":"a","interval":1,"started":1}`, required("/body/strategies")},
		{register, `{"appName":"a","interval":1,"started":1,"strategies":"default"}`, wrong("/body/strategies", `must be array. You sent "default".`)},
		{register, `{"appName":"a","interval":1,"started":1e300,"strategies":[1]}`, map[string]string{
			"/body/started":      "The `/body/started` property must match format \"date-time\". You sent 1e300.",
			"/body/strategies/0": "The `/body/strategies/0` property must be string. You sent 1.",
		}},

		{metrics, ``, required("/body/appName")},
		{metrics, `{"appName":"a","bucket":[]}`, wrong("/body/bucket", "must be object. You sent [].")},
		{metrics, `{"appName":"a","bucket":{"start":"bad","stop":1,"toggles":{}}}`, wrong("/body/bucket/start", `must match format "date-time". You sent "bad".`)},
		{metrics, `{"appName":"a","bucket":{"start":1,"toggles":{}}}`, required("/body/bucket/stop")},
		{metrics, `{"appName":"a","bucket":{"start":1,"stop":1}}`, required("/body/bucket/toggles")},
		{metrics, good + `,"f1":{"yes":"5","no":-1}}}}`, wrong("/body/bucket/toggles/f1/no", "must be >= 0. You sent -1.")},
		{metrics, good + `,"f1":{"yes":1.5}}}}`, wrong("/body/bucket/toggles/f1/yes", "must be integer. You sent 1.5.")},
		{metrics, good + `,"f1":{"yes":1e400}}}}`, wrong("/body/bucket/toggles/f1/yes", "must be integer. You sent 1e400.")},
		{metrics, good + `,"f1":{"yes":9007199254740993}}}}`, wrong("/body/bucket/toggles/f1/yes", "must be <= 2147483647. You sent 9007199254740993.")},
		{metrics, good + `,"f1":{"yes":true}}}}`, wrong("/body/bucket/toggles/f1/yes", "must be integer. You sent true.")},
		{metrics, good + `,"f1":{"variants":{"red":"many"}}}}}`, wrong("/body/bucket/toggles/f1/variants/red", `must be integer. You sent "many".`)},
		{metrics, good + `,"f1":null}}}`, required("/body/bucket/toggles/f1")},
		{metrics, good + `,"f1":[1]}}}`, wrong("/body/bucket/toggles/f1", "must be object. You sent [1].")},
		{metrics, `[]`, wrong("/body", "must be object.")},
		{metrics, `null`, wrong("/body", "must be object.")},
		{metrics, `"` + strings.Repeat("x", 1000) + `"`, wrong("/body", "must be object.")},

		{bulk, `{"metrics":[]}`, required("/body/applications")},
		{bulk, `{"applications":[],"metrics":[{"bad":1,"appName":"a","environment":"development"}]}`, required("/body/metrics/0/featureName")},
		{bulk, `{"applications":[{"appName":"a"},{"instanceId":"a"}],"metrics":[]}`, required("/body/applications/1/appName")},
		{bulk, `{"applications":[{"appName":"a"}],"metrics":[null]}`, required("/body/metrics/0")},
		{bulk, `{"applications":{},"metrics":[]}`, wrong("/body/applications", "must be array. You sent {}.")},
		{bulk, `{"applications":[],"metrics":[{"featureName":"f","appName":"a","environment":"production","yes":-1}]}`, wrong("/body/metrics/0/yes", "must be >= 0. You sent -1.")},

		{validity, `{}`, required("/body/tokens")},
		{validity, `{"tokens":[1]}`, wrong("/body/tokens/0", "must be string. You sent 1.")},
		{validity, `{"tokens":"x"}`, wrong("/body/tokens", `must be array. You sent "x".`)},
		{validity, `{"tokens":[` + strings.Repeat(`"x",`, 1000) + `"x"]}`, wrong("/body/tokens", "must NOT have more than 1000 items.")},
	} {
		t.Run(test.path[strings.LastIndex(test.path, "/")+1:]+test.body[:min(60, len(test.body))], func(t *testing.T) {
			t.Parallel()
			s := newReporting()
			w := s.post(t, test.path, "default", test.body)
			require.Equal(t, http.StatusBadRequest, w.Code, w.Body.String())
			require.Equal(t, test.want, problem(t, w))
			require.True(t, s.buffer.Take().Empty())
		})
	}
}

func TestReportsWithManyProblemsNameSomeOfThem(t *testing.T) {
	t.Parallel()
	s := newReporting()
	w := s.post(t, bulk, "default", `{"applications":[`+strings.Repeat(`1,`, 10_000)+`1],"metrics":[]}`)
	require.Equal(t, http.StatusBadRequest, w.Code)
	require.Len(t, problem(t, w), 20)
}

func TestReportsThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	const malformed = `{"message":"The request body is not valid JSON."}`
	for _, path := range []string{register, metrics, bulk, validity} {
		for name, body := range map[string]string{
			"broken":       `{bad`,
			"cut":          `{"appName":"a"`,
			"followed":     `{"appName":"a"} {}`,
			"trailed":      `{"appName":"a"}]`,
			"deep":         strings.Repeat(`[`, 200_000),
			"deep objects": strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000),
			"control":      "{\"appName\":\"a\x00\"}",
			"number":       `{"appName":-}`,
		} {
			s := newReporting()
			w := s.post(t, path, "default", body)
			require.Equal(t, http.StatusBadRequest, w.Code, "%s %s", path, name)
			require.JSONEq(t, malformed, w.Body.String(), "%s %s", path, name)
			require.True(t, s.buffer.Take().Empty())
		}
		for name, body := range map[string]string{
			"text":  `{"appName":"` + strings.Repeat("x", 1<<20) + `"}`,
			"space": `{"appName":"a"}` + strings.Repeat(" ", 1<<20),
		} {
			s := newReporting()
			w := s.post(t, path, "default", body)
			require.Equal(t, http.StatusRequestEntityTooLarge, w.Code, "%s %s", path, name)
			require.Contains(t, w.Body.String(), "over the limit of 1048576 bytes")
			require.True(t, s.buffer.Take().Empty())
		}
		for sent, shown := range map[string]string{"": "you didn't provide one", "text/plain": "text/plain", "application/x-www-form-urlencoded": "application/x-www-form-urlencoded"} {
			w := newReporting().post(t, path, "default", `{"appName":"a"}`, "Content-Type", sent)
			require.Equal(t, http.StatusUnsupportedMediaType, w.Code, "%s %s", path, sent)
			require.Contains(t, w.Body.String(), `"name":"ContentTypeError"`)
			require.Contains(t, w.Body.String(), "("+shown+")")
		}
	}
}

func TestReportsWantAClientToken(t *testing.T) {
	t.Parallel()
	const missing = `{"message":"This endpoint requires an API token. Please add an authorization header to your request with a valid token"}`
	wrong := func(got string) string {
		return fmt.Sprintf(`{"message":"invalid token: expected a different token type for this endpoint (expected a backend token, got %s token)"}`, got)
	}
	for _, path := range []string{register, metrics, bulk} {
		for _, test := range []struct {
			secret string
			status int
			body   string
		}{
			{"", 401, missing},
			{"nobody", 401, missing},
			{"frontend", 403, wrong("a frontend")},
			{"admin", 403, wrong("an admin")},
			{"user:someone", 403, wrong("a personal access")},
			{"down", 503, `{"message":"The token cannot be checked at the moment. Try again."}`},
		} {
			s := newReporting()
			w := s.post(t, path, test.secret, bucket(`{"f1":{"yes":1}}`))
			require.Equal(t, test.status, w.Code, "%s %s", path, test.secret)
			require.JSONEq(t, test.body, w.Body.String(), "%s %s", path, test.secret)
			require.True(t, s.buffer.Take().Empty())
		}
	}
}

func TestEdgesLearnWhatTheirTokensAre(t *testing.T) {
	t.Parallel()
	s := newReporting()
	w := s.post(t, validity, "", `{"tokens":["default","unknown","two","frontend","admin","","a\u0000"]}`)
	require.Equal(t, http.StatusOK, w.Code)
	require.Equal(t, "application/json; charset=utf-8", w.Header().Get("Content-Type"))
	require.JSONEq(t, `{"tokens":[
		{"token":"default","type":"client","projects":["default"],"environment":"development"},
		{"token":"two","type":"client","projects":["default","p2"],"environment":"production"},
		{"token":"frontend","type":"frontend","projects":["*"],"environment":"development"},
		{"token":"admin","type":"admin","projects":["*"],"environment":"*"}]}`, w.Body.String())

	require.JSONEq(t, `{"tokens":[]}`, s.post(t, validity, "", `{"tokens":[]}`).Body.String())

	w = s.post(t, validity, "", `{"tokens":["default","down"]}`)
	require.Equal(t, http.StatusServiceUnavailable, w.Code, "a list that is short would take valid tokens away")
	require.NotEmpty(t, w.Header().Get("Retry-After"))
}

package ofrep_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/sse"
	"github.com/pennonhq/pennon/usage"
)

const evaluate = "/ofrep/v1/evaluate/flags"

func variant(name, kind, value string) eval.Variant {
	v := eval.Variant{Name: name, Weight: 1000, Stickiness: "default"}
	if kind != "" {
		v.Payload = &eval.Payload{Type: kind, Value: value}
	}
	return v
}

func on(name string, variants ...eval.Variant) eval.Feature {
	return eval.Feature{Name: name, Enabled: true, Strategies: []eval.Strategy{{Name: "default", Variants: variants}}}
}

func onlyFor(name, field, value string, variants ...eval.Variant) eval.Feature {
	f := on(name, variants...)
	f.Strategies[0].Constraints = []eval.Constraint{{ContextName: field, Operator: "IN", Values: []string{value}}}
	return f
}

func off(f eval.Feature) eval.Feature {
	f.Enabled = false
	return f
}

func TestAnswersHaveOneTypeAFlag(t *testing.T) {
	t.Parallel()
	half := func(f eval.Feature) eval.Feature {
		f.Strategies[0].Name = "flexibleRollout"
		f.Strategies[0].Parameters = map[string]string{"rollout": "50", "stickiness": "default", "groupId": "g"}
		return f
	}
	w := setup(t, sse.Config{},
		on("bool"), off(on("bool-off")), onlyFor("bool-none", "userId", "other"),
		on("text", variant("a", "string", "x<y")), on("csv", variant("a", "csv", "1,2")), on("named", variant("blue", "", "")),
		on("whole", variant("a", "number", " 42 ")), on("ratio", variant("a", "number", "1.50")), on("big", variant("a", "number", "1e300")),
		on("object", variant("a", "json", `{"a": [1, 2]}`)), on("list", variant("a", "json", `[1]`)),
		on("json-bool", variant("a", "json", "true")), on("json-null", variant("a", "json", "null")),
		on("mixed", variant("a", "string", "x"), variant("b", "json", `{"b":1}`)),
		off(on("text-off", variant("a", "string", "x"))), onlyFor("text-none", "userId", "other", variant("a", "string", "x")),
		on("half-named", variant("plain", "", ""), eval.Variant{Name: "later", Payload: &eval.Payload{Type: "json", Value: "{}"}}),
		on("broken", variant("a", "number", "many")), half(on("split")),
	)
	for key, want := range map[string]string{
		"bool":       `{"value":true,"reason":"STATIC"} boolean`,
		"bool-off":   `{"value":false,"reason":"DISABLED"} boolean`,
		"bool-none":  `{"value":false,"reason":"TARGETING_MATCH"} boolean`,
		"text":       `{"value":"x<y","reason":"STATIC","variant":"a"} string`,
		"csv":        `{"value":"1,2","reason":"STATIC","variant":"a"} string`,
		"named":      `{"value":"blue","reason":"STATIC","variant":"blue"} string`,
		"whole":      `{"value":42,"reason":"STATIC","variant":"a"} integer`,
		"ratio":      `{"value":1.5,"reason":"STATIC","variant":"a"} number`,
		"big":        `{"value":1e300,"reason":"STATIC","variant":"a"} number`,
		"object":     `{"value":{"a":[1,2]},"reason":"STATIC","variant":"a"} object`,
		"list":       `{"value":[1],"reason":"STATIC","variant":"a"} object`,
		"json-bool":  `{"value":true,"reason":"STATIC","variant":"a"} boolean`,
		"json-null":  `{"reason":"DEFAULT","variant":"a"} string`,
		"text-off":   `{"reason":"DISABLED"} string`,
		"text-none":  `{"reason":"DEFAULT"} string`,
		"half-named": `{"reason":"DEFAULT","variant":"plain"} object`,
		"broken":     `{"errorCode":"PARSE_ERROR","errorDetails":"Variant a: the payload is not a number."} integer`,
	} {
		response := w.post(evaluate+"/"+key, `{"context":{"targetingKey":"u"}}`)
		status := http.StatusOK
		if key == "broken" {
			status = http.StatusBadRequest
		}
		require.Equal(t, status, response.status, key)
		var got map[string]any
		require.NoError(t, json.Unmarshal([]byte(response.body), &got))
		kind := got["metadata"].(map[string]any)["type"]
		require.Equal(t, key, got["key"])
		delete(got, "metadata")
		delete(got, "key")
		want, wantKind, _ := strings.Cut(want, "} ")
		require.Equal(t, wantKind, kind, key)
		encoded, err := json.Marshal(got)
		require.NoError(t, err)
		require.JSONEq(t, want+"}", string(encoded), key)
	}
	require.Equal(t, "SPLIT", w.post(evaluate+"/split", `{"context":{"targetingKey":"u"}}`).answer(t).Reason)
	mixed := w.post(evaluate+"/mixed", `{"context":{"targetingKey":"u"}}`).answer(t)
	require.Contains(t, []string{`"x"`, `"{\"b\":1}"`}, string(mixed.Value))
}

func TestMetadataTellsWhatSDKsWould(t *testing.T) {
	t.Parallel()
	f := on("named", variant("blue", "", ""))
	f.ImpressionData = true
	w := setup(t, sse.Config{}, f, on("bool"))
	require.Equal(t, map[string]any{
		"enabled": true, "feature_enabled": true, "project": "default", "impressionData": true, "type": "string",
	}, w.post(evaluate+"/named", "").answer(t).Metadata)
	require.Equal(t, map[string]any{
		"enabled": true, "feature_enabled": true, "project": "default", "impressionData": false, "type": "boolean",
	}, w.post(evaluate+"/bool", "").answer(t).Metadata)
}

func TestContextsAreUnderstood(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ field, value, context string }{
		"TargetingKeyIsTheUser":          {"userId", "7", `{"targetingKey":"7"}`},
		"TargetingKeyIsAProperty":        {"targetingKey", "7", `{"targetingKey":"7","userId":"8"}`},
		"UserIDWins":                     {"userId", "8", `{"targetingKey":"7","userId":"8"}`},
		"EmptyUserIDDoesNot":             {"userId", "7", `{"targetingKey":"7","userId":""}`},
		"SessionID":                      {"sessionId", "s", `{"sessionId":"s"}`},
		"RemoteAddress":                  {"remoteAddress", "1.2.3.4", `{"remoteAddress":"1.2.3.4"}`},
		"TheCallersAddress":              {"remoteAddress", "127.0.0.1", `{}`},
		"AppName":                        {"appName", "shop", `{"appName":"shop"}`},
		"TheTokensEnvironment":           {"environment", "development", `{}`},
		"AnEnvironmentOfTheContexts":     {"environment", "staging", `{"environment":"staging"}`},
		"Scalars":                        {"age", "42", `{"age":42}`},
		"Properties":                     {"plan", "pro", `{"properties":{"plan":"pro"}}`},
		"NestedObjects":                  {"user.plan.name", "pro", `{"user":{"plan":{"name":"pro"}}}`},
		"ObjectsWithinProperties":        {"user.paid", "true", `{"properties":{"user":{"paid":true}}}`},
		"ListsOfScalars":                 {"roles", "admin,2,true", `{"roles":["admin",2,true]}`},
		"NullIsAbsentAndTheRestIsThere":  {"plan", "pro", `{"userId":null,"plan":"pro"}`},
		"ListsOfObjectsAreLeftOut":       {"plan", "pro", `{"rows":[{"a":1}],"plan":"pro"}`},
		"ObjectsWithoutEndAreLookedInto": {"a.a.a", "x", `{"a":{"a":{"a":"x"}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, sse.Config{}, onlyFor("flag", c.field, c.value))
			body := `{"context":` + c.context + `}`
			require.JSONEq(t, "true", string(w.post(evaluate+"/flag", body).answer(t).Value))
			require.JSONEq(t, "true", string(w.post(evaluate, body).bulk(t).Flags[0].Value))
		})
	}
}

func TestEmptyRequestsAreAnonymous(t *testing.T) {
	t.Parallel()
	w := setup(t, sse.Config{}, on("flag"))
	for _, body := range []string{"", " \n", "{}", `{"context":null}`, `{"context":{}}`, `{"context":{"targetingKey":null}}`} {
		require.Equal(t, http.StatusOK, w.post(evaluate+"/flag", body).status, body)
		require.Len(t, w.post(evaluate, body).bulk(t).Flags, 1, body)
	}
	require.Equal(t, http.StatusOK, w.post(evaluate, "", "Content-Type", "").status)
}

func TestBadRequestsAreToldWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := setup(t, sse.Config{}, on("flag"))
	for body, code := range map[string]string{
		"{": "PARSE_ERROR", "[]": "PARSE_ERROR", `"x"`: "PARSE_ERROR",
		`{"context":"x"}`: "INVALID_CONTEXT", `{"context":[1]}`: "INVALID_CONTEXT", `{"context":{"properties":1}}`: "INVALID_CONTEXT",
	} {
		single := w.post(evaluate+"/flag", body)
		require.Equal(t, http.StatusBadRequest, single.status, body)
		require.Equal(t, code, single.answer(t).ErrorCode, body)
		require.Equal(t, "flag", single.answer(t).Key, body)
		whole := w.post(evaluate, body)
		require.Equal(t, http.StatusBadRequest, whole.status, body)
		require.Equal(t, code, whole.answer(t).ErrorCode, body)
		require.NotContains(t, whole.body, `"key"`)
	}
	missing := w.post(evaluate+"/no%20such%2Fflag", "{}")
	require.Equal(t, http.StatusNotFound, missing.status)
	require.JSONEq(t, `{"key":"no such/flag","errorCode":"FLAG_NOT_FOUND","errorDetails":"There is no such flag."}`, missing.body)

	require.Equal(t, http.StatusUnsupportedMediaType, w.post(evaluate, "{}", "Content-Type", "text/plain").status)
	large := w.post(evaluate, `{"context":{"a":"`+strings.Repeat("x", 200<<10)+`"}}`)
	require.Equal(t, http.StatusRequestEntityTooLarge, large.status)
	require.JSONEq(t, `{"errorDetails":"The request body is too large."}`, large.body)
}

func TestTokensAreAcceptedInAnyForm(t *testing.T) {
	t.Parallel()
	w := setup(t, sse.Config{}, on("flag"))
	for _, header := range [][]string{
		{"Authorization", "web"}, {"Authorization", "Bearer web"}, {"Authorization", "bearer server"}, {"X-API-Key", "server"},
	} {
		require.Equal(t, http.StatusOK, w.send(http.MethodPost, evaluate, "", header...).status, header)
		require.Equal(t, http.StatusOK, w.send(http.MethodPost, evaluate+"/flag", "", header...).status, header)
	}
	for secret, status := range map[string]int{
		"": http.StatusUnauthorized, "forged": http.StatusUnauthorized, "admin": http.StatusForbidden,
	} {
		for _, path := range []string{evaluate, evaluate + "/flag", "/ofrep/v1/nothing"} {
			response := w.send(http.MethodPost, path, "", "Authorization", secret)
			require.Equal(t, status, response.status, secret)
			require.Empty(t, response.body)
		}
	}
	require.Equal(t, http.StatusServiceUnavailable, w.send(http.MethodPost, evaluate, "", "Authorization", "unknown-for-now").status)
	require.Equal(t, http.StatusServiceUnavailable, w.send(http.MethodPost, evaluate, "", "Authorization", "nowhere").status)
	require.Equal(t, http.StatusServiceUnavailable, w.send(http.MethodPost, evaluate+"/flag", "", "Authorization", "nowhere").status)
}

func TestTokensSeeTheirProjectsOnly(t *testing.T) {
	t.Parallel()
	mine, others := on("mine"), on("others")
	mine.Project, others.Project = "one", "two"
	w := setup(t, sse.Config{}, mine, others)
	require.NotContains(t, w.post(evaluate, "", "Authorization", "one").body, "others")
	require.Equal(t, http.StatusOK, w.post(evaluate+"/mine", "", "Authorization", "one").status)
	require.Equal(t, http.StatusNotFound, w.post(evaluate+"/others", "", "Authorization", "one").status)
}

func TestSingleEvaluationsAreUsage(t *testing.T) {
	t.Parallel()
	w := setup(t, sse.Config{}, on("named", variant("blue", "", "")), off(on("plain")))
	w.post(evaluate+"/named", `{"context":{"appName":"shop"}}`)
	w.post(evaluate+"/named", `{"context":{"appName":"shop"}}`)
	w.post(evaluate+"/plain", "")
	w.post(evaluate+"/missing", "")
	w.post(evaluate, "")
	counts := map[string]usage.Count{}
	for key, count := range w.usage.Take().Counts {
		require.Equal(t, "development", key.Environment)
		counts[key.App+" "+key.Feature] = count
	}
	require.Equal(t, map[string]usage.Count{
		"shop named":        {Yes: 2, Variants: map[string]int64{"blue": 2}},
		"openfeature plain": {No: 1, Variants: map[string]int64{"disabled": 1}},
	}, counts)
}

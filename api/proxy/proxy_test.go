package proxy_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/proxy"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

func TestProxy(t *testing.T) {
	t.Parallel()

	t.Run("CountsEachFlagAskedForByName", func(t *testing.T) {
		t.Parallel()
		buffer := usage.NewBuffer()
		handler := proxy.New(newWorld(t).config(buffer))
		body := `{"toggles":["with-variant","off-simple","nope\u0000","with-variant",""],"context":{"appName":"shop"}}`
		require.Equal(t, http.StatusOK, ask(t, handler, http.MethodPost, "/proxy", body).Code)
		ask(t, handler, http.MethodPost, "/proxy", `{"toggles":["on-simple"]}`)
		hour := usage.Hour(time.Now())
		key := func(feature, app string) usage.Key {
			return usage.Key{Feature: feature, App: app, Environment: environment, Hour: hour}
		}
		require.Equal(t, map[usage.Key]usage.Count{
			key("with-variant", "shop"):       {Yes: 2, Variants: map[string]int64{"blue": 2}},
			key("off-simple", "shop"):         {No: 1, Variants: map[string]int64{"disabled": 1}},
			key("nope", "shop"):               {No: 1, Variants: map[string]int64{"disabled": 1}},
			key("on-simple", "unleash-proxy"): {Yes: 1, Variants: map[string]int64{"disabled": 1}},
		}, buffer.Take().Counts)
	})

	t.Run("PassesReportsOn", func(t *testing.T) {
		t.Parallel()
		buffer := usage.NewBuffer()
		handler := proxy.New(newWorld(t).config(buffer))
		now := time.Now().UTC().Truncate(time.Hour)
		report, err := json.Marshal(map[string]any{"appName": "web", "instanceId": "i", "bucket": map[string]any{
			"start": now, "stop": now, "toggles": map[string]any{"on-simple": map[string]any{"yes": "3", "no": 1, "variants": map[string]int{"blue": 2}}},
		}})
		require.NoError(t, err)
		for _, path := range []string{"/proxy/client/metrics", "/proxy/all/client/metrics", "/PROXY/client/metrics/"} {
			w := ask(t, handler, http.MethodPost, path, string(report)) // without a media type, which is taken for JSON
			require.Equal(t, "OK", w.Body.String(), path)
		}
		w := ask(t, handler, http.MethodPost, "/proxy/client/metrics", string(report), "Authorization", "ss1")
		require.Equal(t, http.StatusOK, w.Code)
		w = ask(t, handler, http.MethodPost, "/proxy/client/metrics", string(report), "Authorization", "k3")
		require.Equal(t, http.StatusUnauthorized, w.Code)
		batch := buffer.Take()
		require.Equal(t, map[usage.Key]usage.Count{
			{Feature: "on-simple", App: "web", Environment: environment, Hour: now}: {Yes: 12, No: 4, Variants: map[string]int64{"blue": 8}},
		}, batch.Counts)
		require.Contains(t, batch.Instances, usage.InstanceKey{App: "web", Environment: environment, ID: "i"})
	})

	t.Run("CompletesTheContext", func(t *testing.T) {
		t.Parallel()
		config := newWorld(t).config(usage.NewBuffer())
		var seen eval.Context
		config.Environment = "prod"
		config.Enrichers = []proxy.Enricher{
			func(_ context.Context, c *eval.Context) error {
				c.Properties = map[string]string{"region": "Africa"}
				return nil
			},
			func(_ context.Context, c *eval.Context) error {
				seen = *c
				return nil
			},
		}
		names := func(body string) (names []string) {
			for _, one := range togglesOf(t, ask(t, proxy.New(config), http.MethodPost, "/proxy", body, "X-Forwarded-For", "10.1.2.3")) {
				names = append(names, one.Name)
			}
			return names
		}
		require.Equal(t, []string{"on-simple", "ip-flag", "with-variant", "seg-flag", "env-flag"}, names(`{"context":{"environment":"dev","userId":7}}`))
		require.Equal(t, "7", seen.UserID)
		require.Equal(t, "prod", seen.Environment)
		require.Equal(t, "10.1.2.3", seen.RemoteAddress)

		config.Enrichers = []proxy.Enricher{func(context.Context, *eval.Context) error { return errors.New("secret address of a service") }}
		w := ask(t, proxy.New(config), http.MethodGet, "/proxy", "")
		require.Equal(t, http.StatusInternalServerError, w.Code)
		require.NotContains(t, w.Body.String(), "secret")
	})

	t.Run("SaysNotReadyWhenAKeyCannotBeChecked", func(t *testing.T) {
		t.Parallel()
		config := newWorld(t).config(usage.NewBuffer())
		config.Clients = failing{}
		require.Equal(t, http.StatusServiceUnavailable, ask(t, proxy.New(config), http.MethodGet, "/proxy", "").Code)
		config = newWorld(t).config(usage.NewBuffer())
		config.Clients = proxy.NewKeys([]string{"k1", ""}, &token.Token{Scope: token.NewScope("gone", token.All)})
		require.Equal(t, http.StatusServiceUnavailable, ask(t, proxy.New(config), http.MethodGet, "/proxy", "").Code, "an environment that is not there")
		require.Equal(t, http.StatusUnauthorized, ask(t, proxy.New(config), http.MethodGet, "/proxy", "", "Authorization", "").Code)
	})

	t.Run("ServesTheConfigurationWithSegmentsToThoseWhoKnowThem", func(t *testing.T) {
		t.Parallel()
		world := newWorld(t)
		config := world.config(usage.NewBuffer())
		document, err := proxy.ParseDocument([]byte(`{"version":2, "features": [{"name": "f"}], "segments": [{"id": 1}]}`))
		require.NoError(t, err)
		config.Document = func() *proxy.Document { return document }
		get := func(headers ...string) string {
			w := ask(t, proxy.New(config), http.MethodGet, "/proxy/client/features", "", append(headers, "Authorization", "ss1")...)
			require.Equal(t, http.StatusOK, w.Code)
			return w.Body.String()
		}
		require.JSONEq(t, `{"version":2,"features":[{"name":"f"}]}`, get())
		require.JSONEq(t, `{"version":2,"features":[{"name":"f"}],"segments":[{"id":1}]}`, get("Unleash-Client-Spec", "5.2.0"))
		config.Document = nil
		require.Contains(t, get("Unleash-Client-Spec", "5.2.0"), `"segments":[{"id":1`)
		require.NotContains(t, get(), `"segments":[{`)
	})

	t.Run("DocumentsItselfUnderItsOwnNames", func(t *testing.T) {
		t.Parallel()
		config := newWorld(t).config(usage.NewBuffer())
		config.BasePath, config.HeaderName = "/base", "X-Key"
		w := ask(t, proxy.New(config), http.MethodGet, "/base/docs/openapi.json", "")
		var document struct {
			Paths      map[string]any
			Components struct {
				SecuritySchemes struct{ APIKey struct{ Name string } }
			}
		}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &document))
		require.Len(t, document.Paths, 8)
		for path := range document.Paths {
			require.True(t, strings.HasPrefix(path, "/base/proxy"), path)
		}
		require.Equal(t, "x-key", document.Components.SecuritySchemes.APIKey.Name)
		require.Equal(t, http.StatusOK, ask(t, proxy.New(config), http.MethodGet, "/base/docs/openapi/", "").Code)
	})
}

// failing are tokens that cannot be asked.
type failing struct{}

func (failing) Token(context.Context, string) (*token.Token, error) {
	return nil, fault.New(fault.Unavailable, "not now")
}

func TestBodiesAreRefusedInTheLegacyProxysWords(t *testing.T) {
	t.Parallel()
	handler := proxy.New(newWorld(t).config(usage.NewBuffer()))
	for _, test := range []struct{ path, body, want string }{
		{"/proxy", `{"toggles":[7,true,null]}`, ``},
		{"/proxy", `{"context":{"userId":7,"properties":{"age":42}}}`, ``},
		{"/proxy", `[]`, `{"instancePath":"/body","schemaPath":"#/components/schemas/lookupTogglesSchema/type","keyword":"type","params":{"type":"object"},"message":"must be object"}`},
		{"/proxy", `{"toggles":[{}]}`, `{"instancePath":"/body/toggles/0","schemaPath":"#/components/schemas/lookupTogglesSchema/properties/toggles/items/type","keyword":"type","params":{"type":"string"},"message":"must be string"}`},
		{"/proxy", `{"context":"x"}`, `{"instancePath":"/body/context","schemaPath":"#/components/schemas/lookupTogglesSchema/properties/context/type","keyword":"type","params":{"type":"object"},"message":"must be object"}`},
		{"/proxy/client/metrics", `{"appName":"a","instanceId":"i","bucket":{"start":"x","stop":"x","toggles":{}}}`, `{"instancePath":"/body/bucket/start","schemaPath":"#/components/schemas/registerMetricsSchema/properties/bucket/properties/start/format","keyword":"format","params":{"format":"date-time"},"message":"must match format \"date-time\""}`},
		{"/proxy/client/metrics", `{"appName":"a","instanceId":"i","bucket":{"start":"2026-01-01T00:00:00Z","stop":"2026-01-01T00:00:00Z","toggles":{"f":{"yes":-1}}}}`, `{"instancePath":"/body/bucket/toggles/f/yes","schemaPath":"#/components/schemas/registerMetricsSchema/properties/bucket/properties/toggles/additionalProperties/properties/yes/minimum","keyword":"minimum","params":{"comparison":">=","limit":0},"message":"must be >= 0"}`},
		{"/proxy/client/register", `{"appName":"a","interval":1,"started":1,"strategies":["x"]}`, ``},
		{"/proxy/client/register", `{"appName":"a","interval":"x","started":1,"strategies":[]}`, `{"instancePath":"/body/interval","schemaPath":"#/components/schemas/registerClientSchema/properties/interval/type","keyword":"type","params":{"type":"number"},"message":"must be number"}`},
	} {
		w := ask(t, handler, http.MethodPost, test.path, test.body)
		if test.want == "" {
			require.Equal(t, http.StatusOK, w.Code, "%s: %s", test.body, w.Body)
			continue
		}
		require.Equal(t, http.StatusBadRequest, w.Code, test.body)
		require.JSONEq(t, `{"error":"Request validation failed","validation":[`+test.want+`]}`, w.Body.String(), test.body)
	}
	for body, want := range map[string]string{
		`{"a":x}`:                              `Unexpected token 'x', "{"a":x}" is not valid JSON`,
		`{"a":1}}`:                             `Unexpected non-whitespace character after JSON at position 7`,
		`7`:                                    `Unexpected token '7', "7" is not valid JSON`,
		`{"a":["x","y","z",oops,"and so on"]}`: `Unexpected token 'o', ..."","y","z",oops,"and "... is not valid JSON`,
		`{"a":1,`:                              `Unexpected end of JSON input`,
	} {
		w := ask(t, handler, http.MethodPost, "/proxy", body)
		var answer struct{ Error string }
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
		require.True(t, strings.HasSuffix(answer.Error, `The message we got was: "`+want+`"`), answer.Error)
	}
}

package admin_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api"
)

// badBodies are sent to every operation that takes a body. None of them may end in 500.
var badBodies = map[string]string{
	"nothing":              ``,
	"broken JSON":          `{"name":`,
	"text":                 `hello`,
	"null":                 `null`,
	"a number":             `1`,
	"a string":             `"x"`,
	"a list":               `[]`,
	"a list of null":       `[null]`,
	"a list of objects":    `[{}]`,
	"an empty object":      `{}`,
	"deep nesting":         strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000),
	"wrong types":          `{"name":1,"description":[],"constraints":"x","features":{},"environment":1,"projects":1,"segments":"x","variants":1,"parameters":[],"tokenName":{},"type":1,"expiresAt":1,"values":1,"enabled":"x","sortOrder":"x","stale":1}`,
	"nulls":                `{"name":null,"description":null,"constraints":null,"features":null,"environment":null,"projects":null,"segments":null,"variants":null,"parameters":null,"tokenName":null,"type":null,"values":null,"contextName":null,"operator":null}`,
	"nulls inside lists":   `{"name":"x","features":[null],"constraints":[null],"variants":[null],"segments":[null],"projects":[null],"environments":[null],"tags":[null],"addedTags":[null],"removedTags":[null],"legalValues":[null],"parameters":[null]}`,
	"characters of zero":   `{"name":"a\u0000b","id":"a\u0000b","description":"\u0000","tokenName":"\u0000","type":"client\u0000","environment":"\u0000","features":["\u0000"],"feature":"\u0000","constraints":[{"contextName":"\u0000","operator":"IN","values":["\u0000"]}],"value":"\u0000","contextName":"\u0000","operator":"IN","newProjectId":"\u0000","projectId":"\u0000","strategyId":"\u0000","environmentId":"\u0000","segmentIds":[]}`,
	"lone surrogates":      `{"name":"\ud800","id":"\udfff","description":"\ud800","tokenName":"\ud800","type":"client","features":["\ud800"],"feature":"\ud800","constraints":[]}`,
	"numbers out of reach": `{"name":"x","type":"x","sortOrder":1e400,"segments":[1e30],"lifetimeDays":1e30,"requiredApprovals":-1e30,"variants":[{"name":"v","weight":1e30}],"segmentIds":[-1]}`,
	"long text":            `{"name":"` + strings.Repeat("x", 50_000) + `","id":"` + strings.Repeat("y", 20_000) + `","type":"client","tokenName":"` + strings.Repeat("z", 20_000) + `","constraints":[],"parameters":[]}`,
	"too much":             `{"name":"` + strings.Repeat("x", 200_000) + `"}`,
}

var pathParameter = regexp.MustCompile(`\{[^}]+\}`)

func TestBadInput(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects/default/features", `{"name":"f1"}`)
	for path, item := range s.handler.(*api.API).Huma.OpenAPI().Paths {
		if !strings.HasPrefix(path, "/api/admin/") {
			continue
		}
		for method, o := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
		} {
			if o == nil {
				continue
			}
			for _, odd := range []string{"nope", "a\x00b", strings.Repeat("x", 3000), "é%2F..", "'; --", "\xff"} {
				s.bad(t, method, pathParameter.ReplaceAllLiteralString(path, url.PathEscape(odd)), `{}`)
			}
			if o.RequestBody == nil {
				continue
			}
			known := strings.NewReplacer("{projectId}", "default", "{featureName}", "f1", "{child}", "f1", "{environment}", "development").Replace(path)
			known = pathParameter.ReplaceAllString(known, "1")
			for what, body := range badBodies {
				status := s.bad(t, method, known, body)
				require.Equal(t, int64(len(body)) > o.MaxBodyBytes, status == http.StatusRequestEntityTooLarge, "%s %s %s: %d", method, path, what, status)
			}
		}
	}
	require.Empty(t, s.log.String(), "nothing may fail inside")
}

// bad sends a request that need not succeed but must be answered properly, and returns the status.
func (s *server) bad(t *testing.T, method, path, body string) int {
	t.Helper()
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	parsed, err := url.Parse(path)
	require.NoError(t, err, path)
	r.URL = parsed
	r.Header.Set("Authorization", adminSecret)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	shown := body[:min(len(body), 80)]
	require.Less(t, w.Code, 500, "%s %s %s: %s %s", method, path[:min(len(path), 150)], shown, w.Body, s.log)
	if w.Code >= 400 {
		require.Contains(t, w.Body.String(), `"message":"`, "%s %s %s", method, path, shown)
	}
	return w.Code
}

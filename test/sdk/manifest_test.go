//go:build unix

package sdk

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
)

const manifestPath = "/openfeature/v0/manifest"

// call sends a request with a token.
func (r *running) call(t *testing.T, method, path, secret, body string) (status int, answer string, header http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, r.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	request.Header.Set("Authorization", "Bearer "+secret)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, string(text), response.Header
}

// TestManifestIsWrittenAndRead goes through what OpenFeature's tools do with the manifest.
func TestManifestIsWrittenAndRead(t *testing.T) {
	t.Parallel()
	r := start(t, dbtest.New(t))
	flags := manifestPath + "/flags"

	for key, flag := range map[string]string{
		"a-switch":  `"type":"boolean","defaultValue":false`,
		"a-true":    `"type":"boolean","defaultValue":true`,
		"b-string":  `"type":"string","defaultValue":"hi","description":"A greeting"`,
		"c-integer": `"type":"integer","defaultValue":7`,
		"d-float":   `"type":"float","defaultValue":1`,
		"e-object":  `"type":"object","defaultValue":{"a":[1]}`,
	} {
		status, body, header := r.call(t, http.MethodPost, flags, adminToken, `{"key":"`+key+`",`+flag+`}`)
		require.Equal(t, http.StatusCreated, status, body)
		require.Contains(t, body, `"key":"`+key+`"`)
		require.Contains(t, body, `"updatedAt":"`)
		require.Equal(t, "read,write,delete", header.Get("X-Manifest-Capabilities"))
	}
	const all = `{"flags":[
		{"key":"a-switch","name":"a-switch","type":"boolean","defaultValue":false},
		{"key":"a-true","name":"a-true","type":"boolean","defaultValue":true},
		{"key":"b-string","name":"b-string","type":"string","description":"A greeting","defaultValue":"hi"},
		{"key":"c-integer","name":"c-integer","type":"integer","defaultValue":7},
		{"key":"d-float","name":"d-float","type":"float","defaultValue":1},
		{"key":"e-object","name":"e-object","type":"object","defaultValue":{"a":[1]}}]}`
	require.Eventually(t, func() bool {
		_, body, _ := r.call(t, http.MethodGet, manifestPath, clientToken, "")
		return strings.Count(body, `"key"`) == 6
	}, patience, pollInterval)
	for secret, capabilities := range map[string]string{clientToken: "read", adminToken: "read,write,delete"} {
		status, body, header := r.call(t, http.MethodGet, manifestPath, secret, "")
		require.Equal(t, http.StatusOK, status)
		require.JSONEq(t, all, body)
		require.Equal(t, capabilities, header.Get("X-Manifest-Capabilities"))
	}

	t.Run("AFlagEvaluatesToItsDefault", func(t *testing.T) {
		_, body, _ := r.call(t, http.MethodPost, "/ofrep/v1/evaluate/flags/c-integer", clientToken, "")
		require.Contains(t, body, `"reason":"DISABLED"`)
		require.NotContains(t, body, `"value"`)
		status, body, _ := r.call(t, http.MethodPost, "/api/admin/projects/default/features/c-integer/environments/development/on", adminToken, "")
		require.Equal(t, http.StatusOK, status, body)
		require.Eventually(t, func() bool {
			_, body, _ := r.call(t, http.MethodPost, "/ofrep/v1/evaluate/flags/c-integer", clientToken, "")
			return strings.Contains(body, `"value":7,`)
		}, patience, pollInterval)
	})
	t.Run("AnUpdateChangesTheDefaultAndTheDescription", func(t *testing.T) {
		status, body, _ := r.call(t, http.MethodPut, flags+"/b-string", adminToken, `{"key":"b-string","type":"string","defaultValue":"hello","description":"New"}`)
		require.Equal(t, http.StatusOK, status, body)
		require.Contains(t, body, `"description":"New","defaultValue":"hello"`)
	})
	t.Run("ErrorsComeInTheManifestsEnvelope", func(t *testing.T) {
		for _, c := range []struct {
			method, path, secret, body string
			status                     int
			expected                   string
		}{
			{http.MethodPut, flags + "/b-string", adminToken, `{"key":"b-string","type":"integer"}`, 409, "cannot be changed from string to integer"},
			{http.MethodPut, flags + "/b-string", adminToken, `{"key":"other","type":"string"}`, 400, `"field":"key"`},
			{http.MethodPut, flags + "/missing", adminToken, `{"key":"missing","type":"string"}`, 404, "was not found"},
			{http.MethodPost, flags, adminToken, `{"key":"b-string","type":"string","defaultValue":""}`, 409, `"status":409`},
			{http.MethodPost, flags, adminToken, `{"key":"f","type":"integer","defaultValue":"7"}`, 400, `"field":"defaultValue"`},
			{http.MethodPost, flags, adminToken, `{"key":"f","type":"color","defaultValue":"7"}`, 400, `"field":"type"`},
			{http.MethodPost, flags, adminToken, `{`, 400, `"status":400`},
			{http.MethodPost, flags, clientToken, `{"key":"f","type":"boolean","defaultValue":false}`, 403, "admin token"},
			{http.MethodGet, manifestPath, "forged", "", 401, `"status":401`},
			{http.MethodGet, manifestPath + "?environment=nowhere", adminToken, "", 404, "nowhere"},
			{http.MethodGet, manifestPath + "?environment=production", clientToken, "", 403, "development"},
		} {
			status, body, _ := r.call(t, c.method, c.path, c.secret, c.body)
			require.Equal(t, c.status, status, "%s %s: %s", c.method, c.path, body)
			require.True(t, strings.HasPrefix(body, `{"error":{"message":"`), body)
			require.Contains(t, body, c.expected)
		}
	})
	t.Run("ADeletedFlagIsArchived", func(t *testing.T) {
		status, body, _ := r.call(t, http.MethodDelete, flags+"/a-switch", adminToken, "")
		require.Equal(t, http.StatusOK, status, body)
		require.Contains(t, body, `"archivedAt":"2`)
		for method, sent := range map[string]string{
			http.MethodPut: `{"key":"a-switch","type":"boolean"}`, http.MethodDelete: "",
		} {
			status, body, _ := r.call(t, method, flags+"/a-switch", adminToken, sent)
			require.Equal(t, http.StatusConflict, status, body)
		}
		status, body, _ = r.call(t, http.MethodPost, flags, adminToken, `{"key":"a-switch","type":"boolean","defaultValue":false}`)
		require.Equal(t, http.StatusConflict, status, body)
	})
}

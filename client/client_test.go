package client_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/client"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://localhost:4242":         "http://localhost:4242",
		" http://localhost:4242/ ":      "http://localhost:4242",
		"https://example.com/api/":      "https://example.com",
		"https://example.com/flags/api": "https://example.com/flags",
		"https://example.com/flags?a#b": "https://example.com/flags",
	} {
		got, err := client.Address(text)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "localhost:4242", "ftp://example.com", "/api", "http://"} {
		_, err := client.Address(text)
		require.ErrorContains(t, err, "no address of a server", text)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status        int
		body          string
		text, problem string
	}{
		"OfTheServer": {
			http.StatusBadRequest,
			`{"id":"1","name":"BadDataError","message":"Request validation failed","details":[{"message":"name is wrong","path":"/body/name"}],"new":1}`,
			"Request validation failed; name is wrong (400 Bad Request)", "BadDataError",
		},
		"OfAProxy":        {http.StatusBadGateway, "<html>\nlong", "the answer was 502 (502 Bad Gateway)", ""},
		"AsText":          {http.StatusNotFound, "404 page not found\n", "404 page not found (404 Not Found)", ""},
		"WithoutBody":     {http.StatusForbidden, "", "the answer was 403 (403 Forbidden)", ""},
		"OfAnotherFormat": {http.StatusTeapot, `{"error":"tea"}`, "the answer was 418 (418 I'm a teapot)", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "secret" || r.URL.Path != "/base/api/admin/projects" {
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.body))
			}))
			defer server.Close()
			c, err := client.New(server.URL+"/base/api", "secret")
			require.NoError(t, err)
			_, err = c.GetProjectsWithResponse(t.Context(), nil)
			require.EqualError(t, err, test.text)
			var refused *client.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, test.status, refused.Status)
			require.Equal(t, test.status == http.StatusNotFound, client.IsNotFound(err))
			if test.problem != "" {
				require.Equal(t, test.problem, *refused.Name)
			}
		})
	}
}

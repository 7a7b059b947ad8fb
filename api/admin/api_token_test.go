package admin_test

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAPITokens(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.run(t, []step{
		{
			does: "creates one for a project", method: "POST", path: "/api-tokens", status: 201,
			body:   `{"tokenName":"tb","type":"client","environment":"development","projects":["default"]}`,
			want:   `~"tokenName":"tb","environment":"development","projects":["default"],"expiresAt":null,"secret":"default:development.`,
			events: []string{"api-token-created default/-/development"},
		},
		{
			does: "creates one for all projects by default", method: "POST", path: "/api-tokens", status: 201,
			body: `{"tokenName":"tb2","type":"backend","environment":"production"}`,
			want: `~"secret":"*:production.`, events: []string{"api-token-created */-/production"},
		},
		{
			does: "echoes the type in lower case", method: "POST", path: "/api-tokens", status: 201,
			body: `{"tokenName":"tf","type":"FRONTEND","projects":["*","default"],"expiresAt":"2099-01-01T00:00:00.000Z"}`,
			want: `~"type":"frontend"`, events: []string{"api-token-created */-/development"},
		},
		{
			does: "ignores the legacy project", method: "POST", path: "/api-tokens", status: 201,
			body: `{"tokenName":"tx","type":"client","environment":"development","project":"default"}`,
			want: `~"projects":["*"]`, events: []string{"api-token-created */-/development"},
		},
		{
			does: "refuses admin tokens", method: "POST", path: "/api-tokens", status: 400, body: `{"tokenName":"ta","type":"admin"}`,
			want: "~The `/body/type` property must match pattern",
		},
		{
			does: "refuses the legacy username", method: "POST", path: "/api-tokens", status: 400, body: `{"username":"ta","type":"client"}`,
			want: "~The `/body/tokenName` property is required. It was not present on the data you sent.",
		},
		{
			does: "refuses an unknown environment", method: "POST", path: "/api-tokens", status: 400,
			body: `{"tokenName":"tx","type":"client","environment":"nope"}`,
			want: `{"name":"BadDataError","message":"Request validation failed: your request body or params contain invalid data: Environment=nope does not exist","details":[{"message":"Environment=nope does not exist"}]}`,
		},
		{
			does: "refuses all environments", method: "POST", path: "/api-tokens", status: 400,
			body: `{"tokenName":"tx","type":"client","environment":"*"}`, want: `~Client token cannot be scoped to all environments`,
		},
		{
			does: "refuses all environments for the frontend", method: "POST", path: "/api-tokens", status: 400,
			body: `{"tokenName":"tx","type":"frontend","environment":"*"}`, want: `~Frontend token cannot be scoped to all environments`,
		},
		{
			does: "refuses an unknown project", method: "POST", path: "/api-tokens", status: 400,
			body: `{"tokenName":"tx","type":"client","environment":"development","projects":["nope"]}`,
			want: `{"name":"BadDataError","message":"Request validation failed: your request body or params contain invalid data: Project=nope does not exist","details":[{"message":"Project=nope does not exist"}]}`,
		},
		{
			does: "refuses no project at all", method: "POST", path: "/api-tokens", status: 400,
			body: `{"tokenName":"tx","type":"client","projects":[]}`, want: `~must contain at least one project`,
		},
		{
			does: "refuses a blank name", method: "POST", path: "/api-tokens", status: 400,
			body: `{"tokenName":"  ","type":"client"}`, want: `~is not allowed to be empty`,
		},
		{does: "finds them by name", method: "GET", path: "/api-tokens/tb2", status: 200, want: `~"tokenName":"tb2"`},
		{does: "finds none by an unknown name", method: "GET", path: "/api-tokens/nope", status: 200, want: `{"tokens":[]}`},
		{does: "deletes an unknown one", method: "DELETE", path: "/api-tokens/nope", status: 200},
		{does: "changes the expiry of an unknown one", method: "PUT", path: "/api-tokens/nope", status: 200, body: `{"expiresAt":"2099-01-01T00:00:00Z"}`},
		{does: "wants an expiry", method: "PUT", path: "/api-tokens/nope", status: 400, body: `{}`, want: "~The `/body/expiresAt` property is required."},
		{
			does: "wants a time", method: "PUT", path: "/api-tokens/nope", status: 400, body: `{"expiresAt":"soon"}`,
			want: "~The `/body/expiresAt` property must match format \\\"date-time\\\".",
		},
	})

	secret := s.secretOf(t, "tb")
	require.Regexp(t, `^default:development\.[0-9a-f]{56}$`, secret)
	path := "/api-tokens/" + url.PathEscape(secret)
	s.run(t, []step{
		{
			does: "changes the expiry", method: "PUT", path: path, status: 200, body: `{"expiresAt":"2099-01-01T00:00:00.000Z"}`,
			events: []string{"api-token-updated default/-/development"},
		},
		{does: "shows it", method: "GET", path: "/api-tokens/tb", status: 200, want: `~"expiresAt":"2099-01-01T00:00:00.000Z"`},
		{does: "deletes", method: "DELETE", path: path, status: 200, events: []string{"api-token-deleted default/-/development"}},
		{does: "shows it no more", method: "GET", path: "/api-tokens/tb", status: 200, want: `{"tokens":[]}`},
	})
	var leaked int
	require.NoError(t, s.Pool.QueryRow(t.Context(), `SELECT count(*) FROM events WHERE data::text LIKE '%' || $1 || '%' OR pre_data::text LIKE '%' || $1 || '%'`,
		secret).Scan(&leaked))
	require.Zero(t, leaked, "events hold no secrets")
}

func TestProjectAPITokens(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.must(t, "POST", "/projects", `{"id":"other","name":"Other"}`)
	s.events(t)
	s.run(t, []step{
		{
			does: "creates one bound to the project", method: "POST", path: "/projects/other/api-tokens", status: 201,
			body: `{"tokenName":"pt","type":"client","environment":"development"}`, want: `~"projects":["other"]`,
			events: []string{"api-token-created other/-/development"},
		},
		{
			does: "refuses another project", method: "POST", path: "/projects/other/api-tokens", status: 400,
			body: `{"tokenName":"pt2","type":"client","projects":["default"]}`,
		},
		{
			does: "refuses all projects", method: "POST", path: "/projects/other/api-tokens", status: 400,
			body: `{"tokenName":"pt2","type":"client","projects":["*"]}`,
		},
		{does: "knows no unknown project", method: "POST", path: "/projects/nope/api-tokens", status: 404, body: `{"tokenName":"pt","type":"client"}`},
		{does: "lists those of the project", method: "GET", path: "/projects/other/api-tokens", status: 200, want: `~"tokenName":"pt"`},
		{does: "lists none of another", method: "GET", path: "/projects/default/api-tokens", status: 200, want: `{"tokens":[]}`},
		{does: "lists none of an unknown one", method: "GET", path: "/projects/nope/api-tokens", status: 404},
	})
	path := "/api-tokens/" + url.PathEscape(s.secretOf(t, "pt"))
	s.run(t, []step{
		{does: "does not delete through another project", method: "DELETE", path: "/projects/default" + path, status: 400},
		{
			does: "deletes through the project", method: "DELETE", path: "/projects/other" + path, status: 200,
			events: []string{"api-token-deleted other/-/development"},
		},
	})
}

// secretOf reads the secret of the token with that name.
func (s *server) secretOf(t *testing.T, name string) string {
	t.Helper()
	var list struct{ Tokens []struct{ Secret string } }
	require.NoError(t, json.Unmarshal([]byte(s.must(t, "GET", "/api-tokens/"+name, "")), &list))
	require.Len(t, list.Tokens, 1)
	return list.Tokens[0].Secret
}

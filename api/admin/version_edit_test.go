package admin_test

import (
	"net/http"
	"testing"
)

// edits are the resources that people edit: where they are read, a change that others make, and writes of one's own, of
// which the last may remove it.
var edits = []struct {
	name, path string
	other      [3]string // method, path, body
	own        [][3]string
}{
	{
		"flag's environment", dev,
		[3]string{"POST", dev + "/strategies", `{"name":"default"}`},
		[][3]string{{"POST", dev + "/on", ""}, {"POST", dev + "/off", ""}},
	},
	{
		"flag's strategies", dev,
		[3]string{"POST", dev + "/strategies", `{"id":"@","name":"default"}`},
		[][3]string{
			{"POST", dev + "/strategies", `{"name":"default"}`},
			{"POST", dev + "/strategies/copy", `{"fromEnvironment":"production"}`},
			{"POST", dev + "/strategies/set-sort-order", `[]`},
		},
	},
	{
		"flag's tags", fs + "/f1",
		[3]string{"POST", "/features/f1/tags", `{"type":"simple","value":"theirs"}`},
		[][3]string{
			{"POST", "/features/f1/tags", `{"type":"simple","value":"mine"}`},
			{"PUT", "/features/f1/tags", `{"addedTags":[{"type":"simple","value":"two"}],"removedTags":[]}`},
			{"DELETE", "/features/f1/tags/simple/mine", ""},
			{"PUT", fs + "/f1", `{"name":"f1","description":"tagged"}`},
		},
	},
	{
		"flag's links", fs + "/f1",
		[3]string{"POST", fs + "/f1/link", `{"url":"https://example.com/theirs"}`},
		[][3]string{{"POST", fs + "/f1/link", `{"url":"https://example.com/mine"}`}},
	},
	{
		"flag's dependencies", fs + "/f1",
		[3]string{"POST", fs + "/f1/dependencies", `{"feature":"parent"}`},
		[][3]string{
			{"POST", fs + "/f1/dependencies", `{"feature":"parent","enabled":false}`},
			{"DELETE", fs + "/f1/dependencies/parent", ""},
			{"POST", fs + "/f1/dependencies", `{"feature":"parent"}`},
			{"DELETE", fs + "/f1/dependencies", ""},
		},
	},
	{
		"banner", "/banners/1",
		[3]string{"POST", "/banners/1/off", ""},
		[][3]string{
			{"PUT", "/banners/1", `{"message":"mine"}`},
			{"POST", "/banners/1/off", ""},
			{"POST", "/banners/1/on", ""},
			{"DELETE", "/banners/1", ""},
		},
	},
	{
		"project's link templates", "/projects/p1",
		[3]string{"PUT", "/projects/p1/settings", `{"linkTemplates":[{"urlTemplate":"https://example.com/theirs"}]}`},
		[][3]string{{"PUT", "/projects/p1/settings", `{"linkTemplates":[{"urlTemplate":"https://example.com/mine"}]}`}},
	},
	{
		"project's environments", "/projects/p1",
		[3]string{"DELETE", "/projects/p1/environments/development", ""},
		[][3]string{
			{"POST", "/projects/p1/environments", `{"environment":"development"}`},
			{"POST", "/projects/p1/environments/development/default-strategy", `{"name":"default"}`},
			{"DELETE", "/projects/p1/environments/development", ""},
		},
	},
	{
		"variants", dev + "/variants",
		[3]string{"PUT", dev + "/variants", `[{"name":"theirs","weight":1000,"weightType":"variable","stickiness":"default"}]`},
		[][3]string{
			{"PATCH", dev + "/variants", `[{"op":"replace","path":"/0/name","value":"mine"}]`},
			{"PUT", dev + "/variants", `[]`},
		},
	},
	{
		"segment", "/segments/1",
		[3]string{"PUT", "/segments/1", `{"name":"theirs","constraints":[]}`},
		[][3]string{{"PUT", "/segments/1", `{"name":"mine","constraints":[]}`}, {"DELETE", "/segments/1", ""}},
	},
	{
		"project", "/projects/p1",
		[3]string{"PUT", "/projects/p1", `{"name":"theirs"}`},
		[][3]string{
			{"PUT", "/projects/p1", `{"name":"mine"}`},
			{"PUT", "/projects/p1/settings", `{"mode":"protected"}`},
			{"POST", "/projects/archive/p1", ""},
			{"DELETE", "/projects/p1", ""},
		},
	},
	{
		"environment", "/environments/staging",
		[3]string{"PUT", "/environments/update/staging", `{"type":"test","sortOrder":7}`},
		[][3]string{
			{"PUT", "/environments/update/staging", `{"type":"test","sortOrder":8}`},
			{"POST", "/environments/staging/off", ""},
			{"DELETE", "/environments/staging", ""},
		},
	},
	{
		"context field", "/context/country",
		[3]string{"PUT", "/context/country", `{"description":"theirs"}`},
		[][3]string{
			{"PUT", "/context/country", `{"description":"mine"}`},
			{"POST", "/context/country/legal-values", `{"value":"NO"}`},
			{"DELETE", "/context/country", ""},
		},
	},
	{
		"tag type", "/tag-types/team",
		[3]string{"PUT", "/tag-types/team", `{"description":"theirs"}`},
		[][3]string{{"PUT", "/tag-types/team", `{"description":"mine"}`}, {"DELETE", "/tag-types/team", ""}},
	},
	{
		"strategy type", "/strategies/own",
		[3]string{"PUT", "/strategies/own", `{"description":"theirs","parameters":[]}`},
		[][3]string{
			{"PUT", "/strategies/own", `{"description":"mine","parameters":[]}`},
			{"POST", "/strategies/own/deprecate", ""},
			{"DELETE", "/strategies/own", ""},
		},
	},
	{
		"integration", "/addons/1",
		[3]string{"PUT", "/addons/1", `{"provider":"webhook","enabled":true,"description":"theirs","parameters":{"url":"https://example.com"},"events":["feature-created"]}`},
		[][3]string{
			{"PUT", "/addons/1", `{"provider":"webhook","enabled":true,"description":"mine","parameters":{"url":"https://example.com"},"events":["feature-created"]}`},
			{"DELETE", "/addons/1", ""},
		},
	},
	{
		"API token", "/api-tokens/named",
		[3]string{"PUT", "/api-tokens/*:development.secret", `{"expiresAt":"2090-01-01T00:00:00Z"}`},
		[][3]string{
			{"PUT", "/api-tokens/*:development.secret", `{"expiresAt":"2091-01-01T00:00:00Z"}`},
			{"DELETE", "/api-tokens/*:development.secret", ""},
		},
	},
	{
		"flag", fs + "/f1",
		[3]string{"PATCH", fs + "/f1", `[{"op":"replace","path":"/description","value":"theirs"}]`},
		[][3]string{
			{"PUT", fs + "/f1", `{"name":"f1","description":"mine"}`},
			{"PATCH", fs + "/f1", `[{"op":"replace","path":"/type","value":"experiment"}]`},
			{"DELETE", fs + "/f1", ""},
		},
	},
}

// furnish makes what edits are about.
func (s *server) furnish(t *testing.T) {
	t.Helper()
	for _, r := range [][2]string{
		{fs, `{"name":"f1"}`},
		{fs, `{"name":"parent"}`},
		{"/banners", `{"message":"theirs"}`},
		{"/segments", `{"name":"s1","constraints":[]}`},
		{"/projects", `{"id":"p1","name":"p1"}`},
		{"/environments", `{"name":"staging","type":"test"}`},
		{"/context", `{"name":"country"}`},
		{"/tag-types", `{"name":"team"}`},
		{"/strategies", `{"name":"own","parameters":[]}`},
		{"/addons", `{"provider":"webhook","enabled":true,"parameters":{"url":"https://example.com"},"events":["feature-created"]}`},
		{"/api-tokens", `{"tokenName":"named","type":"client","environment":"development"}`},
	} {
		s.must(t, http.MethodPost, r[0], r[1])
	}
	s.sql(t, `UPDATE segments SET id = 1`)
	s.sql(t, `UPDATE api_tokens SET secret_hash = sha256('*:development.secret') WHERE name = 'named'`)
}

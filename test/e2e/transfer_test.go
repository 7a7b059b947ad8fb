package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

const productionToken = "*:production.e2e-client"

// transferring starts a server with a token for each environment.
func transferring(t *testing.T) *running {
	t.Helper()
	return start(t, dbtest.New(t), func(c *server.Config) { c.ClientTokens = []string{clientToken, productionToken} })
}

// populate gives a server flags that use everything a document can hold.
func populate(r *running) {
	r.admin(http.StatusCreated, http.MethodPost, "/strategies", `{"name":"byPlan","description":"By plan","parameters":[
		{"name":"plans","type":"list","description":"","required":true}]}`)
	r.admin(http.StatusCreated, http.MethodPost, "/context", `{"name":"plan","stickiness":true,"sortOrder":7,"legalValues":[{"value":"free"},{"value":"paid","description":"Pays"}]}`)
	r.admin(http.StatusCreated, http.MethodPost, "/tag-types", `{"name":"team","description":"Who owns it","icon":"T"}`)
	var segments [3]int
	for i, body := range []string{
		`{"name":"unused","constraints":[]}`,
		`{"name":"beta","description":"Testers","constraints":[{"contextName":"userId","operator":"IN","values":["1","2"]}]}`,
		`{"name":"ours","project":"default","constraints":[{"contextName":"plan","operator":"STR_CONTAINS","values":["paid"],"caseInsensitive":true,"inverted":true}]}`,
	} {
		var created struct{ ID int }
		answer := r.admin(http.StatusCreated, http.MethodPost, "/segments", body)
		require.NoError(r.t, json.Unmarshal(answer.body, &created))
		segments[i] = created.ID
	}
	for _, flag := range []string{
		`{"name":"parent","type":"kill-switch","description":"Stops it all","tags":[{"type":"team","value":"core"}]}`,
		`{"name":"checkout","type":"experiment","impressionData":true,"tags":[{"type":"simple","value":"shop"},{"type":"team","value":"core"}]}`,
		`{"name":"unused"}`,
	} {
		r.admin(http.StatusCreated, http.MethodPost, "/projects/default/features", flag)
	}
	r.admin(http.StatusNoContent, http.MethodPost, "/projects/default/features/checkout/link", `{"url":"https://example.com/1","title":"Issue"}`)
	r.admin(http.StatusAccepted, http.MethodPost, "/projects/default/stale", `{"stale":true,"features":["unused"]}`)
	for _, strategy := range []struct{ environment, body string }{
		{"development", `{"name":"flexibleRollout","title":"Half","parameters":{"rollout":"50","stickiness":"plan","groupId":"g"},
			"constraints":[{"contextName":"plan","operator":"IN","values":["paid"]},{"contextName":"appName","operator":"NUM_GT","value":"5"}],
			"variants":[{"name":"a","weight":300,"weightType":"fix","stickiness":"userId","payload":{"type":"json","value":"{\"a\": 1}"}},
			{"name":"b","weight":700,"weightType":"variable","stickiness":"userId"}],"segments":[` + fmt.Sprint(segments[2], ",", segments[1]) + `]}`},
		{"development", `{"name":"byPlan","parameters":{"plans":"free"},"sortOrder":0}`},
		{"development", `{"name":"default","disabled":true}`},
		{"production", `{"name":"userWithId","parameters":{"userIds":"7,8"},"segments":[` + fmt.Sprint(segments[1]) + `]}`},
	} {
		r.admin(http.StatusOK, http.MethodPost, "/projects/default/features/checkout/environments/"+strategy.environment+"/strategies", strategy.body)
	}
	for _, on := range []string{"checkout/environments/development", "checkout/environments/production", "parent/environments/development"} {
		r.admin(http.StatusOK, http.MethodPost, "/projects/default/features/"+on+"/on", nil)
	}
	r.admin(http.StatusOK, http.MethodPut, "/projects/default/features/parent/environments/production/variants",
		`[{"name":"x","weight":1000,"weightType":"variable","payload":{"type":"string","value":"<&>"},"overrides":[{"contextName":"userId","values":["9"]}]}]`)
	r.admin(http.StatusOK, http.MethodPost, "/projects/default/features/checkout/dependencies", `{"feature":"parent","enabled":true,"variants":["x"]}`)
}

// identifiers are what an import gives anew, with their values. Strategies of one sort order are numbered.
var identifiers = regexp.MustCompile(`"id":("[^"]*"|\d+)|"segments":\[[\d,]+\]|"sortOrder":\d+`)

// tick is how often a server is asked whether it has taken a change over.
const tick = 5 * time.Millisecond

// payloads are what SDKs of both environments get, without ids and revisions.
func (r *running) payloads() []string {
	var list []string
	for _, secret := range []string{clientToken, productionToken} {
		got := r.call(http.MethodGet, "/api/client/features", secret, nil, "Unleash-Client-Spec", "5.2.0")
		require.Equal(r.t, http.StatusOK, got.status)
		body, _, found := strings.Cut(string(got.body), `,"meta":`)
		require.True(r.t, found)
		list = append(list, identifiers.ReplaceAllString(body, "*"))
	}
	return list
}

func TestTransfer(t *testing.T) {
	t.Parallel()
	source, target := transferring(t), transferring(t)
	populate(source)
	empty := target.payloads()

	var want []string
	require.Eventually(t, func() bool {
		want = source.payloads()
		return regexp.MustCompile(`"feature":"parent"`).MatchString(want[0]) && want[1] != empty[1]
	}, patience, tick)
	document := source.admin(http.StatusOK, http.MethodPost, "/features-batch/export", `{}`).body
	request := `{"data":` + string(document) + `}`

	valid := `{"errors":[],"warnings":[],"permissions":[]}`
	require.JSONEq(t, valid, string(target.admin(http.StatusOK, http.MethodPost, "/features-batch/validate", request).body))
	require.JSONEq(t, valid, string(target.admin(http.StatusOK, http.MethodPost, "/features-batch/import?dryRun=true", request).body))
	require.Equal(t, empty, target.payloads(), "neither wrote anything")

	require.JSONEq(t, valid, string(target.admin(http.StatusOK, http.MethodPost, "/features-batch/import", request).body))
	require.Eventually(t, func() bool { return target.payloads()[0] != empty[0] }, patience, tick)
	require.Equal(t, want, target.payloads())

	again := target.admin(http.StatusOK, http.MethodPost, "/features-batch/export", `{"environment":"*","project":"default"}`).body
	require.Equal(t, identifiers.ReplaceAllString(string(document), "*"), identifiers.ReplaceAllString(string(again), "*"),
		"the copy exports as the original does")
}

//go:build unix

package sdk

import (
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/server"
)

const (
	productionClient   = "*:production.sdk-client"
	productionFrontend = "*:production.sdk-frontend"
)

// TestNextJSExample builds the example once and starts it twice, for two environments.
func TestNextJSExample(t *testing.T) {
	t.Parallel()
	r := startShop(t, withProduction)
	folder := example(t, "nextjs")
	require.NoError(t, Install(t.Context(), folder))
	quiet := []string{"NEXT_TELEMETRY_DISABLED=1"}
	makeOnce(t, folder, []string{"node_modules", ".next", ".npm.lock", ".make.lock", "README.md"}, filepath.Join(folder, ".next", ".sources.sha256"), func() {
		execute(t, folder, quiet, "node", "node_modules/next/dist/bin/next", "build")
	})
	serve := func(environment, client, frontend string) *page {
		env := append([]string{
			"RUNTIME_ENV=" + environment, "UNLEASH_URL=" + r.URL(), "UNLEASH_API_TOKEN=" + client, "UNLEASH_APP_NAME=shop-" + environment,
			"UNLEASH_PROXY_URL=" + r.URL(), "UNLEASH_CLIENT_TOKEN=" + frontend, "UNLEASH_REFRESH_SECONDS=0.05",
		}, quiet...)
		app := launch(t, folder, env, "node", "node_modules/next/dist/bin/next", "start", "--hostname", "127.0.0.1", "--port", "0")
		address, _ := app.await(t, 0, `Local:\s+(http://\S+)`)
		return &page{t: t, address: address, client: client}
	}
	development := serve("development", clientToken, frontendToken)
	production := serve("production", productionClient, productionFrontend)

	require.Equal(t, "new-checkout is off", development.read("?plan=gold"))
	r.turn(t, exampleFlag, true)
	require.Eventually(t, func() bool { return development.read("?plan=gold") == "new-checkout is on, green" }, patience, pollInterval)
	require.Equal(t, "new-checkout is off", development.read("?plan=lead"))
	require.Equal(t, "new-checkout is off", production.read("?plan=gold"), "the same build asks about another environment")
	require.Contains(t, development.config, `"environment":"development"`)
	require.Contains(t, development.config, `"clientToken":"`+frontendToken+`"`)
	require.Contains(t, production.config, `"environment":"production"`)
	require.Contains(t, production.config, `"clientToken":"`+productionFrontend+`"`)
	r.requireReported(t, "shop-development", "")

	settings := r.settings()
	settings["PENNON_PAGE"] = development.address + "/?plan=gold"
	report := RunIn(t, "browser", "nextjs.mjs", settings, nil)
	require.Len(t, report.Checks, 8)
}

// page is a running Next.js application.
type page struct {
	t               *testing.T
	address, client string
	config          string // the runtime configuration of the last page
}

var (
	serverText  = regexp.MustCompile(`<p id="server">([^<]*(?:<!-- -->[^<]*)*)</p>`)
	browserText = regexp.MustCompile(`<p id="browser">([^<]*(?:<!-- -->[^<]*)*)</p>`)
	configText  = regexp.MustCompile(`window\.__RUNTIME_CONFIG__=([^<]*)<`)
	comment     = regexp.MustCompile(`<!-- -->`)
)

// read fetches the page and answers what it says about the flag, which must be the same in what the server has rendered
// for itself and what it has rendered for the browser to take over. The backend token must not be in it.
func (p *page) read(query string) string {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.address+"/"+query, nil)
	require.NoError(p.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(p.t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(p.t, err)
	require.NoError(p.t, response.Body.Close())
	require.Equal(p.t, http.StatusOK, response.StatusCode, string(body))
	require.NotContains(p.t, string(body), p.client)
	require.NotContains(p.t, string(body), url.QueryEscape(p.client))
	p.config = string(configText.FindSubmatch(body)[1])
	said := func(where *regexp.Regexp) string {
		found := where.FindSubmatch(body)
		require.NotNil(p.t, found, string(body))
		return comment.ReplaceAllString(string(found[1]), "")
	}
	text := said(serverText)
	require.Equal(p.t, text, said(browserText))
	return text
}

// withProduction adds the tokens of a second environment.
func withProduction(c *server.Config) {
	c.ClientTokens = append(c.ClientTokens, productionClient)
	c.FrontendTokens = append(c.FrontendTokens, productionFrontend)
}

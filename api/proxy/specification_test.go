package proxy_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/proxy"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/evaluation"
	"github.com/pennonhq/pennon/test/specification"
	"github.com/pennonhq/pennon/token"
	"github.com/pennonhq/pennon/usage"
)

// byChance is the one case that this API must answer otherwise: it asks for a flag rolled out by session without telling
// the session, and where browsers don't, one is drawn for them, as the legacy proxy does. Asked for by name, none is.
const byChance = "Feature.A4 should be disabled when no user on context"

// ask sends a request with the key k1 and returns the answer.
func ask(t *testing.T, handler http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "k1")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w
}

// toggle is one flag of an answer.
type toggle struct {
	Name    string             `json:"name"`
	Enabled bool               `json:"enabled"`
	Variant eval.VariantResult `json:"variant"`
}

func togglesOf(t *testing.T, w *httptest.ResponseRecorder) []toggle {
	t.Helper()
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	var answer struct{ Toggles []toggle }
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
	return answer.Toggles
}

func TestClientSpecificationThroughTheLegacyProxy(t *testing.T) {
	t.Parallel()
	for _, suite := range specification.Load(t) {
		t.Run(suite.Name, func(t *testing.T) {
			t.Parallel()
			handler := proxy.New(proxy.Config{
				Clients:   proxy.NewKeys([]string{"k1"}, &token.Token{Scope: token.NewScope(specification.Environment, token.All)}),
				EnableAll: true,
				Flags:     evaluation.New(suite.Store()),
				Usage:     usage.NewBuffer(),
			})
			for _, c := range suite.Cases {
				context, err := json.Marshal(c.Context)
				require.NoError(t, err)
				named := ask(t, handler, http.MethodPost, "/proxy", `{"context":`+string(context)+`,"toggles":["`+c.Flag+`"]}`)
				requireAnswer(t, &c, togglesOf(t, named), false)
				if c.Description == byChance {
					require.NotContains(t, c.Context, "sessionId")
					continue
				}
				for path, all := range map[string]bool{"/proxy": false, "/proxy/all": true} {
					requireAnswer(t, &c, togglesOf(t, ask(t, handler, http.MethodGet, path+"?"+c.Query(), "")), all)
					requireAnswer(t, &c, togglesOf(t, ask(t, handler, http.MethodPost, path, `{"context":`+string(context)+`}`)), all)
				}
			}
		})
	}
}

func requireAnswer(t *testing.T, c *specification.Case, toggles []toggle, all bool) {
	t.Helper()
	got := toggle{Variant: eval.VariantResult{Name: "disabled"}}
	for _, one := range toggles {
		if one.Name == c.Flag {
			got = one
		}
	}
	require.Equal(t, c.Enabled, got.Enabled, "%s (all: %t)", c.Description, all)
	if c.Variant != nil {
		require.Equal(t, *c.Variant, got.Variant, "%s (all: %t)", c.Description, all)
	}
}

package frontend_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/test/specification"
)

// byChance is the one case that this API must answer otherwise: it asks for a flag rolled out by session without telling
// the session, and where browsers don't, one is drawn for them, as Unleash does.
const byChance = "Feature.A4 should be disabled when no user on context"

func TestClientSpecificationThroughTheFrontendAPI(t *testing.T) {
	t.Parallel()
	for _, suite := range specification.Load(t) {
		t.Run(suite.Name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t, suite.Store(), "")
			for _, c := range suite.Cases {
				if c.Description == byChance {
					require.NotContains(t, c.Context, "sessionId")
					continue
				}
				body, err := json.Marshal(map[string]any{"context": c.Context})
				require.NoError(t, err)
				for _, path := range []string{"/api/frontend", "/api/frontend/all", "/api/proxy"} {
					requireAnswer(t, &c, togglesOf(t, s.get(t, path+"?"+c.Query())), path)
					requireAnswer(t, &c, togglesOf(t, s.do(t, http.MethodPost, path, string(body))), path)
				}
			}
		})
	}
}

func requireAnswer(t *testing.T, c *specification.Case, toggles map[string]toggle, path string) {
	t.Helper()
	got, listed := toggles[c.Flag]
	if !listed {
		got.Variant.Name = "disabled"
	}
	if path != "/api/frontend/all" {
		require.Equal(t, got.Enabled, listed, c.Description)
	}
	require.Equal(t, c.Enabled, got.Enabled, "%s: %s", path, c.Description)
	if c.Variant != nil {
		require.Equal(t, *c.Variant, got.Variant, "%s: %s", path, c.Description)
	}
}

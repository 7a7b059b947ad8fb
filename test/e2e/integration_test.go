package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

// Two servers share a database; one of them is replaced while events are delivered. The receiver hears of every flag.
func TestIntegrationsHearOfEveryEventThroughRestarts(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	heard := map[string]int{}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var e struct{ FeatureName string }
		_ = json.Unmarshal(body, &e)
		mu.Lock()
		defer mu.Unlock()
		heard[e.FeatureName]++
	}))
	t.Cleanup(receiver.Close)

	d := dbtest.New(t)
	private := func(c *server.Config) { c.AllowPrivateIntegrationURLs = true }
	first, second := start(t, d, private), start(t, d, private)
	first.admin(http.StatusCreated, http.MethodPost, "/addons", map[string]any{
		"provider": "webhook", "enabled": true, "parameters": map[string]any{"url": receiver.URL}, "events": []string{"feature-created"},
	})
	const flags = 30
	for i := range flags {
		if i == flags/2 {
			first.stop()
			first = start(t, d, private)
		}
		[]*running{first, second}[i%2].admin(http.StatusCreated, http.MethodPost, "/projects/default/features", map[string]any{"name": fmt.Sprint("flag-", i)})
	}
	require.Eventually(t, func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(heard) == flags
	}, patience, 10*time.Millisecond)

	var log struct{ IntegrationEvents []struct{ State string } }
	require.NoError(t, json.Unmarshal(second.admin(http.StatusOK, http.MethodGet, "/addons/1/events?limit=1000", nil).body, &log))
	require.NotEmpty(t, log.IntegrationEvents)
}

func TestIntegrationsDoNotReachPrivateAddressesUnlessAllowed(t *testing.T) {
	t.Parallel()
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was reached") }))
	t.Cleanup(receiver.Close)
	s := start(t, dbtest.New(t))
	s.admin(http.StatusCreated, http.MethodPost, "/addons", map[string]any{
		"provider": "webhook", "enabled": true, "parameters": map[string]any{"url": receiver.URL}, "events": []string{"feature-created"},
	})
	s.createFlag("beta")
	require.Eventually(t, func() bool {
		var log struct {
			IntegrationEvents []struct{ State, StateDetails string }
		}
		require.NoError(t, json.Unmarshal(s.admin(http.StatusOK, http.MethodGet, "/addons/1/events", nil).body, &log))
		return len(log.IntegrationEvents) == 1 && log.IntegrationEvents[0].State == "failed"
	}, patience, 20*time.Millisecond)
}

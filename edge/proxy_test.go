package edge

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

// patience is how long a test waits for what should take milliseconds.
const patience = 20 * time.Second

// startProxy runs a Proxy in front of a fake until the test ends or stop is called.
func startProxy(t *testing.T, f *fake, change ...func(*ProxyConfig)) (p *Proxy, stop func()) {
	t.Helper()
	config := ProxyConfig{
		Version: "test", Host: "127.0.0.1", URL: "http://upstream/api", Token: testToken, ClientKeys: []string{"key", "other"}, Transport: f,
	}
	for _, apply := range change {
		apply(&config)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	p, err := NewProxy(ctx, config)
	if err != nil {
		cancel()
	}
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			require.NoError(t, <-done)
		})
	}
	t.Cleanup(stop)
	return p, stop
}

// ask sends a request to the proxy and returns status and body.
func ask(t *testing.T, p *Proxy, method, path, key, body string) (status int, answer string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, p.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", key)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	return response.StatusCode, string(text)
}

func TestProxy(t *testing.T) {
	t.Parallel()

	ready := func(t *testing.T, p *Proxy) {
		t.Helper()
		require.Eventually(t, func() bool { return p.Upstream().Ready() == nil }, patience, time.Millisecond)
	}

	t.Run("AnswersFromItsUpstreamAndReportsUsage", func(t *testing.T) {
		t.Parallel()
		f, metrics := newFake(), &receiver{status: http.StatusAccepted}
		registered := make(chan []byte, 1)
		f.on(pathFeatures, always(http.StatusOK, features(flag("on", true), flag("off", false)), "Etag", `"x:1"`))
		f.on("/api/client/metrics", metrics.answer)
		f.on("/api/client/register", func(r *http.Request) *http.Response {
			body, _ := io.ReadAll(r.Body)
			registered <- body
			return reply(http.StatusAccepted, "")
		})
		p, stop := startProxy(t, f, func(c *ProxyConfig) { c.BasePath = "base"; c.ServerTokens = []string{"server"} })
		ready(t, p)

		status, body := ask(t, p, http.MethodGet, "/proxy?sessionId=1", "key", "")
		require.Equal(t, http.StatusOK, status, body)
		require.Contains(t, body, `"name":"on"`)
		require.NotContains(t, body, `"name":"off"`)
		status, _ = ask(t, p, http.MethodGet, "/proxy", "wrong", "")
		require.Equal(t, http.StatusUnauthorized, status)
		status, body = ask(t, p, http.MethodGet, "/proxy/client/features", "server", "")
		require.Equal(t, http.StatusOK, status)
		require.Contains(t, body, `"name":"off"`)

		status, body = ask(t, p, http.MethodPost, "/proxy/client/metrics", "other",
			`{"appName":"web","instanceId":"1","bucket":{"start":"2026-11-22T08:00:00Z","stop":"2026-11-22T08:01:00Z","toggles":{"on":{"yes":3,"no":1}}}}`)
		require.Equal(t, http.StatusOK, status, body)
		var registration registerSchema
		require.NoError(t, json.Unmarshal(<-registered, &registration))
		require.Equal(t, DefaultProxyAppName, registration.AppName)
		require.Contains(t, registration.Strategies, "flexibleRollout")

		stop()
		require.NotEmpty(t, metrics.taken(), "usage is sent when the proxy stops")
		require.Contains(t, string(metrics.taken()[0]), `"on":{"yes":3,"no":1}`)
	})

	t.Run("IsNotReadyBeforeTheFirstAnswerAndServesOnAfterTheLast", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		f.on(pathFeatures, unreachable)
		p, _ := startProxy(t, f, func(c *ProxyConfig) { c.RefreshInterval = 20 * time.Millisecond })
		status, _ := ask(t, p, http.MethodGet, "/proxy/health", "", "")
		require.Equal(t, http.StatusServiceUnavailable, status)
		f.on(pathFeatures, always(http.StatusOK, features(flag("on", true))))
		ready(t, p)
		f.on(pathFeatures, always(http.StatusUnauthorized, ""))
		require.Eventually(t, func() bool { return p.Upstream().Ready() != nil }, patience, time.Millisecond)
		status, _ = ask(t, p, http.MethodGet, "/proxy/health", "", "")
		require.Equal(t, http.StatusOK, status)
		_, body := ask(t, p, http.MethodGet, "/proxy", "key", "")
		require.Contains(t, body, `"name":"on"`)
	})

	t.Run("KnowsCustomStrategies", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		f.on(pathFeatures, always(http.StatusOK, features(`{"name":"tenants","enabled":true,"strategies":[{"name":"tenant","parameters":{"tenant":"acme"}}]}`)))
		p, _ := startProxy(t, f, func(c *ProxyConfig) {
			c.Strategies = eval.Strategies{"tenant": func(parameters map[string]string) eval.Rule {
				return func(ctx *eval.Context) bool { return ctx.Properties["tenant"] == parameters["tenant"] }
			}}
		})
		ready(t, p)
		_, body := ask(t, p, http.MethodGet, "/proxy?tenant=acme", "key", "")
		require.Contains(t, body, `"tenants"`)
		_, body = ask(t, p, http.MethodGet, "/proxy?tenant=other", "key", "")
		require.JSONEq(t, `{"toggles":[]}`, body)
	})

	t.Run("AnswersA500WhenAnEnricherFails", func(t *testing.T) {
		t.Parallel()
		f := newFake()
		f.on(pathFeatures, always(http.StatusOK, features(flag("on", true))))
		p, _ := startProxy(t, f, func(c *ProxyConfig) {
			c.Enrichers = []EnricherConfig{{URL: "http://127.0.0.1:1", Timeout: time.Second}}
		})
		ready(t, p)
		status, _ := ask(t, p, http.MethodGet, "/proxy", "key", "")
		require.Equal(t, http.StatusInternalServerError, status)
	})

	t.Run("ServesServersWhatIsNewestInAnyMode", func(t *testing.T) {
		t.Parallel()
		f, stream := newFake(), newLine()
		f.on(pathStreaming, always(http.StatusTooManyRequests, "", "Retry-After", "1"))
		f.on(pathFeatures, always(http.StatusOK, features(flag("polled", true))))
		p, _ := startProxy(t, f, func(c *ProxyConfig) { c.ServerTokens = []string{"server"} })
		ready(t, p)
		_, body := ask(t, p, http.MethodGet, "/proxy/client/features", "server", "")
		require.Contains(t, body, "polled")
		stream.send("unleash-connected", "7", hydrated(7, flag("streamed", true)))
		f.on(pathStreaming, stream.answer)
		require.Eventually(t, func() bool {
			_, body := ask(t, p, http.MethodGet, "/proxy/client/features", "server", "")
			return strings.Contains(body, "streamed") && !strings.Contains(body, "polled")
		}, patience, 5*time.Millisecond)
	})

	t.Run("NeedsAKey", func(t *testing.T) {
		t.Parallel()
		_, err := NewProxy(t.Context(), ProxyConfig{URL: "http://upstream/api", Token: "x"})
		require.ErrorContains(t, err, "client key")
		_, err = NewProxy(t.Context(), ProxyConfig{URL: "upstream", Token: "x", ClientKeys: []string{"k"}})
		require.Error(t, err)
	})
}

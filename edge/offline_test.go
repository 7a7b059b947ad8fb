package edge

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestOffline(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "flags.json")
	write := func(content string) { require.NoError(t, os.WriteFile(file, []byte(content), 0o600)) }
	write(features(flag("whole", true)))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	o, err := NewOffline(ctx, OfflineConfig{
		Surface: Surface{Version: "test", Host: "127.0.0.1", ShutdownGrace: time.Millisecond}, BootstrapFile: file,
		ClientTokens: []string{"anything", "*:development.secret"}, FrontendTokens: []string{"*:development.browser"}, Reload: 5 * time.Millisecond,
	})
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- o.Run(ctx) }()
	get := func(path, secret string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, o.URL()+path, nil)
		require.NoError(t, err)
		r.Header.Set("Authorization", secret)
		r.Close = true
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode, string(body)
	}
	for _, secret := range []string{"anything", "*:development.secret"} {
		status, body := get("/api/client/features", secret)
		require.Equal(t, http.StatusOK, status, body)
		require.Contains(t, body, `"whole"`)
	}
	status, _ := get("/api/client/features", "else")
	require.Equal(t, http.StatusUnauthorized, status)

	write(`{"broken`)
	_, body := get("/api/frontend", "*:development.browser")
	require.Contains(t, body, `"whole"`)
	write(`{"short":{"enabled":true,"variant":"blue"},"off":{"enabled":false}}`)
	require.Eventually(t, func() bool {
		_, body := get("/api/frontend", "*:development.browser")
		return strings.Contains(body, `"blue"`) && !strings.Contains(body, `"whole"`) && !strings.Contains(body, `"off"`)
	}, patience, time.Millisecond)
	status, body = get(Backstage+"/ready", "")
	require.Equal(t, http.StatusOK, status, body)
	cancel()
	require.NoError(t, <-done)

	_, err = NewOffline(t.Context(), OfflineConfig{BootstrapFile: file})
	require.ErrorContains(t, err, "token")
	write(`{"flag":true}`)
	_, err = NewOffline(t.Context(), OfflineConfig{BootstrapFile: file, ClientTokens: []string{"x"}})
	require.ErrorContains(t, err, "flag")
}

package edge

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/eval"
)

func TestEnricher(t *testing.T) {
	t.Parallel()
	service := func(t *testing.T, answer http.HandlerFunc, cache time.Duration) *Enricher {
		t.Helper()
		server := httptest.NewServer(answer)
		t.Cleanup(server.Close)
		e := NewEnricher(EnricherConfig{URL: server.URL, Headers: map[string]string{"X-Key": "secret"}, Cache: cache})
		t.Cleanup(e.Close)
		return e
	}

	t.Run("AddsWhatTheServiceKnows", func(t *testing.T) {
		t.Parallel()
		var asked atomic.Int32
		e := service(t, func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			var question struct{ Context eval.Context }
			if json.NewDecoder(r.Body).Decode(&question) != nil || question.Context.UserID != "7" || r.Header.Get("X-Key") != "secret" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			_, _ = w.Write([]byte(`{"properties":{"plan":"gold","age":42,"nested":{}}}`))
		}, time.Hour)
		for range 3 {
			given := map[string]string{"plan": "none", "region": "eu"}
			c := &eval.Context{UserID: "7", Properties: given}
			require.NoError(t, e.Enrich(t.Context(), c))
			require.Equal(t, map[string]string{"plan": "gold", "age": "42", "region": "eu"}, c.Properties)
			require.Equal(t, "none", given["plan"], "what the caller gave is not changed")
		}
		require.Equal(t, int32(1), asked.Load())
	})

	t.Run("FailsWhenTheServiceDoes", func(t *testing.T) {
		t.Parallel()
		for name, answer := range map[string]string{"Status": "", "NoJSON": "<html>", "NoProperties": `{"properties":[]}`} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				e := service(t, func(w http.ResponseWriter, _ *http.Request) {
					if answer == "" {
						w.WriteHeader(http.StatusBadGateway)
					}
					_, _ = w.Write([]byte(answer))
				}, 0)
				require.Error(t, e.Enrich(t.Context(), &eval.Context{}))
			})
		}
	})

	t.Run("IsReadFromAFile", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "enrichers.yaml")
		require.NoError(t, os.WriteFile(path, []byte("- url: http://service/enrich\n  timeout: 250ms\n  cache: 10s\n  headers: {X-Key: secret}\n"), 0o600))
		configs, err := LoadEnrichers(path)
		require.NoError(t, err)
		require.Equal(t, []EnricherConfig{{
			URL: "http://service/enrich", Timeout: 250 * time.Millisecond, Cache: 10 * time.Second, Headers: map[string]string{"X-Key": "secret"},
		}}, configs)
		for _, text := range []string{"- timeout: 1s\n", "- url: ftp://x\n", "- url: http://x\n  retries: 3\n", "url: http://x\n", "- url: http://x\n  cache: -1s\n"} {
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			_, err := LoadEnrichers(path)
			require.Error(t, err, text)
		}
	})
}

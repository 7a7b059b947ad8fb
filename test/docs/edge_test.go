//go:build unix

package docs

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMovingFromEdge follows docs/migrating-from-edge.md from a folder that Unleash Edge has left; and from the real Unleash
// Edge where its program is: $UNLEASH_EDGE, or what scripts/unleash-edge.sh installs.
func TestMovingFromEdge(t *testing.T) {
	t.Parallel()
	t.Run("FromWhatItLeft", func(t *testing.T) {
		t.Parallel()
		server := upstream(t)
		s := newSession(t, edgePlaces(t, server), map[string]string{"pennon": pennon(t)})
		leave(t, filepath.Join(s.folder, "backup"), server)
		follow(t, "migrating-from-edge.md", "left", s)
	})
	program := realEdge()
	if program == "" {
		return
	}
	t.Run("FromARunningOne", func(t *testing.T) {
		t.Parallel()
		s := newSession(t, edgePlaces(t, upstream(t)), map[string]string{"pennon": pennon(t), "unleash-edge": program})
		follow(t, "migrating-from-edge.md", "running", s)
	})
}

func edgePlaces(t *testing.T, server string) map[string]string {
	t.Helper()
	first, second := freePort(t), freePort(t)
	return map[string]string{
		"https://unleash.example.com": server,
		"localhost:3063":              "127.0.0.1:" + first, "localhost:3064": "127.0.0.1:" + second,
		"-p 3063:": "-p " + first + ":", "-p 3064:": "-p " + second + ":",
	}
}

// realEdge is where Unleash Edge's program is; empty if it is not there.
func realEdge() string {
	installed, _ := filepath.Abs(filepath.Join("..", "..", ".cache", "unleash-edge", "bin", "unleash-edge"))
	for _, path := range []string{os.Getenv("UNLEASH_EDGE"), installed} {
		if info, err := os.Stat(path); path != "" && err == nil && !info.IsDir() {
			return path
		}
	}
	return ""
}

// leave writes what Unleash Edge keeps in its backup folder.
func leave(t *testing.T, folder, server string) {
	t.Helper()
	status, flags := send(t, http.MethodGet, server+"/api/client/features", backendToken, nil)
	require.Equal(t, http.StatusOK, status)
	features, err := json.Marshal([][]any{{"production", json.RawMessage(flags)}})
	require.NoError(t, err)
	tokens, err := json.Marshal([]map[string]any{{
		"token": backendToken, "type": "backend", "environment": "production", "projects": []string{"*"}, "status": "Validated",
	}})
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "unleash_features.json"), features, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "unleash_tokens.json"), tokens, 0o644))
}

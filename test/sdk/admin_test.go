//go:build unix

package sdk

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// admin asks the Admin API and returns the answer's body, which must be a success.
func (r *running) admin(t *testing.T, method, path string, body any) []byte {
	t.Helper()
	return askAdmin(t, r.URL(), method, path, body)
}

func askAdmin(t *testing.T, address, method, path string, body any) []byte {
	t.Helper()
	var sent io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		require.NoError(t, err)
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address+"/api/admin"+path, sent)
	require.NoError(t, err)
	request.Header.Set("Authorization", adminToken)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	answer, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Less(t, response.StatusCode, 300, "%s %s: %s", method, path, answer)
	return answer
}

// strategy is one as the Admin API takes it.
type strategy struct {
	Name        string            `json:"name"`
	Parameters  map[string]string `json:"parameters,omitempty"`
	Constraints []map[string]any  `json:"constraints,omitempty"`
	Segments    []int             `json:"segments,omitempty"`
	Variants    []map[string]any  `json:"variants,omitempty"`
}

// flag makes a flag in project default that is on in development under these strategies.
func (r *running) flag(t *testing.T, name string, impressions bool, strategies ...strategy) {
	t.Helper()
	r.admin(t, http.MethodPost, "/projects/default/features", map[string]any{"name": name, "impressionData": impressions})
	for _, s := range strategies {
		r.admin(t, http.MethodPost, "/projects/default/features/"+name+"/environments/development/strategies", s)
	}
	r.turn(t, name, true)
}

// turn switches a flag in development.
func (r *running) turn(t *testing.T, name string, on bool) {
	t.Helper()
	way := "off"
	if on {
		way = "on"
	}
	r.admin(t, http.MethodPost, "/projects/default/features/"+name+"/environments/development/"+way, nil)
}

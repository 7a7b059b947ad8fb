//go:build unix

package client_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/test/sdk"
)

// TestATypeScriptClientIsGeneratedCheckedAndUsed takes the way of somebody who generates a client: types from the document,
// a program against them, the strict compiler, a server.
func TestATypeScriptClientIsGeneratedCheckedAndUsed(t *testing.T) {
	t.Parallel()
	url := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	folder, err := filepath.Abs("typescript")
	require.NoError(t, err)
	require.NoError(t, sdk.Install(ctx, folder))
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "generated"), 0o755))

	programs := filepath.Join(folder, "node_modules", ".bin")
	for _, command := range [][]string{
		{filepath.Join(programs, "openapi-typescript"), filepath.Join("..", "..", "..", "openapi", "openapi.yaml"), "--output", filepath.Join("generated", "api.d.ts")},
		{filepath.Join(programs, "tsc"), "--project", "."},
		{"node", filepath.Join("build", "main.js")},
	} {
		program := exec.CommandContext(ctx, command[0], command[1:]...)
		program.Dir = folder
		program.Env = append(os.Environ(), "PENNON_URL="+url, "PENNON_TOKEN="+adminToken)
		output, err := program.CombinedOutput()
		require.NoError(t, err, "%s: %s", filepath.Base(command[0]), output)
		t.Logf("%s: %s", filepath.Base(command[0]), output)
	}
}

//go:build unix

package sdk

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
)

// TestOpenFeatureCLIGeneratesTypedAccessors pulls the manifest with OpenFeature's own tool and compiles what that makes of it.
func TestOpenFeatureCLIGeneratesTypedAccessors(t *testing.T) {
	t.Parallel()
	r := start(t, dbtest.New(t))
	for key, flag := range map[string]string{"checkout": `"type":"boolean","defaultValue":false`, "page-size": `"type":"integer","defaultValue":20`} {
		status, body, _ := r.call(t, "POST", manifestPath+"/flags", adminToken, `{"key":"`+key+`",`+flag+`}`)
		require.Equal(t, 201, status, body)
	}
	require.Eventually(t, func() bool {
		_, body, _ := r.call(t, "GET", manifestPath, clientToken, "")
		return strings.Count(body, `"key"`) == 2
	}, patience, pollInterval)

	folder, err := scriptFolder("")
	require.NoError(t, err)
	tools := filepath.Join(folder, "..", "..", "tools", "openfeature")
	work := t.TempDir()
	tool := filepath.Join(work, "openfeature")
	run := func(folder string, command ...string) {
		t.Helper()
		c := exec.CommandContext(t.Context(), command[0], command[1:]...)
		c.Dir = folder
		output, err := c.CombinedOutput()
		require.NoError(t, err, "%v: %s", command, output)
	}
	run(tools, "go", "build", "-o", tool, "github.com/open-feature/cli/cmd/openfeature")
	run(work, tool, "pull", "--provider-url", r.URL(), "--auth-token", clientToken, "--no-prompt", "--no-input")
	run(work, tool, "generate", "go", "--package-name", "flags", "--output", "flags", "--no-input")
	// The tool's module pins the SDK that the generated code imports.
	for _, name := range []string{"go.mod", "go.sum"} {
		data, err := os.ReadFile(filepath.Join(tools, name))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(work, name), data, 0o600))
	}
	use := "package main\n\nimport flags \"github.com/pennonhq/pennon/tools/openfeature/flags\"\n\nvar _, _ = flags.Checkout, flags.PageSize\n\nfunc main() {}\n"
	require.NoError(t, os.WriteFile(filepath.Join(work, "main.go"), []byte(use), 0o600))
	run(work, "go", "build", "-mod=mod", "-o", os.DevNull, ".")
}

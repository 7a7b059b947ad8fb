//go:build unix

package sdk

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
)

// TestClientSpecification has the real SDK evaluate the client specification on flags made through the Admin API, in all
// its modes at once: pushed one by one to SDKs that are connected, and given whole to SDKs that connect afterwards.
func TestClientSpecification(t *testing.T) {
	t.Parallel()
	report := RunNode(t, "spec.mjs", start(t, dbtest.New(t)).settings(), nil)

	var result Specification
	report.Decode(t, &result)
	require.Equal(t, "6.1.0", result.Version)
	require.Len(t, result.Modes, 3)
	for mode, cases := range result.Modes {
		require.Equal(t, specificationCases, cases.Cases+cases.Inexpressible, mode)
		require.Equal(t, cases.Cases, cases.Passed, mode)
		require.Equal(t, 22, cases.Suites, mode)
	}
}

// TestClientSpecificationInOtherLanguages has the SDKs for the JVM and for Python evaluate it: each by a client that streams
// and by one that polls.
func TestClientSpecificationInOtherLanguages(t *testing.T) {
	t.Parallel()
	requireOtherLanguages(t, start(t, dbtest.New(t)).settings())
}

func requireOtherLanguages(t *testing.T, settings map[string]string) {
	t.Helper()
	scripts, err := scriptFolder("")
	require.NoError(t, err)
	commands, err := json.Marshal([]map[string]any{
		{"name": "unleash-java-sdk", "command": []string{
			"java", "-XX:TieredStopAtLevel=1", "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
			"-cp", filepath.Join(kotlinExample(t), "target", "lib", "*"), filepath.Join(scripts, "java", "Evaluate.java"),
		}},
		{"name": "unleash-python-sdk", "command": []string{pythonExample(t), filepath.Join(scripts, "python", "evaluate.py")}},
	})
	require.NoError(t, err)
	settings["PENNON_MODES"], settings["PENNON_ELSEWHERE"] = "polling", string(commands)
	requireCases(t, RunNode(t, "spec.mjs", settings, nil), 3)
}

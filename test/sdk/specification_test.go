//go:build unix

package sdk

import (
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

//go:build unix

package sdk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
)

// TestOpenFeatureProviders runs OpenFeature's SDKs with their own OFREP providers.
func TestOpenFeatureProviders(t *testing.T) {
	t.Parallel()
	report := RunIn(t, "openfeature", "providers.mjs", start(t, dbtest.New(t)).settings(), nil)
	require.GreaterOrEqual(t, len(report.Checks), 25)

	var result struct{ PushedMs float64 }
	report.Decode(t, &result)
	t.Logf("from the request of a change to a browser's new value: %.1f ms", result.PushedMs)
}

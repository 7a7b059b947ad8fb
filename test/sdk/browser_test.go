//go:build unix

package sdk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
)

// TestBrowserSDK runs Unleash's browser SDK on every path that it can be given.
func TestBrowserSDK(t *testing.T) {
	t.Parallel()
	report := RunIn(t, "browser", "poll.mjs", start(t, dbtest.New(t), withSoonUsage).settings(), nil)
	require.Len(t, report.Checks, 5*6+1)
}

// TestReactSDK runs Unleash's React SDK, on a server and in a document.
func TestReactSDK(t *testing.T) {
	t.Parallel()
	r := startShop(t)
	report := RunIn(t, "browser", "react.mjs", r.settings(), nil)
	require.Len(t, report.Checks, 6)
	r.requireReported(t, "web-react", "")
}

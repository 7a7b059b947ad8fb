//go:build unix

package sdk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
)

// TestOtherLanguagesBehindAnEdge has the SDKs for the JVM and for Python evaluate the specification there.
func TestOtherLanguagesBehindAnEdge(t *testing.T) {
	t.Parallel()
	settings := behindEdges(t, start(t, dbtest.New(t)), 1).settings()
	settings["PENNON_BEHIND"] = "one edge"
	requireOtherLanguages(t, settings)
}

// TestBrowserSDKsBehindAnEdge runs what runs in browsers there: Unleash's SDKs and OpenFeature's. Ours is in TestWebClient.
func TestBrowserSDKsBehindAnEdge(t *testing.T) {
	t.Parallel()
	t.Run("Browser", func(t *testing.T) {
		t.Parallel()
		f := behindEdges(t, start(t, dbtest.New(t), withSoonUsage), 1)
		require.Len(t, RunIn(t, "browser", "poll.mjs", f.settings(), nil).Checks, 5*6+1)
	})
	t.Run("React", func(t *testing.T) {
		t.Parallel()
		upstream := startShop(t)
		require.Len(t, RunIn(t, "browser", "react.mjs", behindEdges(t, upstream, 1).settings(), nil).Checks, 6)
		upstream.requireReported(t, "web-react", "")
	})
	t.Run("OpenFeature", func(t *testing.T) {
		t.Parallel()
		f := behindEdges(t, start(t, dbtest.New(t)), 1)
		require.GreaterOrEqual(t, len(RunIn(t, "openfeature", "providers.mjs", f.settings(), nil).Checks), 25)
	})
}

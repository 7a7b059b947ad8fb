//go:build unix

package sdk

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
)

// TestWebClient holds @pennon/web to its types, its own tests and its size, and then runs it in Chromium as it is published.
func TestWebClient(t *testing.T) {
	t.Parallel()
	folder, err := scriptFolder(filepath.Join("..", "..", "sdk", "web"))
	require.NoError(t, err)
	require.NoError(t, Install(t.Context(), folder))
	npm(t, folder, "run", "check")
	npm(t, folder, "test") // builds it

	requireWebClient(t, newServers(t), "a server")
	requireWebClient(t, behindEdges(t, start(t, dbtest.New(t)), 1), "one edge") // not beside it: the package is installed in one place
}

func requireWebClient(t *testing.T, f *fleet, behind string) {
	t.Helper()
	report := RunIn(t, "web", "run.mjs", f.settings(), f.answers())
	require.GreaterOrEqual(t, len(report.Checks), 30)

	var result struct{ FetchMs, EventsourceMs, ThreeTabsMs, StockMs float64 }
	report.Decode(t, &result)
	t.Logf("behind %s, from the request of a change to the page: %.0f ms by fetch, %.0f ms by EventSource, %.0f ms to the last of three tabs, "+
		"%.0f ms to unleash-proxy-client", behind, result.FetchMs, result.EventsourceMs, result.ThreeTabsMs, result.StockMs)
}

// npm runs one of the package's scripts.
func npm(t *testing.T, folder string, arguments ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scriptDeadline)
	defer cancel()
	command := exec.CommandContext(ctx, "npm", arguments...)
	command.Dir = folder
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	require.NoError(t, command.Run(), "npm %v: %s", arguments, &output)
}

//go:build unix

package sdk

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/edge"
)

// chains are rows of edges between the server and SDKs, in the words of the report.
var chains = map[string]int{"one edge": 1, "two edges": 2}

// behindEdges starts a server with a row of edges in front of it, and returns the fleet that the last of them begins.
func behindEdges(t *testing.T, upstream *running, edges int, change ...func(*edge.Config)) *fleet {
	t.Helper()
	address := upstream.URL()
	for range edges - 1 {
		address = startEdge(t, address, true, change...).URL()
	}
	return newEdges(t, upstream.URL(), address, change...)
}

// TestSDKModesBehindEdges lives through all scenarios of TestSDKModes with edges between: now it is the edge before the SDK
// that restarts, drains and refuses.
func TestSDKModesBehindEdges(t *testing.T) {
	t.Parallel()
	for behind, edges := range chains {
		t.Run(behind, func(t *testing.T) {
			t.Parallel()
			f := behindEdges(t, start(t, dbtest.New(t)), edges, func(c *edge.Config) { c.MaxStreams = maxStreams })
			requireScenarios(t, f, behind, nil)
		})
	}
}

// failing is a scenario that cannot pass on a path: what it then says, and why. The run fails when it says something else,
// and when it passes.
type failing struct {
	Scenario string `json:"scenario"`
	Says     string `json:"says"`
	Reason   string `json:"reason"`
}

// requireScenarios runs every scenario there is through a fleet.
func requireScenarios(t *testing.T, f *fleet, behind string, listed []failing) {
	t.Helper()
	settings := f.settings()
	settings["PENNON_BEHIND"] = behind
	if listed != nil {
		list, err := json.Marshal(listed)
		require.NoError(t, err)
		settings["PENNON_FAILING"] = string(list)
	}
	report := RunNode(t, "modes.mjs", settings, f.answers())
	var result struct{ Scenarios, Passed int }
	report.Decode(t, &result)
	require.Equal(t, result.Scenarios, result.Passed+len(listed))
}

// TestChangesReachTheSDKBehindEdges is TestCommittedChangesReachTheSDK with edges between.
func TestChangesReachTheSDKBehindEdges(t *testing.T) {
	t.Parallel()
	for behind, edges := range chains {
		t.Run(behind, func(t *testing.T) {
			t.Parallel()
			database := dbtest.New(t)
			settings := behindEdges(t, start(t, database), edges).settings()
			maps.Copy(settings, map[string]string{"PENNON_PSQL": "ask", "PENNON_TOGGLES": "50", "PENNON_BEHIND": behind})
			requireToggles(t, RunNode(t, "toggle.mjs", settings, Answers{"commit": committer(t, database)}))
		})
	}
}

//go:build unix

package sdk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/server"
)

// TestSDKModes lets the real SDK live through what happens to servers and streams, each scenario on a server of its own.
func TestSDKModes(t *testing.T) {
	t.Parallel()
	for name, scenario := range map[string]string{
		"RegistersAndSendsMetrics":              "registers",
		"Polls":                                 "polls",
		"PollsDeltas":                           "deltas",
		"ResumesAfterACut":                      "resumes",
		"IsSentEverythingForAnIDOfNobody":       "rehydrates",
		"IsRefusedWithoutTheRightToken":         "refuses",
		"StopsWhenItMayNot":                     "stops",
		"LosesTheStreamOfARevokedToken":         "revokes",
		"SurvivesARestart":                      "restarts",
		"FollowsARollingDeployment":             "drains",
		"PollsWhileThereAreTooManyAndIsInvited": "sheds",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newServers(t, func(c *server.Config) { c.MaxStreams = maxStreams })
			settings := f.settings()
			settings["PENNON_SCENARIOS"] = scenario
			report := RunNode(t, "modes.mjs", settings, f.answers())
			require.NotEmpty(t, report.Checks)
		})
	}
}

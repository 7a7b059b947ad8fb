//go:build unix

package sdk

import (
	"encoding/json"
	"maps"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
)

// TestCommittedChangesReachTheSDK switches flags through the Admin API and by SQL under a streaming SDK. The SQL is sent
// from here and, where there is one, by psql.
func TestCommittedChangesReachTheSDK(t *testing.T) {
	t.Parallel()
	ways := []string{"BySQL"}
	if _, err := exec.LookPath("psql"); err == nil {
		ways = append(ways, "ByPsql")
	}
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			database := dbtest.New(t)
			settings := start(t, database).settings()
			maps.Copy(settings, map[string]string{"PENNON_PSQL": "ask", "PENNON_TOGGLES": "50"})
			if way == "ByPsql" {
				settings["PENNON_PSQL"] = database.DSN
			}
			requireToggles(t, RunNode(t, "toggle.mjs", settings, Answers{"commit": committer(t, database)}))
		})
	}
}

func requireToggles(t *testing.T, report Report) {
	t.Helper()
	var result struct {
		Admin, SQL struct{ Toggles int }
		Burst      struct{ Changes, Observed int }
	}
	report.Decode(t, &result)
	require.Equal(t, 50, result.Admin.Toggles)
	require.Equal(t, 50, result.SQL.Toggles)
	require.Equal(t, 200, result.Burst.Changes)
	require.Positive(t, result.Burst.Observed)
}

// committer answers the question "commit": it switches a flag in a transaction and says when, in milliseconds since 1970,
// COMMIT was sent and answered.
func committer(t *testing.T, database *dbtest.Database) func(json.RawMessage) (any, error) {
	t.Helper()
	return func(question json.RawMessage) (any, error) {
		var asked struct {
			Feature, Environment string
			Enabled              bool
		}
		if err := json.Unmarshal(question, &asked); err != nil {
			return nil, err
		}
		tx, err := database.Pool.Begin(t.Context())
		if err != nil {
			return nil, err
		}
		defer func() { _ = tx.Rollback(t.Context()) }() // no more than a formality after COMMIT
		_, err = tx.Exec(t.Context(), "UPDATE feature_environments SET enabled = $1 WHERE feature = $2 AND environment = $3",
			asked.Enabled, asked.Feature, asked.Environment)
		if err != nil {
			return nil, err
		}
		sentAt := milliseconds()
		if err := tx.Commit(t.Context()); err != nil {
			return nil, err
		}
		return map[string]float64{"sentAt": sentAt, "answeredAt": milliseconds()}, nil
	}
}

func milliseconds() float64 { return float64(time.Now().UnixMicro()) / 1000 }

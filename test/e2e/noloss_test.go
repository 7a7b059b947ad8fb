package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/eval"
	"github.com/pennonhq/pennon/server"
)

var (
	lossTime = flag.Duration("loss.time", 4*time.Second, "how long TestNothingIsLost writes")
	lossSeed = flag.Uint64("loss.seed", 1, "seed of TestNothingIsLost")
)

// TestNothingIsLost is the promise of the product under fire: 32 concurrent writers through a transaction pooler, the
// listening connection of two servers killed every 150 ms, and streaming clients of several scopes that leave and come
// back on either server with their last id, an older one, or none. In the end every client holds exactly what SQL says,
// no flag ever went back in time, and no flag came before its segment.
//
// Long form: go test ./test/e2e -run TestNothingIsLost -loss.time 30s
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	writers := dbtest.Writers{
		URL: dbtest.PgBouncer(t, database, dbtest.TransactionPooling), Count: 32, Flags: 60, Rollback: 0.15, Seed: *lossSeed,
	}
	require.NoError(t, writers.Create(t.Context(), database))
	scatter(t, database, writers.Flags)

	tokens := []string{clientToken, "default:development.loss-1", "other:development.loss-2", "*:production.loss-3"}
	withTokens := func(c *server.Config) {
		c.ClientTokens = tokens
		c.Logger = nil // it would tell of every killed listener
	}
	nodes := []*running{start(t, database, withTokens), start(t, database, withTokens)}

	writing, stopWriting := context.WithTimeout(t.Context(), *lossTime)
	defer stopWriting()
	reading, stopReading := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	t.Cleanup(func() { stopReading(); readers.Wait() })
	var clients []*sdk
	for n := range 24 {
		client := newSDK(nodes[n%2].URL(), tokens[n%len(tokens)])
		clients = append(clients, client)
		random := rand.New(rand.NewPCG(*lossSeed, uint64(n)))
		readers.Go(func() {
			if n%3 == 0 {
				client.run(reading) // steady
				return
			}
			client.roam(writing, random, nodes[0].URL(), nodes[1].URL())
			client.run(reading)
		})
	}
	var killed int
	var killing sync.WaitGroup
	killing.Go(func() {
		n, err := dbtest.KillListenersEvery(writing, database, 150*time.Millisecond)
		killed = n
		require.NoError(t, err)
	})
	written, err := writers.Run(writing)
	require.NoError(t, err)
	killing.Wait()

	patient, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	events, connects, resumes := 0, 0, 0
	for n, client := range clients {
		truth := sqlTruth(t, database, tokens[n%len(tokens)])
		if !client.await(patient, func(s sdkState) bool { return sameFlags(truth, s.features) == "" }) {
			require.Fail(t, "a client did not reach the truth", "client %d: %s", n, sameFlags(truth, client.snapshot().features))
		}
		client.mu.Lock()
		require.Empty(t, client.problems, "client %d", n)
		events, connects, resumes = events+client.events, connects+client.connects, resumes+client.resumes
		client.mu.Unlock()
	}
	require.Positive(t, resumes, "no client ever resumed: the test tests nothing")
	require.Positive(t, killed, "no listener was ever killed: the test tests nothing")
	t.Logf("no loss: %d commits, %d rolled back, %d listeners killed, %d clients, %d connects, %d resumed, %d events, 0 lost",
		written.Commits, written.Rollbacks, killed, len(clients), connects, resumes, events)
}

// scatter puts a third of the flags into another project and gives some a segment.
func scatter(t *testing.T, database *dbtest.Database, flags int) {
	t.Helper()
	_, err := database.Pool.Exec(t.Context(), fmt.Sprintf(`DO $$ BEGIN
		INSERT INTO projects (id, name) VALUES ('other', 'Other');
		INSERT INTO project_environments (project, environment) VALUES ('other', 'development'), ('other', 'production');
		UPDATE features SET project = 'other' WHERE name IN (SELECT 'flag-' || n FROM generate_series(0, %d, 3) n);
		INSERT INTO segments (name, constraints) VALUES ('beta', '[{"contextName":"userId","operator":"IN","values":["1"]}]');
		INSERT INTO feature_strategy_segments (strategy_id, segment_id)
			SELECT s.id, g.id FROM feature_strategies s, segments g WHERE s.feature LIKE '%%5';
	END $$`, flags))
	require.NoError(t, err)
}

// sqlTruth is what a client with that token must hold, read with plain SQL.
func sqlTruth(t *testing.T, database *dbtest.Database, secret string) map[string]string {
	t.Helper()
	rows, err := database.Pool.Query(t.Context(), `
		SELECT f.name, format('%s %s %s %s', f.project, f.description, fe.enabled, s.parameters ->> 'rollout')
		FROM api_tokens t
		JOIN features f ON f.archived_at IS NULL
			AND (t.all_projects OR f.project IN (SELECT project FROM api_token_projects WHERE token_id = t.id))
		JOIN feature_environments fe ON fe.feature = f.name AND fe.environment = t.environment
		JOIN feature_strategies s ON s.feature = f.name AND s.environment = t.environment
		WHERE t.secret = $1`, secret)
	require.NoError(t, err)
	defer rows.Close()
	truth := map[string]string{}
	for rows.Next() {
		var name, state string
		require.NoError(t, rows.Scan(&name, &state))
		truth[name] = state
	}
	require.NoError(t, rows.Err())
	require.NotEmpty(t, truth)
	return truth
}

// sameFlags returns "" when the client's flags are the truth, else the first difference.
func sameFlags(truth map[string]string, features map[string]eval.Feature) string {
	if len(truth) != len(features) {
		return fmt.Sprintf("%d flags instead of %d", len(features), len(truth))
	}
	for name, want := range truth {
		f, known := features[name]
		if !known || len(f.Strategies) != 1 {
			return name + " is missing"
		}
		enabled := "f"
		if f.Enabled {
			enabled = "t"
		}
		if got := fmt.Sprintf("%s %d %s %s", f.Project, version(f), enabled, f.Strategies[0].Parameters["rollout"]); got != want {
			return fmt.Sprintf("%s is %q instead of %q", name, got, want)
		}
	}
	return ""
}

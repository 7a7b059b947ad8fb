package e2e

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/server"
)

// follow runs a streaming client until the test ends and waits for its first message.
func follow(t *testing.T, r *running, token string) *sdk {
	t.Helper()
	client := newSDK(r.URL(), token)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); client.run(ctx) }()
	t.Cleanup(func() { cancel(); <-ended })
	requireSeen(t, client, func(s sdkState) bool { return s.id != "" })
	return client
}

func requireSeen(t *testing.T, client *sdk, done func(sdkState) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	require.True(t, client.await(ctx, done), "not seen in time; the client holds %+v", client.snapshot())
	client.mu.Lock()
	defer client.mu.Unlock()
	require.Empty(t, client.problems)
}

func isOn(name string) func(sdkState) bool {
	return func(s sdkState) bool { return s.features[name].Enabled }
}

func isOff(name string) func(sdkState) bool {
	return func(s sdkState) bool { f, known := s.features[name]; return known && !f.Enabled }
}

func TestPush(t *testing.T) {
	t.Parallel()

	t.Run("AToggleThroughTheAdminAPIReachesStreams", func(t *testing.T) {
		t.Parallel()
		r := start(t, dbtest.New(t))
		client := follow(t, r, clientToken)
		r.createFlag("hello")
		requireSeen(t, client, isOn("hello"))
		r.admin(http.StatusOK, http.MethodPost, "/projects/default/features/hello/environments/development/off", nil)
		requireSeen(t, client, isOff("hello"))
		r.admin(http.StatusAccepted, http.MethodDelete, "/projects/default/features/hello", nil)
		requireSeen(t, client, func(s sdkState) bool { _, known := s.features["hello"]; return !known })
	})

	t.Run("AToggleWithPlainSQLReachesStreams", func(t *testing.T) {
		t.Parallel()
		database := dbtest.New(t)
		r := start(t, database)
		r.createFlag("hello")
		client := follow(t, r, clientToken)
		requireSeen(t, client, isOn("hello"))
		_, err := database.Pool.Exec(t.Context(), `UPDATE feature_environments SET enabled = false WHERE feature = 'hello'`)
		require.NoError(t, err)
		requireSeen(t, client, isOff("hello"))
	})

	t.Run("EveryNodePushesWhatAnyNodeWrites", func(t *testing.T) {
		t.Parallel()
		database := dbtest.New(t)
		one, two := start(t, database), start(t, database)
		client := follow(t, two, clientToken)
		one.createFlag("hello")
		requireSeen(t, client, isOn("hello"))
	})

	t.Run("AClientResumesAfterTheServerRestarted", func(t *testing.T) {
		t.Parallel()
		database := dbtest.New(t)
		one := start(t, database)
		one.createFlag("kept")
		one.createFlag("gone")
		client := newSDK(one.URL(), clientToken)
		first, leave := context.WithCancel(t.Context())
		left := make(chan struct{})
		go func() { defer close(left); client.run(first) }()
		requireSeen(t, client, isOn("gone"))
		leave()
		<-left
		one.stop()

		_, err := database.Pool.Exec(t.Context(), `UPDATE features SET archived_at = now() WHERE name = 'gone'`)
		require.NoError(t, err)
		two := start(t, database)
		client.url = two.URL() + "/api/client/streaming"
		second, leave := context.WithCancel(t.Context())
		left = make(chan struct{})
		go func() { defer close(left); client.run(second) }()
		defer func() { leave(); <-left }()
		requireSeen(t, client, func(s sdkState) bool { _, known := s.features["gone"]; return !known })
		require.Contains(t, client.snapshot().features, "kept")
		client.mu.Lock()
		defer client.mu.Unlock()
		require.Equal(t, 1, client.resumes, "it was told what changed, not everything")
	})

	t.Run("ARevokedTokenLosesItsStreamAtOnce", func(t *testing.T) {
		t.Parallel()
		database := dbtest.New(t)
		r := start(t, database)
		ended := make(chan error, 1)
		client := newSDK(r.URL(), clientToken)
		go func() { ended <- client.connect(context.Background()) }()
		requireSeen(t, client, func(s sdkState) bool { return s.id != "" })
		_, err := database.Pool.Exec(t.Context(), `DELETE FROM api_tokens WHERE secret = $1`, clientToken)
		require.NoError(t, err)
		select {
		case err := <-ended:
			require.ErrorIs(t, err, io.EOF, "it ends in order")
		case <-time.After(patience):
			require.Fail(t, "the stream lives on")
		}
		got := r.call(http.MethodGet, "/api/client/features", clientToken, nil)
		require.Equal(t, http.StatusUnauthorized, got.status)
	})

	t.Run("ATokenWorksAsSoonAsItWasMade", func(t *testing.T) {
		t.Parallel()
		database := dbtest.New(t)
		one, two := start(t, database), start(t, database)
		for range 20 {
			made := one.admin(http.StatusCreated, http.MethodPost, "/api-tokens", map[string]any{"tokenName": "new", "type": "client", "environment": "development"})
			secret := between(string(made.body), `"secret":"`, `"`)
			got := two.call(http.MethodGet, "/api/client/features", secret, nil)
			require.Equal(t, http.StatusOK, got.status, "%s", got.body)
		}
	})
}

func between(text, before, after string) string {
	_, rest, _ := strings.Cut(text, before)
	found, _, _ := strings.Cut(rest, after)
	return found
}

func TestPooler(t *testing.T) {
	t.Parallel()

	t.Run("PushesThroughATransactionPoolerWithADirectURL", func(t *testing.T) {
		t.Parallel()
		database := dbtest.New(t)
		r := start(t, database, func(c *server.Config) {
			c.DatabaseURL = dbtest.PgBouncer(t, database, dbtest.TransactionPooling)
			c.DatabaseDirectURL = database.DSN
			c.Migrate = true
		})
		client := follow(t, r, clientToken)
		r.createFlag("hello")
		requireSeen(t, client, isOn("hello"))
	})

	t.Run("PollsWhenOnlyATransactionPoolerIsThere", func(t *testing.T) {
		t.Parallel()
		database := dbtest.New(t)
		r := start(t, database, func(c *server.Config) {
			c.DatabaseURL = dbtest.PgBouncer(t, database, dbtest.TransactionPooling)
		})
		client := follow(t, r, clientToken)
		r.createFlag("hello")
		requireSeen(t, client, isOn("hello"))
	})

	t.Run("WorksThroughASessionPoolerAlone", func(t *testing.T) {
		t.Parallel()
		database := dbtest.New(t)
		r := start(t, database, func(c *server.Config) {
			c.DatabaseURL = dbtest.PgBouncer(t, database, dbtest.SessionPooling)
			c.DatabasePoolMax = 4
			c.Migrate = true
		})
		client := follow(t, r, clientToken)
		r.createFlag("hello")
		requireSeen(t, client, isOn("hello"))
	})

	t.Run("RefusesToMigrateThroughATransactionPooler", func(t *testing.T) {
		t.Parallel()
		database := dbtest.New(t)
		_, err := database.Pool.Exec(t.Context(), `DROP TABLE schema_migrations`) // a current schema needs no migrator
		require.NoError(t, err)
		_, err = server.New(t.Context(), server.Config{DatabaseURL: dbtest.PgBouncer(t, database, dbtest.TransactionPooling), Migrate: true})
		require.ErrorContains(t, err, "DATABASE_DIRECT_URL")
	})
}

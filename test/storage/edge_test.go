package storage

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/edge"
	"github.com/pennonhq/pennon/edge/storage"
)

const secret = "*:development.very-secret"

// upstream is a server that polls are answered by, and that can go away.
type upstream struct {
	*httptest.Server

	up   atomic.Bool
	flag atomic.Value // name of the only flag
}

func newUpstream(t *testing.T, flag string) *upstream {
	t.Helper()
	u := &upstream{}
	u.up.Store(true)
	u.flag.Store(flag)
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !u.up.Load():
			w.WriteHeader(http.StatusBadGateway)
		case r.URL.Path == "/edge/validate":
			_, _ = io.WriteString(w, `{"tokens":[{"token":"`+secret+`","type":"client","environment":"development","projects":["*"]}]}`)
		case r.URL.Path == "/api/client/features":
			_, _ = io.WriteString(w, document(u.flag.Load().(string)))
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(u.Close)
	return u
}

func document(flag string) string {
	return `{"version":2,"features":[{"name":"` + flag + `","type":"release","project":"default","enabled":true,"strategies":[{"name":"default"}]}]}`
}

// running is an edge that serves.
type running struct {
	*edge.Edge

	log  *lines
	stop func() // and waits
}

// lines is a log that tests look into.
type lines struct {
	mu   sync.Mutex
	text strings.Builder // mu
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) has(part string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), part)
}

func config(u *upstream, keep storage.Open, log io.Writer) edge.Config {
	return edge.Config{
		Surface: edge.Surface{Host: "127.0.0.1", ShutdownGrace: time.Millisecond, Logger: slog.New(slog.NewTextHandler(log, nil))},
		URL:     u.URL, Tokens: []string{secret}, Storage: keep, RefreshInterval: 50 * time.Millisecond,
	}
}

func serve(t *testing.T, u *upstream, keep storage.Open) *running {
	t.Helper()
	log := &lines{}
	e, err := edge.New(t.Context(), config(u, keep, log))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	r := &running{Edge: e, log: log, stop: sync.OnceFunc(func() { cancel(); require.NoError(t, <-done) })}
	t.Cleanup(r.stop)
	return r
}

// requireServes waits until the edge serves a flag.
func (r *running) requireServes(t *testing.T, flag string) {
	t.Helper()
	await(t, func() bool { return strings.Contains(r.features(t), `"`+flag+`"`) })
}

func (r *running) features(t *testing.T) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.URL()+"/api/client/features", nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", secret)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	require.NoError(t, err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return string(body)
}

// kept waits for what is kept under the one key that an edge has.
func kept(t *testing.T, server *redisServer, flag string) (key string, content map[string]any) {
	t.Helper()
	await(t, func() bool {
		for _, name := range server.command(t, "KEYS", "pennon-edge:*").([]any) {
			key = string(name.([]byte))
			text := server.command(t, "GET", key).([]byte)
			require.NotContains(t, string(text), "very-secret")
			content = nil
			return json.Unmarshal(text, &content) == nil && strings.Contains(string(text), `"`+flag+`"`)
		}
		return false
	})
	return key, content
}

func TestEdgesBackup(t *testing.T) {
	t.Parallel()

	t.Run("OutlivesTheEdgeAndTheServersOnRedis", func(t *testing.T) {
		t.Parallel()
		server := newRedis(t)
		server.start(t)
		keep, err := storage.OpenRedis(storage.RedisOptions{URLs: []string{"redis://" + server.address}})
		require.NoError(t, err)
		u := newUpstream(t, "a")
		first := serve(t, u, keep)
		first.requireServes(t, "a")
		kept(t, server, "a")

		server.stop() // what changes meanwhile is kept when Redis is back
		u.flag.Store("b")
		first.requireServes(t, "b")
		await(t, func() bool { return first.log.has("the backup is not up to date") })
		server.start(t)
		key, content := kept(t, server, "b")
		await(t, func() bool { return first.log.has("up to date again") })
		first.stop()

		u.up.Store(false)
		second := serve(t, u, keep)
		second.requireServes(t, "b")
		second.stop()

		server.stop() // neither the upstream nor Redis: nothing to serve until one of them is there
		third := serve(t, u, keep)
		require.Contains(t, third.features(t), "Try again")
		require.True(t, third.log.has("the backup cannot be read"))
		require.Error(t, third.Ready())
		server.start(t)
		third.requireServes(t, "b")
		require.NoError(t, third.Ready())
		third.stop()

		content["version"] = 1000
		newer, err := json.Marshal(content)
		require.NoError(t, err)
		server.command(t, "SET", key, newer)
		_, err = edge.New(t.Context(), config(u, keep, io.Discard))
		require.ErrorContains(t, err, "newer version")
		require.ErrorContains(t, err, key)

		server.command(t, "SET", key, `{"version":1,"environments":{"dev`)
		u.up.Store(true)
		fourth := serve(t, u, keep)
		require.True(t, fourth.log.has("the backup is broken"))
		fourth.requireServes(t, "b")
		kept(t, server, "b")
	})

	t.Run("TakesOverUnleashEdgesOnRedis", func(t *testing.T) {
		t.Parallel()
		server := newRedis(t)
		server.start(t)
		server.command(t, "SET", "unleash-features", `[["development",`+document("theirs")+`]]`)
		server.command(t, "SET", "unleash-tokens", `[{"token":"`+secret+`","type":"client","environment":"development","projects":["*"],"status":"Validated"}]`)
		keep, err := storage.OpenRedis(storage.RedisOptions{URLs: []string{"redis://" + server.address}})
		require.NoError(t, err)
		u := newUpstream(t, "ours")
		u.up.Store(false)
		r := serve(t, u, keep)
		r.requireServes(t, "theirs")
		r.stop()
		kept(t, server, "theirs")
	})

	t.Run("OutlivesTheServersOnS3", func(t *testing.T) {
		t.Parallel()
		var up atomic.Bool
		inner := newS3(t)
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !up.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			inner.ServeHTTP(w, r)
		}))
		t.Cleanup(server.Close)
		keep, err := storage.OpenS3(s3Options(server.URL))
		require.NoError(t, err)
		u := newUpstream(t, "a")
		first := serve(t, u, keep)
		first.requireServes(t, "a")
		require.True(t, first.log.has("the backup cannot be read"))
		up.Store(true)
		await(t, func() bool { return first.log.has("can be read again") })
		first.stop() // writes what is there
		u.up.Store(false)
		second := serve(t, u, keep)
		second.requireServes(t, "a")
	})
}

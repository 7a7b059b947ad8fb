package storage

import (
	"context"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/gomodule/redigo/redis"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/edge/storage"
)

var (
	backup   = storage.Object{Kind: storage.Backup, Version: 1}
	features = storage.Object{Kind: storage.ImportedFeatures}
)

func openRedis(t *testing.T, options storage.RedisOptions, owner string) storage.Storage {
	t.Helper()
	open, err := storage.OpenRedis(options)
	require.NoError(t, err)
	s, err := open(owner)
	require.NoError(t, err)
	return s
}

// requireKept writes, and reads as the next start would.
func requireKept(t *testing.T, s storage.Storage) {
	t.Helper()
	require.NoError(t, s.Prepare(t.Context()))
	_, _, err := s.Load(t.Context(), backup)
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, content := range []string{"one", `{"two":2}`} {
		require.NoError(t, s.Save(t.Context(), backup, []byte(content)))
		loaded, _, err := s.Load(t.Context(), backup)
		require.NoError(t, err)
		require.Equal(t, content, string(loaded))
	}
	_, _, err = s.Load(t.Context(), storage.Object{Kind: storage.Backup, Version: 2})
	require.ErrorIs(t, err, fs.ErrNotExist, "each version has an object of its own")
	_, _, err = s.Load(t.Context(), features)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestRedis(t *testing.T) {
	t.Parallel()

	t.Run("KeepsAnObjectForEachOwnerAndForgetsThemAtLast", func(t *testing.T) {
		t.Parallel()
		server := newRedis(t)
		server.start(t)
		one := openRedis(t, storage.RedisOptions{URLs: []string{"redis://" + server.address + "/3"}}, "one")
		requireKept(t, one)
		requireKept(t, openRedis(t, storage.RedisOptions{URLs: []string{"tcp://" + server.address + "/3"}}, "two"))
		life, err := redis.Int(server.command(t, "EVAL", "redis.call('SELECT', 3) return redis.call('TTL', 'pennon-edge:v1:one')", 0), nil)
		require.NoError(t, err)
		require.InDelta(t, 35*24*3600, life, 60)
		require.Contains(t, one.Spell(backup), server.address)
	})

	t.Run("NeedsThePasswordAndTellsNobody", func(t *testing.T) {
		t.Parallel()
		server := newRedis(t, "--requirepass", "first-secret", "--user", "edge", "on", ">other-secret", "~*", "+@all")
		server.start(t)
		requireKept(t, openRedis(t, storage.RedisOptions{URLs: []string{"redis://:first-secret@" + server.address}}, "one"))
		requireKept(t, openRedis(t, storage.RedisOptions{URLs: []string{"redis://" + server.address}, Username: "edge", Password: "other-secret"}, "two"))
		host, port := hostPort(t, server.address)
		wrong := openRedis(t, storage.RedisOptions{Host: host, Port: port, Password: "no-secret"}, "one")
		_, _, err := wrong.Load(t.Context(), backup)
		require.ErrorContains(t, err, "WRONGPASS")
		require.NotContains(t, err.Error(), "no-secret")
	})

	t.Run("SpeaksTLSAndChecksTheCertificate", func(t *testing.T) {
		t.Parallel()
		certFile, keyFile, roots := certificate(t)
		server := newRedis(t)
		_, port := hostPort(t, server.address)
		server.args = append(server.args, "--port", "0", "--tls-port", strconv.Itoa(port), "--tls-cert-file", certFile, "--tls-key-file", keyFile,
			"--tls-ca-cert-file", certFile, "--tls-auth-clients", "no")
		server.start(t)
		requireKept(t, openRedis(t, storage.RedisOptions{URLs: []string{"rediss://" + server.address}, Roots: roots}, "one"))
		requireKept(t, openRedis(t, storage.RedisOptions{URLs: []string{"redis://" + server.address}, Roots: roots, TLS: true}, "two"))
		requireKept(t, openRedis(t, storage.RedisOptions{URLs: []string{"rediss://" + server.address + "/#insecure"}}, "three"))
		_, _, err := openRedis(t, storage.RedisOptions{URLs: []string{"rediss://" + server.address}}, "one").Load(t.Context(), backup)
		require.ErrorContains(t, err, "certificate")
	})

	t.Run("ComesBySocket", func(t *testing.T) {
		t.Parallel()
		server := newRedis(t)
		server.address = filepath.Join(server.folder, "s")
		server.args = append(server.args, "--port", "0", "--unixsocket", server.address)
		server.start(t)
		requireKept(t, openRedis(t, storage.RedisOptions{Scheme: "redis-unix", Host: server.address}, "one"))
		requireKept(t, openRedis(t, storage.RedisOptions{URLs: []string{"unix://" + server.address + "?db=2"}}, "one"))
	})

	t.Run("FollowsAClusterFromAnyOfItsNodes", func(t *testing.T) {
		t.Parallel()
		nodes := newCluster(t)
		gone := freeAddress(t)
		for i, node := range nodes {
			options := storage.RedisOptions{URLs: []string{"redis://" + gone, "redis://" + node.address}, Cluster: true}
			for key := range 4 { // of different slots
				requireKept(t, openRedis(t, options, fmt.Sprintf("%d-%d", i, key)))
			}
		}
		for _, node := range nodes {
			held, err := redis.Int(node.command(t, "DBSIZE"), nil)
			require.NoError(t, err)
			require.Positive(t, held)
		}
		single := storage.RedisOptions{URLs: []string{"redis://" + nodes[0].address}}
		var hinted error
		for key := range 8 {
			if err := openRedis(t, single, fmt.Sprint(key)).Save(t.Context(), backup, nil); err != nil {
				hinted = err
			}
		}
		require.ErrorContains(t, hinted, "--redis-mode cluster")
	})

	t.Run("GivesUpOnAServerThatSaysNothing", func(t *testing.T) {
		t.Parallel()
		silent := newSilent(t)
		s := openRedis(t, storage.RedisOptions{URLs: []string{"redis://" + silent}, ReadTimeout: 50 * time.Millisecond}, "one")
		require.ErrorContains(t, s.Save(t.Context(), backup, []byte("x")), "timeout")
		patient := openRedis(t, storage.RedisOptions{URLs: []string{"redis://" + silent}, ReadTimeout: time.Hour}, "one")
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		require.Error(t, patient.Save(ctx, backup, []byte("x")))
	})

	t.Run("RefusesAddressesThatAreNone", func(t *testing.T) {
		t.Parallel()
		for text, why := range map[string]string{
			"http://cache":          "rediss",
			"redis://":              "names no host",
			"unix://":               "names no socket",
			"redis://cache/x":       "number",
			"redis://user@cache":    "password",
			"redis://a b:secret@c/": "no URL",
		} {
			_, err := storage.OpenRedis(storage.RedisOptions{URLs: []string{text}})
			require.ErrorContains(t, err, why, text)
			require.NotContains(t, err.Error(), "secret")
		}
		_, err := storage.OpenRedis(storage.RedisOptions{URLs: []string{"redis://a", "redis://b"}})
		require.ErrorContains(t, err, "cluster")
		_, err = storage.OpenRedis(storage.RedisOptions{})
		require.ErrorContains(t, err, "--redis-host")
	})
}

// newSilent takes connections and never answers.
func newSilent(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	return listener.Addr().String()
}

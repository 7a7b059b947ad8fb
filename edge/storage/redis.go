package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/gomodule/redigo/redis"
)

const (
	// redisLife is how long Redis keeps a backup that nobody renews; edges renew theirs every day. It is longer than an edge
	// believes what a backup says of tokens.
	redisLife = 35 * 24 * time.Hour

	// redirectsMax is how often one command is sent on by the nodes of a cluster.
	redirectsMax = 8
)

// Redis keeps objects in a Redis server or cluster. It connects for each call: they are rare. Edges may share a server.
type Redis struct {
	options RedisOptions
	servers []server // any of a cluster's nodes, or the one there is
	owner   string
}

var _ Storage = (*Redis)(nil)

// OpenRedis checks the options. It does not connect.
func OpenRedis(options RedisOptions) (Open, error) {
	servers, err := options.servers()
	if err != nil {
		return nil, err
	}
	return func(owner string) (Storage, error) {
		return &Redis{options: options, servers: servers, owner: owner}, nil
	}, nil
}

func (r *Redis) key(object Object) string {
	switch object.Kind {
	case ImportedFeatures:
		return "unleash-features"
	case ImportedTokens:
		return "unleash-tokens"
	default:
		return fmt.Sprintf("pennon-edge:v%d:%s", object.Version, r.owner)
	}
}

// Spell implements Storage.
func (r *Redis) Spell(object Object) string {
	return "key " + r.key(object) + " of Redis at " + r.servers[0].address
}

// Prepare implements Storage.
func (r *Redis) Prepare(context.Context) error { return nil }

// Load implements Storage. Redis does not know when something was written.
func (r *Redis) Load(ctx context.Context, object Object) (content []byte, written time.Time, err error) {
	content, err = redis.Bytes(r.do(ctx, "GET", r.key(object)))
	if errors.Is(err, redis.ErrNil) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("read backup from Redis: %w", err)
	}
	return content, time.Time{}, nil
}

// Save implements Storage.
func (r *Redis) Save(ctx context.Context, object Object, content []byte) error {
	if _, err := r.do(ctx, "SET", r.key(object), content, "EX", int(redisLife.Seconds())); err != nil {
		return fmt.Errorf("write backup to Redis: %w", err)
	}
	return nil
}

// Close implements Storage.
func (r *Redis) Close() error { return nil }

// do sends a command to the first server that can be reached, and to where a cluster's nodes say the key is.
func (r *Redis) do(ctx context.Context, command string, args ...any) (any, error) {
	var unreachable []error
	for _, at := range r.servers {
		reply, err := r.ask(ctx, at, false, command, args...)
		for range redirectsMax {
			next, asking, moved := redirected(at, err)
			if !moved {
				break
			}
			if !r.options.Cluster {
				return nil, fmt.Errorf("%w (the server belongs to a cluster: set --redis-mode cluster)", err)
			}
			at = next
			reply, err = r.ask(ctx, at, asking, command, args...)
		}
		var answered redis.Error
		if err == nil || errors.As(err, &answered) {
			return reply, err
		}
		unreachable = append(unreachable, fmt.Errorf("%s: %w", at.address, err))
	}
	return nil, errors.Join(unreachable...)
}

// ask sends one command to one server.
func (r *Redis) ask(ctx context.Context, at server, asking bool, command string, args ...any) (any, error) {
	connection, err := redis.DialContext(ctx, at.network, at.address, r.options.dial(at)...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = connection.Close() }()
	if asking { // the key is on its way to this node
		if _, err := redis.DoContext(connection, ctx, "ASKING"); err != nil {
			return nil, err
		}
	}
	return redis.DoContext(connection, ctx, command, args...)
}

// redirected reads where a node of a cluster sends a command: MOVED 3999 127.0.0.1:6381, or ASK for this time only. Without
// a host it is the node's own.
func redirected(from server, err error) (to server, asking, ok bool) {
	var answer redis.Error
	if !errors.As(err, &answer) {
		return server{}, false, false
	}
	words := strings.Fields(string(answer))
	if len(words) != 3 || (words[0] != "MOVED" && words[0] != "ASK") {
		return server{}, false, false
	}
	at := strings.LastIndexByte(words[2], ':')
	if at < 0 {
		return server{}, false, false
	}
	host, port := strings.Trim(words[2][:at], "[]"), words[2][at+1:]
	if host == "" {
		host, _, _ = net.SplitHostPort(from.address)
	}
	to = from
	to.network, to.address = "tcp", net.JoinHostPort(host, port)
	return to, words[0] == "ASK", true
}

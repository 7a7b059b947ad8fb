package edge

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/token"
)

const (
	secretDevelopment = "*:development.secret"
	secretProduction  = "*:production.secret"
	secretOne         = "one:production.secret"
	secretTwo         = "two:production.secret"
)

// twoEnvironments is a server with four tokens.
func twoEnvironments(t *testing.T) *server {
	t.Helper()
	return twoEnvironmentsOn(t, nil)
}

func twoEnvironmentsOn(t *testing.T, through *pipes) *server {
	t.Helper()
	s := startServer(t, through, snapshotAt(100, map[string][]replica.Feature{
		"development": {*made("a", "one", true), *made("b", "two", true)},
		"production":  {*made("a", "one", false), *made("b", "two", false)},
	}))
	s.tokens.set(secretDevelopment, token.Client, token.NewScope("development", token.All))
	s.tokens.set(secretProduction, token.Client, token.NewScope("production", token.All))
	s.tokens.set(secretOne, token.Client, token.NewScope("production", "one"))
	s.tokens.set(secretTwo, token.Client, token.NewScope("production", "two"))
	return s
}

// replicaOf is an Upstream that fills a store.
type replicaOf struct {
	*Upstream

	wire  *wire
	store *replica.Store
	stop  func()
}

func startReplica(t *testing.T, s *server, change func(*UpstreamConfig), secrets ...string) *replicaOf {
	t.Helper()
	return startReplicaAfter(t, s, nil, nil, change, secrets...)
}

// startReplicaAfter has it go on where an earlier one has ended.
func startReplicaAfter(
	t *testing.T, s *server, earlier *position, flags map[string]json.RawMessage, change func(*UpstreamConfig), secrets ...string,
) *replicaOf {
	t.Helper()
	r := &replicaOf{wire: newWire(t)}
	r.wire.pipes = s.pipes
	config := UpstreamConfig{URL: s.URL + "/api", Transport: r.wire.Transport, Version: "test", Open: true}
	var tokens []UpstreamToken
	for _, secret := range secrets {
		known, err := s.tokens.Token(t.Context(), secret)
		require.NoError(t, err)
		tokens = append(tokens, UpstreamToken{Secret: secret, Environment: known.Scope.Environment, Projects: known.Scope.Projects()})
	}
	if change != nil {
		change(&config)
	}
	var err error
	r.Upstream, err = NewUpstream(config)
	require.NoError(t, err)
	r.store = replica.NewStore(r.config.Logger)
	if earlier != nil {
		r.resume(earlier)
	}
	for _, one := range tokens {
		r.Add(one, flags[one.Environment])
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx, r.store) }()
	r.stop = func() {
		cancel()
		require.NoError(t, <-done)
	}
	return r
}

// all reports whether every feed is brought in that mode.
func (r *replicaOf) all(mode Mode) bool {
	for _, s := range r.Status() {
		if !s.Filled || !s.Connected || s.Mode != mode {
			return false
		}
	}
	return true
}

func TestLink(t *testing.T) {
	t.Parallel()

	t.Run("BringsAllTokensOverOneConnectionWithTheServersCursors", func(t *testing.T) {
		t.Parallel()
		s := twoEnvironments(t)
		r := startReplica(t, s, nil, secretDevelopment, secretProduction)
		defer r.stop()
		eventually(t, func() bool { return r.all(Link) })
		require.Equal(t, s.store.Cursor(), r.store.Cursor(), "revision and mark")
		require.NoError(t, r.Ready())
		head := s.put("production", "a", made("a", "one", true))
		eventually(t, func() bool { return r.store.Cursor() == head })
		for _, environment := range []string{"development", "production"} {
			scope := token.NewScope(environment, token.All)
			require.Equal(t, etag(s.store, scope), etag(r.store, scope))
		}
		require.Equal(t, 1, s.times("/api/client/edge/link"))
		require.Zero(t, s.times("/api/client/streaming")+s.times("/api/client/features")+s.times("/api/client/delta"))
		require.Equal(t, int64(2), r.wire.hydrations.Load())
	})

	t.Run("ResumesWhereItWas", func(t *testing.T) {
		t.Parallel()
		s := twoEnvironments(t)
		r := startReplica(t, s, nil, secretDevelopment, secretProduction)
		defer r.stop()
		eventually(t, func() bool { return r.all(Link) })
		r.wire.cut(false)
		head := s.put("production", "a", nil)
		eventually(t, func() bool { return r.store.Cursor() == head })
		require.Equal(t, 2, s.times("/api/client/edge/link"))
		require.Equal(t, int64(2), r.wire.hydrations.Load(), "nothing came twice")
	})

	t.Run("TakesTokensInWhileItIsUp", func(t *testing.T) {
		t.Parallel()
		s := twoEnvironments(t)
		r := startReplica(t, s, nil, secretOne)
		defer r.stop()
		eventually(t, func() bool { return r.all(Link) })
		head := r.store.Cursor()
		r.Add(UpstreamToken{Secret: secretDevelopment, Environment: "development", Projects: []string{token.All}}, nil)
		r.Add(UpstreamToken{Secret: secretTwo, Environment: "production", Projects: []string{"two"}}, nil)
		eventually(t, func() bool { return len(r.Status()) == 3 && r.all(Link) })
		require.Equal(t, head, r.store.Cursor(), "nobody has to be told")
		require.Equal(t, 1, s.times("/api/client/edge/link"))
		all := token.NewScope("production", token.All)
		require.Equal(t, etag(s.store, all), etag(r.store, all))

		r.Remove(secretTwo)
		eventually(t, func() bool {
			return etag(r.store, all) == etag(s.store, token.NewScope("production", "one")) || !has(r.store, "production", "b")
		})
		head = s.put("production", "a", made("a", "one", true))
		eventually(t, func() bool { return r.store.State("production").Cursor().Revision >= head.Revision })
	})

	t.Run("GivesWayToOtherModesWhereTheServerHasNone", func(t *testing.T) {
		t.Parallel()
		s := twoEnvironments(t)
		s.without.Store(true)
		r := startReplica(t, s, nil, secretDevelopment, secretProduction)
		defer r.stop()
		eventually(t, func() bool { return r.all(Streaming) })
		s.put("production", "a", made("a", "one", true))
		scope := token.NewScope("production", token.All)
		eventually(t, func() bool { return etag(s.store, scope) == etag(r.store, scope) })
	})

	t.Run("IsRuledOutByOptionsAndFilters", func(t *testing.T) {
		t.Parallel()
		s := twoEnvironments(t)
		for _, change := range []func(*UpstreamConfig){
			func(c *UpstreamConfig) { c.Prefer = Streaming },
			func(c *UpstreamConfig) { c.Filter.NamePrefix = "a" },
			func(c *UpstreamConfig) { c.Transport = http.RoundTripper(hidden{c.Transport}) },
		} {
			r := startReplica(t, s, change, secretProduction)
			eventually(t, func() bool { return r.all(Streaming) })
			r.stop()
		}
		require.Zero(t, s.times("/api/client/edge/link"))
	})

	t.Run("LetsARefusedTokenGoItsOwnWay", func(t *testing.T) {
		t.Parallel()
		s := twoEnvironments(t)
		r := startReplica(t, s, nil, secretOne, secretDevelopment)
		defer r.stop()
		eventually(t, func() bool { return r.all(Link) })
		delete(s.tokens.known, secretOne)
		s.links.TokenChanged(tokenID(secretOne), "revoked")
		eventually(t, func() bool { return r.Status()[0].Refused })
		require.ErrorContains(t, r.Ready(), "refuses the token one:production.")
		require.True(t, has(r.store, "production", "a"), "what there is is served")
		head := s.put("development", "a", made("a", "one", false))
		eventually(t, func() bool { return r.store.Cursor() == head }, "the others go on")

		r.wire.cut(false)
		head = s.put("development", "a", made("a", "one", true))
		eventually(t, func() bool { return r.store.Cursor() == head }, "even if it is the first")
	})
}

// hidden is a transport of unknown kind.
type hidden struct{ http.RoundTripper }

func has(store *replica.Store, environment, name string) bool {
	state := store.State(environment)
	if state == nil {
		return false
	}
	for present := range state.Names(replica.Query{Scope: token.NewScope(environment, token.All)}) {
		if present == name {
			return true
		}
	}
	return false
}

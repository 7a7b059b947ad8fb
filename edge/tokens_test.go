package edge

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/token"
)

// registry is what a fake upstream knows of tokens.
type registry struct {
	mu    sync.Mutex
	known map[string]edgeTokenSchema // mu
	asked int                        // mu
}

func newRegistry(tokens ...edgeTokenSchema) *registry {
	r := &registry{known: map[string]edgeTokenSchema{}}
	for _, t := range tokens {
		r.set(t)
	}
	return r
}

func (r *registry) set(t edgeTokenSchema) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[t.Token] = t
}

func (r *registry) revoke(secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, secret)
}

func (r *registry) answer(request *http.Request) *http.Response {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	var question struct{ Tokens []string }
	body, _ := io.ReadAll(request.Body)
	_ = json.Unmarshal(body, &question)
	valid := []edgeTokenSchema{}
	for _, secret := range question.Tokens {
		if t, ok := r.known[secret]; ok {
			valid = append(valid, t)
		}
	}
	return reply(http.StatusOK, string(encoded(edgeTokensSchema{Tokens: &valid})))
}

func (r *registry) questions() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked
}

func schema(secret, kind string, projects ...string) edgeTokenSchema {
	return edgeTokenSchema{Token: secret, Type: kind, Environment: "development", Projects: projects}
}

const pathValidate = "/edge/validate"

// world is an edge without its HTTP, in front of a fake, in synctest's time.
type world struct {
	*rig
	*admission

	registry *registry
	changes  []string
}

func newWorld(t *testing.T, dynamic bool, startup []string, tokens ...edgeTokenSchema) *world {
	t.Helper()
	f, known := newFake(), newRegistry(tokens...)
	f.on(pathValidate, known.answer)
	f.on(pathFeatures, always(http.StatusOK, features(flag("a", true)), "Etag", `"x:1"`))
	w := &world{registry: known}
	w.rig = start(t, f, func(c *UpstreamConfig) { c.Tokens, c.Open = nil, true })
	t.Cleanup(func() { w.stop() })
	checked := newTokens(w.validate, slog.New(slog.DiscardHandler))
	w.admission = newAdmission(checked, w.Upstream, startup, dynamic, slog.New(slog.DiscardHandler))
	checked.changed = func(id string, revoked bool) {
		w.changes = append(w.changes, id)
		if revoked {
			w.revoked(id)
		}
	}
	return w
}

// settled runs the start of the edge until it has nothing more to do.
func (w *world) settled(t *testing.T) {
	t.Helper()
	ctx, cancel := contextOf(t)
	t.Cleanup(cancel)
	go func() { _ = w.run(ctx) }()
	synctest.Wait()
}

func (w *world) requireFault(t *testing.T, kind fault.Kind, secret, message string) {
	t.Helper()
	_, err := w.Token(t.Context(), secret)
	require.Error(t, err)
	require.True(t, fault.Is(err, kind), "%v", err)
	require.Contains(t, err.Error(), message)
}

func (w *world) requireServed(t *testing.T, secret string, kind token.Kind) {
	t.Helper()
	known, err := w.Token(t.Context(), secret)
	require.NoError(t, err)
	require.Equal(t, kind, known.Kind)
}

func TestStrictEdgesServeWhatTheirTokensSee(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, false, []string{"all", "one", "all"},
			schema("all", "client", "p", "q"), schema("one", "BACKEND", "p"), schema("part", "backend", "q"), schema("wide", "client", "p", "z"),
			schema("star", "client", "*"), schema("browser", "frontend", "p"), schema("root", "admin", "*"),
			edgeTokenSchema{Token: "elsewhere", Type: "frontend", Environment: "production", Project: "*"}, schema("odd", "robot", "*"))
		w.settled(t)
		require.NoError(t, w.Ready())
		require.Len(t, w.Status(), 1, "one token brings what both see")
		require.NoError(t, w.Upstream.Ready())

		for _, secret := range []string{"all", "one", "part"} {
			w.requireServed(t, secret, token.Client)
		}
		w.requireServed(t, "browser", token.Frontend)
		w.requireServed(t, "root", token.Admin)
		w.requireFault(t, fault.Denied, "wide", "none of the tokens it was started with")
		w.requireFault(t, fault.Denied, "star", "development")
		w.requireFault(t, fault.Denied, "elsewhere", "production")
		w.requireFault(t, fault.Unauthenticated, "nobody", "not known")
		w.requireFault(t, fault.Unauthenticated, "odd", "not known")
	})
}

func TestDynamicEdgesFetchWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, true, nil, schema("p", "client", "p"), schema("all", "client", "*"), schema("browser", "frontend", "*"))
		w.settled(t)
		w.requireFault(t, fault.Denied, "browser", "backend token")
		w.requireServed(t, "p", token.Client)
		w.requireServed(t, "browser", token.Frontend)
		w.requireServed(t, "all", token.Client)
		require.Len(t, w.Status(), 1, "the wider token takes the place of the other")
		w.requireServed(t, "p", token.Client)

		w.registry.revoke("all")
		require.NoError(t, w.tokens.revalidate(t.Context(), func(*knownToken) bool { return true }))
		synctest.Wait()
		require.Equal(t, []string{tokenID("all")}, w.changes)
		w.requireFault(t, fault.Unauthenticated, "all", "not known")
		require.Empty(t, w.Status(), "nobody may see its flags any more")
		w.requireServed(t, "p", token.Client)
		require.Len(t, w.Status(), 1)
	})
}

func TestTokensOfTheStartThatBringNothingAreNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, false, []string{"browser", "late"}, schema("browser", "frontend", "*"))
		w.settled(t)
		require.ErrorContains(t, w.Ready(), "token of type frontend: an edge fetches flags with backend (client) tokens")
		w.registry.set(schema("late", "client", "*"))
		advance(time.Minute)
		w.requireServed(t, "late", token.Client)
		require.NoError(t, w.Ready(), "one bad token does not take the flags of the others away")
		problems := w.problems()
		require.Len(t, problems, 1)
		require.Equal(t, token.Redact("browser"), problems[0].Token)
		require.Contains(t, problems[0].Error, "token of type frontend")

		w.fake.on(pathValidate, unreachable)
		advance(time.Hour)
		require.NoError(t, w.Ready(), "what the upstream has said counts while it is away")
	})
}

func TestOneUnknownTokenOfTheStartIsNoReasonNotToBeReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, false, []string{"*:production.missing", "good"}, schema("good", "client", "*"))
		w.settled(t)
		advance(time.Minute)
		require.NoError(t, w.Ready())
		require.Equal(t, "production", w.problems()[0].Environment)
		require.Contains(t, w.problems()[0].Error, "does not know")
	})
}

func TestUnknownTokensAreForgottenSoonAndAskedAboutOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, false, []string{"all"}, schema("all", "client", "*"))
		w.settled(t)
		before := w.registry.questions()
		var asking sync.WaitGroup
		for range 50 {
			asking.Go(func() {
				_, err := w.Token(t.Context(), "early")
				require.True(t, fault.Is(err, fault.Unauthenticated))
			})
		}
		asking.Wait()
		require.Equal(t, before+1, w.registry.questions())
		w.registry.set(schema("early", "client", "*"))
		w.requireFault(t, fault.Unauthenticated, "early", "not known")
		advance(unknownFor)
		w.requireServed(t, "early", token.Client)
	})
}

func TestAnUpstreamThatIsAwayMakesNoTokenUnknown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, false, []string{"all"}, schema("all", "client", "*"), schema("new", "client", "*"))
		w.settled(t)
		w.requireServed(t, "all", token.Client)
		w.fake.on(pathValidate, unreachable)
		w.requireFault(t, fault.Unavailable, "new", "cannot be asked")
		w.fake.on(pathValidate, always(http.StatusBadGateway, ""))
		advance(unreachableFor)
		w.requireFault(t, fault.Unavailable, "new", "cannot be asked")
		require.Error(t, w.tokens.revalidate(t.Context(), func(*knownToken) bool { return true }))
		w.requireServed(t, "all", token.Client)
		w.fake.on(pathValidate, w.registry.answer)
		advance(unreachableFor)
		w.requireServed(t, "new", token.Client)
	})
}

func TestTokensAreUnavailableUntilTheStartIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, false, []string{"all"}, schema("all", "client", "*"), schema("browser", "frontend", "*"))
		w.requireFault(t, fault.Unavailable, "all", "not loaded yet")
		w.requireFault(t, fault.Unavailable, "browser", "not loaded yet")
		require.Error(t, w.Ready())
		w.settled(t)
		w.requireServed(t, "all", token.Client)
		w.requireServed(t, "browser", token.Frontend)
	})
}

func TestAnUpstreamWithoutValidationIsBelievedAboutTheTokensOfTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, false, []string{testToken})
		w.fake.on(pathValidate, always(http.StatusNotFound, ""))
		w.settled(t)
		require.NoError(t, w.Ready())
		w.requireServed(t, testToken, token.Client)
	})
}

func TestTokensOfAnEarlierRunCountWhileTheUpstreamIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, false, []string{"all"})
		w.fake.on(pathValidate, unreachable)
		w.fake.on(pathFeatures, unreachable)
		body := features(flag("kept", true))
		w.earlier = func(string) []byte { return []byte(body) }
		for secret, kind := range map[string]token.Kind{"all": token.Client, "gone": token.Client, "browser": token.Frontend} {
			w.tokens.recall(token.Hash(secret), &token.Token{ID: tokenID(secret), Kind: kind, Scope: token.NewScope("development", "*")}, time.Now())
		}
		w.settled(t)
		w.requireServed(t, "all", token.Client)
		w.requireServed(t, "gone", token.Client)
		w.requireServed(t, "browser", token.Frontend)
		w.requireFault(t, fault.Unavailable, "new", "cannot be asked")
		require.Equal(t, map[string]bool{"kept": true}, w.flags(t, "development"))

		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = w.tokens.run(ctx, time.Hour) }()
		w.registry.set(schema("all", "client", "*"))
		w.fake.on(pathValidate, w.registry.answer)
		w.fake.on(pathFeatures, always(http.StatusOK, features(flag("fresh", true)), "Etag", `"x:9"`))
		advance(time.Minute)
		require.Equal(t, map[string]bool{"fresh": true}, w.flags(t, "development"), "the backup never overrides the upstream")
		w.requireServed(t, "all", token.Client)
		w.requireFault(t, fault.Unauthenticated, "gone", "not known")
	})
}

package stream_test

import (
	"bufio"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/stream"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/sse"
)

func TestStreamOpensWithEverythingAndGoesOnWithChanges(t *testing.T) {
	t.Parallel()
	w := setup(t, options{})
	r := w.open("all", "Accept-Encoding", "gzip")
	require.Equal(t, "text/event-stream", r.response.Header.Get("Content-Type"))
	require.Equal(t, "no-cache, no-transform", r.response.Header.Get("Cache-Control"))
	require.Empty(t, r.response.Header.Get("Content-Encoding"))

	first := w.next(r)
	require.Equal(t, "unleash-connected", first.Name)
	require.Equal(t, "3-abc00003", first.ID)
	require.Contains(t, first.Data, `{"events":[{"type":"hydration","eventId":3,`)
	require.Equal(t, map[string]bool{"a": true, "b": true}, r.state)

	w.set("a", "one", false)
	second := w.next(r)
	require.Equal(t, "unleash-updated", second.Name)
	require.Equal(t, "4-abc00004", second.ID)
	require.Contains(t, second.Data, `{"events":[{"type":"feature-updated","eventId":4,`)
	require.Equal(t, map[string]bool{"a": false, "b": true}, r.state)
}

func TestTokensSeeTheirProjectsOnly(t *testing.T) {
	t.Parallel()
	w := setup(t, options{})
	r := w.open("one")
	require.NotContains(t, w.next(r).Data, `"b"`)
	w.set("b", "two", false)
	w.set("a", "one", false)
	e := w.next(r)
	require.NotContains(t, e.Data, `"b"`)
	require.Equal(t, map[string]bool{"a": false}, r.state)
	require.Equal(t, "5-abc00005", e.ID)
}

func TestQueryNarrowsWhatTheTokenSees(t *testing.T) {
	t.Parallel()
	w := setup(t, options{})
	for query, expected := range map[string]string{
		"?namePrefix=b": `"b"`, "?project=one": `"a"`, "?project=one&project=two&namePrefix=a": `"a"`,
	} {
		response := w.request(stream.PathEvents+query, "all")
		r := &reader{response: response, lines: newLines(response), state: map[string]bool{}}
		require.Contains(t, w.next(r).Data, expected, query)
		require.Len(t, r.state, 1, query)
	}
	response := w.request(stream.PathEvents+"?project=two", "one")
	r := &reader{response: response, lines: newLines(response), state: map[string]bool{}}
	w.next(r)
	require.Equal(t, map[string]bool{"a": true}, r.state, "a token that names projects is not narrowed, as in /api/client/features")
	require.Equal(t, http.StatusBadRequest, w.request(stream.PathEvents+"?tag=bad", "all").StatusCode)
}

func TestResumeSendsWhatWasMissed(t *testing.T) {
	t.Parallel()
	w := setup(t, options{})
	w.set("a", "one", false)
	w.set("b", "two", false)
	for name, c := range map[string]struct{ last, data, id string }{
		"FromAMark":       {"3-abc00003", `"type":"feature-updated"`, "5-abc00005"},
		"FromTheHead":     {"5-abc00005", `{"events":[]}`, "5-abc00005"},
		"FromANumber":     {"4", `"name":"b"`, "5-abc00005"},
		"FromAnotherPast": {"4-00000001", `"type":"hydration"`, "5-abc00005"},
		"FromTheFuture":   {"99-abc00005", `"type":"hydration"`, "5-abc00005"},
		"FromNonsense":    {"x-y", `"type":"hydration"`, "5-abc00005"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := w.next(w.open("all", "Last-Event-ID", c.last))
			require.Equal(t, "unleash-connected", e.Name)
			require.Contains(t, e.Data, c.data)
			require.Equal(t, c.id, e.ID)
		})
	}
}

func TestEdgesGetNumbersAsIDs(t *testing.T) {
	t.Parallel()
	w := setup(t, options{})
	r := w.open("all", "Unleash-Sdk-Type", "edge")
	require.Equal(t, "3", w.next(r).ID)
	w.set("a", "one", false)
	require.Equal(t, "4", w.next(r).ID)
}

func TestTokenThatChangedSinceIsSentEverything(t *testing.T) {
	t.Parallel()
	w := setup(t, options{})
	w.store.Apply(replica.Delta{Rows: []replica.Row{w.row(replica.KindToken, "all")}})
	require.Contains(t, w.next(w.open("all", "Last-Event-ID", "3-abc00003")).Data, "hydration")
	require.NotContains(t, w.next(w.open("one", "Last-Event-ID", "3-abc00003")).Data, "hydration")
}

func TestForkSendsEverythingOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, options{})
	r := w.open("all")
	w.next(r)
	w.features["a"] = replica.Feature{}
	delete(w.features, "a")
	w.reset(true) // the same head, other flags
	e := w.next(r)
	require.Equal(t, "unleash-updated", e.Name)
	require.Contains(t, e.Data, "hydration")
	require.Equal(t, map[string]bool{"b": true}, r.state)
	late := w.open("all", "Last-Event-ID", e.ID)
	w.next(late)
	require.Equal(t, r.state, late.state)
	for range 5 {
		w.hub.WakeAll()
	}
	before := w.hub.Stats().Messages
	w.set("c", "one", true)
	for !r.state["c"] {
		w.next(r)
	}
	for !late.state["c"] {
		w.next(late)
	}
	require.LessOrEqual(t, w.hub.Stats().Messages, before+3, "wakes without news send nothing")
}

func TestDeletedEnvironmentEndsItsStreams(t *testing.T) {
	t.Parallel()
	w := setup(t, options{})
	r := w.open("all")
	w.next(r)
	w.store.Apply(replica.Delta{
		Rows: []replica.Row{w.row(replica.KindEnvironment, environment)}, EnvironmentsDeleted: []string{environment},
	})
	_, err := r.next()
	require.ErrorIs(t, err, io.EOF)
	w.eventually(func() bool { return w.hub.Stats().Closes[sse.Gone] == 1 })
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	t.Run("TryAgainBeforeThereIsState", func(t *testing.T) {
		t.Parallel()
		w := unready(t, options{})
		require.Equal(t, http.StatusServiceUnavailable, w.request(stream.PathEvents, "all").StatusCode)
		require.Zero(t, w.streams())
	})
	t.Run("TryAgainForAnEnvironmentThatIsNotThere", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, http.StatusServiceUnavailable, setup(t, options{}).request(stream.PathEvents, "lost").StatusCode)
	})
	t.Run("PollWhenThereAreTooManyStreams", func(t *testing.T) {
		t.Parallel()
		w := setup(t, options{hub: sse.Config{MaxStreams: 1}})
		w.next(w.open("all"))
		response := w.request(stream.PathEvents, "one")
		require.Equal(t, http.StatusTooManyRequests, response.StatusCode)
		require.NotEmpty(t, response.Header.Get("Retry-After"))
	})
	t.Run("ConnectElsewhereWhenDraining", func(t *testing.T) {
		t.Parallel()
		w := setup(t, options{})
		w.hub.Drain(t.Context(), 0)
		response := w.request(stream.PathEvents, "all")
		require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
		require.True(t, response.Close)
	})
	t.Run("AskForTooMuchAtOnce", func(t *testing.T) {
		t.Parallel()
		w := setup(t, options{})
		require.Equal(t, http.StatusBadRequest, w.request(stream.PathEvents+"?namePrefix="+strings.Repeat("x", stream.MaxQuery), "all").StatusCode)
		require.Zero(t, w.streams())
	})
	t.Run("TokenRevokedMeanwhile", func(t *testing.T) {
		t.Parallel()
		w := setup(t, options{})
		w.revoke = 1 // the first check passes, the one after the admission does not
		require.Equal(t, http.StatusUnauthorized, w.request(stream.PathEvents, "all").StatusCode)
		require.Zero(t, w.streams())
	})
	t.Run("WebSocketWithoutAnUpgrade", func(t *testing.T) {
		t.Parallel()
		w := setup(t, options{})
		refused := w.request(stream.PathWebSocket, "all")
		require.Equal(t, http.StatusBadRequest, refused.StatusCode)
		require.Equal(t, "application/json; charset=utf-8", refused.Header.Get("Content-Type"))
		w.next(w.open("all"))
		w.eventually(func() bool { return w.streams() == 1 })
	})
}

func TestWebSocketResumesByParameter(t *testing.T) {
	t.Parallel()
	for _, path := range []string{stream.PathEvents, stream.PathWebSocket} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			w := setup(t, options{})
			w.set("a", "one", false)
			url := strings.Replace(w.server.URL, "http", "ws", 1) + path + "?lastEventId=3-abc00003"
			ws, response, err := websocket.DefaultDialer.Dial(url, http.Header{"Authorization": {"all"}})
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			t.Cleanup(func() { _ = ws.Close() })
			require.NoError(t, ws.SetReadDeadline(time.Now().Add(patience)))
			_, text, err := ws.ReadMessage()
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(string(text),
				`{"event":"unleash-connected","id":"4-abc00004","data":{"events":[{"type":"feature-updated","eventId":4,`), string(text))
			w.set("b", "two", false)
			_, text, err = ws.ReadMessage()
			require.NoError(t, err)
			require.Contains(t, string(text), `{"event":"unleash-updated","id":"5-abc00005"`)
		})
	}
}

func TestSlowHydrationsDoNotShutOutOthers(t *testing.T) {
	t.Parallel()
	w := setup(t, options{hydrations: 1, hub: sse.Config{WriteTimeout: time.Hour}})
	description := strings.Repeat("x", 32<<20) // more than socket buffers take
	f := w.features["a"]
	f.Description = &description
	w.features["a"] = f
	w.store.Apply(w.changed("a"))
	w.open("all") // never reads on
	require.Contains(t, w.next(w.open("one")).Data, "hydration")
	w.hub.CloseKey("all", sse.Revoked)
}

// TestClientsThatComeAndGoEndUpWithTheTruth has clients of two scopes reconnect at random, from where they were or anew,
// while flags change.
func TestClientsThatComeAndGoEndUpWithTheTruth(t *testing.T) {
	t.Parallel()
	const clients, changes = 24, 300
	w := setup(t, options{})
	type outcome struct {
		secret string
		state  map[string]bool
		err    error
	}
	outcomes := make(chan outcome, clients)
	for i := range clients {
		secret := []string{"all", "one"}[i%2]
		go func() {
			state, err := live(w.server.URL+stream.PathEvents, secret, rand.New(rand.NewPCG(1, uint64(i))))
			outcomes <- outcome{secret, state, err}
		}()
	}
	random := rand.New(rand.NewPCG(2, 0))
	names := strings.Split("abcdefghij", "")
	for range changes {
		name, project := names[random.IntN(len(names))], []string{"one", "two"}[random.IntN(2)]
		w.set(name, project, random.IntN(2) == 0)
	}
	w.set("last", "one", true)
	truth := map[string]map[string]bool{"all": {}, "one": {}}
	for name, f := range w.features {
		truth["all"][name] = f.Enabled
		if f.Project == "one" {
			truth["one"][name] = f.Enabled
		}
	}
	for range clients {
		o := <-outcomes
		require.NoError(t, o.err)
		require.Equal(t, truth[o.secret], o.state)
	}
}

// live is a client that drops its connection at random until it has seen the flag last.
func live(url, secret string, random *rand.Rand) (map[string]bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	state, id := make(map[string]bool), ""
	for !state["last"] {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		request.Header.Set("Authorization", secret)
		if random.IntN(4) == 0 {
			id = ""
		}
		request.Header.Set("Last-Event-ID", id)
		response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
		if err != nil {
			return nil, err
		}
		r := reader{lines: newLines(response), state: state}
		for range 1 + random.IntN(20) {
			e, err := r.next()
			if err != nil {
				return nil, err
			}
			if id = e.ID; state["last"] {
				break
			}
		}
		_ = response.Body.Close()
	}
	return state, nil
}

func newLines(response *http.Response) *bufio.Reader { return bufio.NewReader(response.Body) }

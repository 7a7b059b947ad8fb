//go:build unix

package sdk

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/edge"
	"github.com/pennonhq/pennon/replica"
	"github.com/pennonhq/pennon/server"
	"github.com/pennonhq/pennon/token"
)

// TestAnEdgeHoldsWhatItsServerHolds changes flags at random and compares what an edge's store answers with what the server
// does, byte for byte, over a restart of the server.
func TestAnEdgeHoldsWhatItsServerHolds(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]edge.Mode{"Link": edge.Link, "Streaming": edge.Streaming, "DeltaPolling": edge.Delta, "FullPolling": edge.Full} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := dbtest.New(t)
			upstream := start(t, database)
			var segment struct{ ID int }
			require.NoError(t, json.Unmarshal(upstream.admin(t, http.MethodPost, "/segments", map[string]any{
				"name": "beta", "constraints": []map[string]any{{"contextName": "userId", "operator": "IN", "values": []string{"7"}}},
			}), &segment))
			for i := range 12 {
				upstream.flag(t, fmt.Sprintf("flag-%02d", i), i%2 == 0, strategy{
					Name: "flexibleRollout", Parameters: map[string]string{"rollout": "50", "stickiness": "default", "groupId": "g"}, Segments: []int{segment.ID},
				})
			}
			// Before the server has read the flags itself, having none is right.
			require.Eventually(t, func() bool { return strings.Contains(answered(t, upstream), `"flag-11"`) }, patience, time.Millisecond)
			store := feed(t, upstream, mode)

			for step := range 40 {
				name := fmt.Sprintf("flag-%02d", rand.IntN(12))
				switch rand.IntN(3) {
				case 0:
					upstream.turn(t, name, rand.IntN(2) == 0)
				case 1:
					upstream.admin(t, http.MethodPut, "/segments/"+fmt.Sprint(segment.ID), map[string]any{
						"name": "beta", "constraints": []map[string]any{{"contextName": "userId", "operator": "IN", "values": []string{fmt.Sprint(step)}}},
					})
				case 2:
					upstream.flag(t, fmt.Sprintf("new-%02d", step), false)
				}
			}
			requireSame(t, upstream, store, "last-before")

			port := upstream.port(t)
			require.NoError(t, upstream.stop())
			upstream = start(t, database, func(c *server.Config) { c.Port = port })
			upstream.admin(t, http.MethodDelete, "/projects/default/features/flag-00", nil)
			requireSame(t, upstream, store, "last-after")
		})
	}
}

// feed fills a store from the server until the test ends. It fails the test if there is ever nothing where there was
// something.
func feed(t *testing.T, upstream *running, mode edge.Mode) *replica.Store {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	source, err := edge.NewUpstream(edge.UpstreamConfig{
		URL: upstream.URL() + "/api", Tokens: []edge.UpstreamToken{{Secret: clientToken}}, Prefer: mode,
		RefreshInterval: 50 * time.Millisecond, Version: "test", Logger: logger,
	})
	require.NoError(t, err)
	store := replica.NewStore(logger)
	var emptied atomic.Bool
	store.OnChange(func([]string) {
		if state := store.State("development"); state == nil || len(served(state)) < 100 {
			emptied.Store(true)
		}
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- source.Run(ctx, store) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-done)
		require.False(t, emptied.Load())
	})
	require.Eventually(t, func() bool { return source.Ready() == nil }, patience, time.Millisecond)
	require.Equal(t, mode, source.Status()[0].Mode)
	return store
}

// requireSame makes one more change and waits until the server and the store answer the same, that change included.
func requireSame(t *testing.T, upstream *running, store *replica.Store, last string) {
	t.Helper()
	upstream.flag(t, last, false)
	require.Eventually(t, func() bool {
		wanted := answered(t, upstream)
		return strings.Contains(wanted, `"`+last+`","type":"release","enabled":true`) && served(store.State("development")) == wanted
	}, patience, 5*time.Millisecond)
}

// answered is what the server answers, without its revision.
func answered(t *testing.T, upstream *running) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, upstream.URL()+"/api/client/features", nil)
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Authorization", clientToken)
	request.Header.Set("Unleash-Client-Spec", "5.2.0")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	var answer struct{ Features, Segments json.RawMessage }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return err.Error()
	}
	return string(answer.Features) + string(answer.Segments)
}

// served is what the state answers, without its revision.
func served(state *replica.State) string {
	body := state.Features(replica.FeaturesQuery{Query: replica.Query{Scope: token.NewScope("development", token.All)}})
	var answer struct{ Features, Segments json.RawMessage }
	_ = json.Unmarshal(body.Plain(), &answer)
	return string(answer.Features) + string(answer.Segments)
}

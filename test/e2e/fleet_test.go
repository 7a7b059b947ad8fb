package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/api/admin"
	"github.com/pennonhq/pennon/db/dbtest"
	"github.com/pennonhq/pennon/edge"
)

// propagation asks who has the newest change of development, or a revision.
func (r *running) propagation(revision int64) (p admin.PropagationSchema) {
	r.t.Helper()
	path := "/environments/development/propagation"
	if revision > 0 {
		path += fmt.Sprint("?revision=", revision)
	}
	require.NoError(r.t, json.Unmarshal(r.admin(http.StatusOK, http.MethodGet, path, nil).body, &p))
	return p
}

func (r *running) fleet() (f admin.FleetSchema) {
	r.t.Helper()
	require.NoError(r.t, json.Unmarshal(r.admin(http.StatusOK, http.MethodGet, "/fleet", nil).body, &f))
	return f
}

// stream opens a stream of an application that reads until the test ends.
func stream(t *testing.T, url, path, secret, app string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
	require.NoError(t, err)
	request.Header.Set("Authorization", secret)
	request.Header.Set("Unleash-AppName", app)
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	lines := bufio.NewReader(response.Body)
	_, err = lines.ReadString('\n')
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = lines.WriteTo(nowhere{})
	}()
	t.Cleanup(func() {
		_ = response.Body.Close()
		<-done
	})
}

type nowhere struct{}

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

func named(instance string) func(*edge.Config) {
	return func(c *edge.Config) { c.InstanceID, c.InstanceInterval = instance, 50*time.Millisecond }
}

// edges writes what propagation tells of edges.
func edges(p admin.PropagationSchema) string {
	var lines []string
	for _, e := range p.Edges {
		line := fmt.Sprintf("%s %s %t", e.InstanceID, e.Source, e.Has)
		if e.Behind != "" {
			line += " behind " + e.Behind
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

func TestEveryNodeTellsWhoHasAChange(t *testing.T) {
	t.Parallel()
	database := dbtest.New(t)
	one, two := start(t, database), start(t, database)
	one.createFlag("before")
	startEdge(t, one.URL(), named("edge-a"))
	middle := startEdge(t, two.URL(), named("edge-b"))
	leaf := startEdge(t, middle.URL(), named("edge-leaf"))
	stream(t, one.URL(), "/api/client/streaming", clientToken, "shop")
	stream(t, two.URL(), "/api/client/streaming", clientToken, "shop")
	stream(t, two.URL(), "/api/frontend/stream?appName=page", frontendToken, "")
	stream(t, leaf.URL(), "/api/client/streaming", clientToken, "far")
	poll := func() {
		require.Equal(t, http.StatusOK, two.call(http.MethodGet, "/api/client/features", clientToken, nil, "Unleash-AppName", "till", "Unleash-Connection-Id", "till-1").status)
	}
	poll()
	require.Eventually(t, func() bool {
		p := one.propagation(0)
		return edges(p) == "edge-a acked true, edge-b acked true, edge-leaf reported true behind edge-b" &&
			p.Delivered.Have == 2 && p.Browsers.Have == 1 && p.Polled.Have == 1
	}, patience, 20*time.Millisecond)

	one.createFlag("after")
	var p admin.PropagationSchema
	require.Eventually(t, func() bool {
		p = one.propagation(0)
		return p.Change != nil && p.Change.Entity == "after" && p.Acked.Have == 2 && p.Delivered.Have == 2 && p.Browsers.Have == 1 && p.Polled.Waiting == 1 &&
			edges(p) == "edge-a acked true, edge-b acked true, edge-leaf reported true behind edge-b" && p.Edges[2].Streams != nil && *p.Edges[2].Streams == 1
	}, patience, 20*time.Millisecond)
	require.True(t, p.Timed)
	require.Equal(t, 2, p.Acked.Took.Clients)
	require.Equal(t, 2, p.Delivered.Took.Clients)
	require.Equal(t, 1, p.Browsers.Took.Clients)
	require.Less(t, p.Acked.Took.Max, float64(patience.Milliseconds()))
	require.LessOrEqual(t, p.Acked.Took.P50, p.Acked.Took.Max)
	require.Positive(t, *p.Edges[0].TookMs)
	require.Len(t, p.Nodes, 2)
	require.Nil(t, p.Polled.Took)
	require.Equal(t, "till-1", p.Polled.Slowest[0].ID)
	require.Positive(t, p.Polled.Slowest[0].StaleSeconds)

	poll()
	require.Eventually(t, func() bool {
		p := two.propagation(p.ChangeRevision)
		return p.Polled.Have == 1 && p.Polled.Took != nil
	}, patience, 20*time.Millisecond)

	f := one.fleet()
	require.Len(t, f.Nodes, 2)
	require.Len(t, f.Edges, 2)
	require.Equal(t, "edge-leaf", f.Edges[1].Edges[0].InstanceID)
	require.Positive(t, *f.Edges[0].Memory)
	require.Zero(t, f.Edges[0].Environments[0].StaleSeconds)
	var told struct {
		This struct {
			Identifier string
			Streams    int `json:"connectedStreamingClients"`
		} `json:"this_instance"`
		Connected []struct{ Identifier string } `json:"connected_instances"`
	}
	response, err := http.Get(middle.URL() + "/internal-backstage/instancedata")
	require.NoError(t, err)
	require.NoError(t, json.NewDecoder(response.Body).Decode(&told))
	require.NoError(t, response.Body.Close())
	require.Equal(t, "edge-b", told.This.Identifier)
	require.Equal(t, "edge-leaf", told.Connected[0].Identifier)

	one.admin(http.StatusNotFound, http.MethodGet, "/environments/nowhere/propagation", nil)
	one.admin(http.StatusBadRequest, http.MethodGet, "/environments/development/propagation?revision=0", nil)
	ahead := one.admin(http.StatusNotFound, http.MethodGet, "/environments/development/propagation?revision=123456", nil)
	require.Contains(t, string(ahead.body), fmt.Sprintf("the newest one is %d", p.Head))

	two.stop()
	require.Len(t, one.propagation(0).Nodes, 1, "it has taken its report away")
}

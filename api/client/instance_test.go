package client

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/pennonhq/pennon/fleet"
)

const pathInstance = "/api/client/metrics/edge"

// recordedInstance is what Unleash Edge 20.1.0 sent, with an edge behind it.
const recordedInstance = `{"identifier":"01M81DY69432A3H345JMT1PJA1","appName":"unleash-edge","hosting":"self-hosted","region":null,
"edgeVersion":"20.1.0","processMetrics":{"cpuUsage":0.0,"memoryUsage":18259968.0},"started":"2026-11-22T10:48:25.124828924Z",
"traffic":{"cachedResponses":{},"get":{"/api/client/features":{"avg":0.24,"count":3.0,"p99":0.496}},"post":{},
"accessDenied":{"/api/client/features":{"avg":0.086,"count":3.0,"p99":0.488}}},
"latencyUpstream":{"features":{"avg":1.0,"count":4.0,"p99":0.99},"metrics":{"avg":0.0,"count":0.0,"p99":0.0},"edge":{"avg":0.0,"count":0.0,"p99":0.0}},
"requestsSinceLastReport":{},"connectedStreamingClients":3,
"connectedEdges":[{"identifier":"behind","appName":"unleash-edge","apiKeyRevisionIds":[{"environment":"development","projects":["*"],"revisionId":9,"lastUpdated":null}]}],
"connectionConsumptionSinceLastReport":{"features":[{"meteredGroup":"default","dataPoints":[{"interval":[0,15000],"requests":3}]}]},
"requestConsumptionSinceLastReport":[]}`

func TestEdgesOfAnyKindMayTellOfThemselves(t *testing.T) {
	t.Parallel()
	registry := fleet.New(fleet.Config{})
	s := newReporting(func(d *Dependencies) { d.Fleet = registry })
	told := func(body string) fleet.Instance {
		t.Helper()
		answer := s.post(t, pathInstance, "default", body)
		require.Equal(t, http.StatusAccepted, answer.Code, answer.Body)
		for _, i := range registry.Instances() {
			if strings.Contains(body, fmt.Sprintf("%q", i.Identifier)) || i.Identifier == "7" {
				return i
			}
		}
		return fleet.Instance{}
	}
	recorded := told(recordedInstance)
	require.Equal(t, 3, *recorded.Streams)
	require.InDelta(t, 18259968, recorded.Process.Memory, 0)
	require.InDelta(t, 3, recorded.Traffic.Get["/api/client/features"].Count, 0)
	require.Equal(t, int64(9), recorded.Edges[0].Revisions[0].Revision, "by its other name")
	require.Nil(t, recorded.Edges[0].Streams)

	require.Equal(t, "edge", told(`{"identifier":"few","appName":"edge"}`).AppName)
	odd := told(`{"identifier":7,"appName":"edge","started":"yesterday","connectedStreamingClients":"many","traffic":[],"connectedEdges":{},"edgeVersion":"2"}`)
	require.Equal(t, "2", odd.Version, "what is right is taken")
	require.Nil(t, odd.Streams)
	require.True(t, odd.Started.IsZero())
}

func TestReportWithoutANameIsRefused(t *testing.T) {
	t.Parallel()
	s := newReporting()
	for body, message := range map[string]string{
		`{}`:                               "The `/body/identifier` property is required",
		`{"identifier":"","appName":"a"}`:  "/body/identifier",
		`{"identifier":{},"appName":"a"}`:  "/body/identifier",
		`{"identifier":"a","appName":[1]}`: "/body/appName",
		`[]`:                               "must be object",
		`{"identifier":`:                   "not valid JSON",
	} {
		answer := s.post(t, pathInstance, "default", body)
		require.Equal(t, http.StatusBadRequest, answer.Code, body)
		require.Contains(t, answer.Body.String(), message, body)
	}
	require.Equal(t, http.StatusForbidden, s.post(t, pathInstance, "frontend", recordedInstance).Code)
	require.Equal(t, http.StatusAccepted, s.post(t, pathInstance, "default", recordedInstance).Code, "where nobody wants to know")
}

func TestPollsAreNoted(t *testing.T) {
	t.Parallel()
	registry := fleet.New(fleet.Config{})
	s := newServerWith(t, recorded(), registry)
	etag := s.get(t, "/api/client/features", "all", "Unleash-AppName", "shop", "Unleash-Connection-Id", "a").Header().Get("Etag")
	require.Equal(t, http.StatusNotModified, s.get(t, "/api/client/features", "all", "Unleash-AppName", "shop", "UNLEASH-INSTANCEID", "b", "If-None-Match", etag).Code)
	s.get(t, "/api/client/delta", "all", "Unleash-Connection-Id", "edge", "User-Agent", "unleash-edge-20.1.0", "Unleash-Interval", "undefined")
	s.get(t, "/api/client/features", "all", "Unleash-AppName", "curl") // has no name of its own
	part := registry.Report(t.Context()).Environments[0]
	require.Len(t, part.Late, 3)
	require.Len(t, part.Edges, 1)
	require.Equal(t, "edge", part.Edges[0].ID)
	for _, poller := range part.Late {
		require.Equal(t, s.store.Cursor().Revision, poller.Revision)
	}
}

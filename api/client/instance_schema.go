package client

import "time"

// edgeInstanceDataSchema is what an edge tells of itself; see fleet.Instance.
type edgeInstanceDataSchema struct {
	Identifier string     `json:"identifier" minLength:"1" doc:"The edge's instance id" example:"01JY0E7Y5T8Q2Z6W9N3V4K1M5P"`
	AppName    string     `json:"appName" minLength:"1" example:"pennon-edge"`
	Region     *string    `json:"region,omitempty" required:"false" nullable:"true"`
	Hosting    *string    `json:"hosting,omitempty" required:"false" nullable:"true"`
	Version    string     `json:"edgeVersion,omitempty" required:"false" example:"1.0.0"`
	Started    *time.Time `json:"started,omitempty" required:"false"`

	ProcessMetrics  *edgeProcessMetricsSchema   `json:"processMetrics,omitempty" required:"false"`
	Traffic         *edgeInstanceTrafficSchema  `json:"traffic,omitempty" required:"false"`
	LatencyUpstream *edgeUpstreamLatencySchema  `json:"latencyUpstream,omitempty" required:"false"`
	Requests        map[string]edgeRequestStats `json:"requestsSinceLastReport,omitempty" required:"false"`

	Streams   int                          `json:"connectedStreamingClients,omitempty" required:"false" doc:"SDKs that stream from the edge"`
	Edges     []edgeInstanceDataSchema     `json:"connectedEdges,omitempty" required:"false" nullable:"false" doc:"The edges behind this one"`
	Revisions []edgeAPIKeyRevisionIDSchema `json:"edgeApiKeyRevisionIds,omitempty" required:"false" nullable:"false" doc:"What the edge serves; apiKeyRevisionIds means the same"`
}

// edgeProcessMetricsSchema is what the edge's process uses.
type edgeProcessMetricsSchema struct {
	CPU    float64 `json:"cpuUsage"`
	Memory float64 `json:"memoryUsage" doc:"In bytes"`
}

// edgeLatencyMetricsSchema is how long requests took, in milliseconds.
type edgeLatencyMetricsSchema struct {
	Average float64 `json:"avg"`
	Count   float64 `json:"count"`
	P99     float64 `json:"p99"`
}

// edgeInstanceTrafficSchema is what the edge was asked for, by path.
type edgeInstanceTrafficSchema struct {
	Get    map[string]edgeLatencyMetricsSchema `json:"get,omitempty" required:"false"`
	Post   map[string]edgeLatencyMetricsSchema `json:"post,omitempty" required:"false"`
	Cached map[string]edgeLatencyMetricsSchema `json:"cachedResponses,omitempty" required:"false"`
	Denied map[string]edgeLatencyMetricsSchema `json:"accessDenied,omitempty" required:"false"`
}

// edgeUpstreamLatencySchema is how long the edge's own requests took.
type edgeUpstreamLatencySchema struct {
	Features *edgeLatencyMetricsSchema `json:"features,omitempty" required:"false"`
	Metrics  *edgeLatencyMetricsSchema `json:"metrics,omitempty" required:"false"`
	Edge     *edgeLatencyMetricsSchema `json:"edge,omitempty" required:"false"`
}

// edgeRequestStats counts answers since the last report.
type edgeRequestStats struct {
	OK          float64 `json:"requests200,omitempty" required:"false"`
	NotModified float64 `json:"requests304,omitempty" required:"false"`
}

// edgeAPIKeyRevisionIDSchema is what the edge serves of an environment.
type edgeAPIKeyRevisionIDSchema struct {
	Environment string     `json:"environment"`
	Projects    []string   `json:"projects" nullable:"false"`
	Revision    int64      `json:"revisionId"`
	Updated     *time.Time `json:"lastUpdated,omitempty" required:"false" nullable:"true"`
}

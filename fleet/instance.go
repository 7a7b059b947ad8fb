package fleet

import "time"

// Instance is what an edge tells of itself: the body of POST /api/client/metrics/edge, in the form Unleash Edge sends it.
// What Pennon does not measure is absent.
type Instance struct {
	Identifier string    `json:"identifier"`
	AppName    string    `json:"appName"`
	Region     string    `json:"region,omitempty"`
	Hosting    string    `json:"hosting,omitempty"`
	Version    string    `json:"edgeVersion"`
	Started    time.Time `json:"started"`

	Process  *Process            `json:"processMetrics,omitempty"`
	Traffic  Traffic             `json:"traffic"`
	Upstream Upstream            `json:"latencyUpstream"`
	Requests map[string]Requests `json:"requestsSinceLastReport,omitempty"`

	Streams   int        `json:"connectedStreamingClients"`
	Edges     []Instance `json:"connectedEdges"`
	Revisions []Revision `json:"edgeApiKeyRevisionIds,omitempty"`
}

// Process is what the edge's process uses.
type Process struct {
	CPU    float64 `json:"cpuUsage"`    // share of one core, or as the edge counts it
	Memory float64 `json:"memoryUsage"` // bytes
}

// Latency is how long requests to one path took, in milliseconds.
type Latency struct {
	Average float64 `json:"avg"`
	Count   float64 `json:"count"`
	P99     float64 `json:"p99"`
}

// Traffic is what the edge was asked for, by path.
type Traffic struct {
	Get    map[string]Latency `json:"get"`
	Post   map[string]Latency `json:"post"`
	Cached map[string]Latency `json:"cachedResponses"`
	Denied map[string]Latency `json:"accessDenied"`
}

// Upstream is how long the edge's own requests to its upstream took.
type Upstream struct {
	Features Latency `json:"features"`
	Metrics  Latency `json:"metrics"`
	Edge     Latency `json:"edge"`
}

// Requests counts answers since the edge's last report.
type Requests struct {
	OK          float64 `json:"requests200"`
	NotModified float64 `json:"requests304"`
}

// Revision is what the edge serves of an environment.
type Revision struct {
	Environment string     `json:"environment"`
	Projects    []string   `json:"projects"`
	Revision    int64      `json:"revisionId"`
	Updated     *time.Time `json:"lastUpdated,omitempty"`
}

package fleet

import (
	"slices"
	"strings"
	"time"
)

const (
	// instancesMax bounds the edges that report to one node, with those behind them.
	instancesMax = 2000

	// instanceExpiry is how long what an edge told of itself is believed: edges tell every minute.
	instanceExpiry = 3*time.Minute + 30*time.Second

	// depthMax is how many edges behind each other are believed.
	depthMax = 16
)

// Instance is what an edge tells of itself: the body of POST /api/client/metrics/edge, in the form in which Unleash Edge
// sends it. What Pennon does not measure is absent.
type Instance struct {
	Identifier string    `json:"identifier"`
	AppName    string    `json:"appName"`
	Region     string    `json:"region,omitempty"`
	Hosting    string    `json:"hosting,omitempty"`
	Version    string    `json:"edgeVersion"`
	Started    time.Time `json:"started,omitzero"`

	Process  *Process            `json:"processMetrics,omitempty"`
	Traffic  Traffic             `json:"traffic"`
	Upstream Upstream            `json:"latencyUpstream"`
	Requests map[string]Requests `json:"requestsSinceLastReport,omitempty"`

	Streams   *int       `json:"connectedStreamingClients,omitempty"` // nil: not known
	Edges     []Instance `json:"connectedEdges"`
	Revisions []Revision `json:"edgeApiKeyRevisionIds,omitempty"`
}

// Process is what the edge's process uses.
type Process struct {
	CPU    float64 `json:"cpuUsage"`    // seconds since it started, or as the edge counts it
	Memory float64 `json:"memoryUsage"` // bytes
}

// Latency is how long requests to one path took, in milliseconds.
type Latency struct {
	Average float64 `json:"avg"`
	Count   float64 `json:"count"`
	P99     float64 `json:"p99"`
}

// Traffic is what the edge was asked for since it started, by path.
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

// reported is what an edge told last.
type reported struct {
	instance Instance
	token    string
	at       time.Time
}

// count is how many edges there are from this one on.
func (i *Instance) count() int {
	n := 1
	for j := range i.Edges {
		n += i.Edges[j].count()
	}
	return n
}

// prune cuts off what is deeper than depth.
func (i *Instance) prune(depth int) {
	if depth <= 1 {
		i.Edges = nil
		return
	}
	for j := range i.Edges {
		i.Edges[j].prune(depth - 1)
	}
}

// Told notes what an edge tells of itself; token is the name of the one it came with. It reports false if there is no room
// for another edge.
func (r *Registry) Told(instance Instance, token string) bool {
	if r == nil {
		return true
	}
	instance.prune(depthMax)
	now := r.now()
	r.instancesMu.Lock()
	defer r.instancesMu.Unlock()
	held := instance.count()
	for identifier, known := range r.instances {
		if now.Sub(known.at) > instanceExpiry {
			delete(r.instances, identifier)
		} else if identifier != instance.Identifier {
			held += known.instance.count()
		}
	}
	if held > instancesMax {
		return false
	}
	r.instances[instance.Identifier] = &reported{instance, token, now}
	r.touch()
	return true
}

// Instances returns what the edges of this node have told of themselves lately, in the order of their identifiers.
func (r *Registry) Instances() []Instance {
	if r == nil {
		return nil
	}
	now := r.now()
	r.instancesMu.Lock()
	defer r.instancesMu.Unlock()
	var all []Instance
	for _, known := range r.instances {
		if now.Sub(known.at) <= instanceExpiry {
			all = append(all, known.instance)
		}
	}
	slices.SortFunc(all, func(a, b Instance) int { return strings.Compare(a.Identifier, b.Identifier) })
	return all
}

package edge

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/metrics"
	"github.com/pennonhq/pennon/sse"
)

const (
	// instanceInterval is how often an edge tells its upstream of itself, as Unleash Edge does, and instanceFirst when it
	// does for the first time.
	instanceInterval = time.Minute
	instanceFirst    = 5 * time.Second

	// instanceTimeout bounds one report. It must never be in the way of anything.
	instanceTimeout = 3 * time.Second

	// instanceRest is how many intervals an upstream is left alone at most that does not take the report.
	instanceRest = 10
)

// tellUpstream tells the upstream of this edge and those below it, until ctx is done.
func (e *Edge) tellUpstream(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-e.surface.loaded:
	}
	interval := e.config.InstanceInterval
	if interval == 0 {
		interval = instanceInterval
	}
	told := map[string]fleet.Requests{}
	timer := time.NewTimer(jittered(min(interval, instanceFirst)))
	defer timer.Stop()
	for failures := 0; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		status, now := e.tell(ctx, told)
		switch {
		case status >= http.StatusOK && status < http.StatusMultipleChoices:
			failures, told = 0, now
		case status == http.StatusNotFound || status == http.StatusMethodNotAllowed: // upstreams that know nothing of edges
			failures = instanceRest - 1
		default:
			failures = min(failures+1, instanceRest-1)
		}
		timer.Reset(jitteredLittle(interval * time.Duration(1+failures)))
	}
}

// tell sends one report, with what was asked for since told. It returns the status of the answer, 0 without one.
func (e *Edge) tell(ctx context.Context, told map[string]fleet.Requests) (status int, now map[string]fleet.Requests) {
	ctx, cancel := context.WithTimeout(ctx, instanceTimeout)
	defer cancel()
	tokens := e.upstream.tokens()
	if len(tokens) == 0 {
		return 0, told
	}
	instance := e.instance(ctx)
	now = e.surface.answered()
	instance.Requests = map[string]fleet.Requests{}
	for path, all := range now {
		since := fleet.Requests{OK: all.OK - told[path].OK, NotModified: all.NotModified - told[path].NotModified}
		if since != (fleet.Requests{}) {
			instance.Requests[path] = since
		}
	}
	body, err := json.Marshal(instance)
	if err != nil {
		e.config.Logger.Error("encode what this edge is doing", "component", "edge", "err", err)
		return 0, told
	}
	status, err = e.upstream.post(ctx, tokens[0], "/client/metrics/edge", body)
	if err != nil {
		e.config.Logger.Debug("the upstream was not told of this edge", "component", "edge", "err", err)
	}
	return status, now
}

// instance is what the edge tells of itself.
func (e *Edge) instance(ctx context.Context) fleet.Instance {
	i := fleet.Instance{
		Identifier: e.config.InstanceID, AppName: e.config.AppName, Region: os.Getenv("AWS_REGION"), Hosting: "self-hosted",
		Version: e.config.Version, Started: e.surface.started.UTC(), Traffic: e.surface.traffic(), Upstream: e.upstream.latency(),
		Edges: e.surface.fleet.Below(), Revisions: e.upstream.revisions(),
	}
	if i.Edges == nil {
		i.Edges = []fleet.Instance{}
	}
	if used, known := metrics.Process(); known {
		i.Process = &fleet.Process{CPU: used.CPU, Memory: used.Memory}
	}
	streams := 0
	for _, h := range e.surface.hub.Survey(ctx) {
		if topic, ok := h.Topic.(interface {
			Holds(cursor sse.Cursor) (environment string, revision int64, browsers bool)
		}); ok {
			if _, _, browsers := topic.Holds(sse.Cursor{Revision: h.Revision}); !browsers {
				streams += h.Streams
			}
		}
	}
	if ctx.Err() == nil { // else it is not known of all
		i.Streams = &streams
	}
	return i
}

// revisions is what the edge serves, for each of its tokens.
func (u *Upstream) revisions() (all []fleet.Revision) {
	for _, f := range u.current() {
		status := f.status.get()
		if f.left.Load() || status.Revision == 0 {
			continue
		}
		scope := f.token.scope()
		r := fleet.Revision{Environment: scope.Environment, Projects: append([]string{}, scope.Projects()...), Revision: status.Revision}
		if !status.ContactAt.IsZero() {
			at := status.ContactAt.UTC()
			r.Updated = &at
		}
		all = append(all, r)
	}
	return all
}

// latency is how long the edge's own requests took.
func (u *Upstream) latency() fleet.Upstream {
	of := func(paths ...string) fleet.Latency {
		var all []*metrics.Histogram
		for _, path := range paths {
			u.meter.each(path, func(_ string, h *metrics.Histogram) { all = append(all, h) })
		}
		return latency(all)
	}
	return fleet.Upstream{Features: of("/client/features", "/client/delta"), Metrics: of("/client/metrics/bulk"), Edge: of("/client/metrics/edge")}
}

func latency(histograms []*metrics.Histogram) fleet.Latency {
	s := metrics.Summarize(histograms...)
	return fleet.Latency{Average: s.Mean, Count: float64(s.Count), P99: s.P99}
}

// traffic is what the edge was asked for, by path. Without metrics nothing is known of it.
func (s *surface) traffic() fleet.Traffic {
	t := fleet.Traffic{
		Get: map[string]fleet.Latency{}, Post: map[string]fleet.Latency{}, Cached: map[string]fleet.Latency{}, Denied: map[string]fleet.Latency{},
	}
	if s.measured == nil {
		return t
	}
	type series struct {
		into map[string]fleet.Latency
		path string
	}
	gathered := map[string][]*metrics.Histogram{}
	places := map[string]series{}
	s.measured.requests.Each(func(path, method string, status int, h *metrics.Histogram) {
		var kind string
		var into map[string]fleet.Latency
		switch {
		case status == http.StatusNotModified:
			kind, into = "cached", t.Cached
		case status == http.StatusUnauthorized || status == http.StatusForbidden:
			kind, into = "denied", t.Denied
		case status < http.StatusOK || status >= http.StatusMultipleChoices:
			return
		case method == http.MethodGet:
			kind, into = "get", t.Get
		case method == http.MethodPost:
			kind, into = "post", t.Post
		default:
			return
		}
		key := kind + path
		gathered[key], places[key] = append(gathered[key], h), series{into, path}
	})
	for key, place := range places {
		if strings.HasPrefix(place.path, "/api/") || strings.HasPrefix(place.path, "/edge/") || strings.HasPrefix(place.path, "/proxy") {
			place.into[place.path] = latency(gathered[key])
		}
	}
	return t
}

// answered counts the answers of 200 and 304 since the start, by path.
func (s *surface) answered() map[string]fleet.Requests {
	all := map[string]fleet.Requests{}
	if s.measured == nil {
		return all
	}
	s.measured.requests.Each(func(path, _ string, status int, h *metrics.Histogram) {
		n := all[path]
		switch status {
		case http.StatusOK:
			n.OK += float64(h.Count())
		case http.StatusNotModified:
			n.NotModified += float64(h.Count())
		default:
			return
		}
		switch path {
		case "/api/client/features", "/api/client/metrics", "/api/client/metrics/bulk", "/api/client/metrics/edge", "/api/frontend", "/api/proxy":
			all[path] = n
		default: // edges tell of these only
		}
	})
	return all
}

// instanceDataSchema is the answer of /internal-backstage/instancedata.
type instanceDataSchema struct {
	This      fleet.Instance   `json:"this_instance"`
	Connected []fleet.Instance `json:"connected_instances"`
}

func (e *Edge) backstageInstances(w http.ResponseWriter, r *http.Request) {
	this := e.instance(r.Context())
	writeBackstage(w, http.StatusOK, instanceDataSchema{This: this, Connected: this.Edges})
}

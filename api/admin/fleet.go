package admin

import (
	"context"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/fleet"
)

// FleetSchema is all servers of the instance and who takes flags from them.
type FleetSchema struct {
	Nodes        []FleetNodeSchema        `json:"nodes" nullable:"false" doc:"The instance's servers"`
	Edges        []FleetEdgeSchema        `json:"edges" nullable:"false" doc:"Edges, those behind others in their edges"`
	Applications []FleetApplicationSchema `json:"applications" nullable:"false" doc:"SDKs connected to the servers themselves, by application"`
}

// FleetNodeSchema is a server of the instance.
type FleetNodeSchema struct {
	Node        string   `json:"node" example:"pennon-0-1f2e3d"`
	Version     string   `json:"version" example:"1.0.0"`
	StartedAt   api.Time `json:"startedAt"`
	ReportedAt  api.Time `json:"reportedAt" doc:"When it told of its clients last"`
	Revision    int64    `json:"revision" example:"118"`
	Edges       int      `json:"edges" doc:"Edges on a link" example:"3"`
	Streams     int      `json:"streams" doc:"Streams of SDKs" example:"40"`
	Browsers    int      `json:"browsers" doc:"Streams of evaluated flags" example:"500"`
	Pollers     int      `json:"pollers" doc:"SDKs that poll" example:"12"`
	PollsMissed int      `json:"pollsMissed" doc:"Polls since the last report of SDKs that it could not remember, as it knows of 10000 already"`
}

// FleetEdgeSchema is an edge.
type FleetEdgeSchema struct {
	InstanceID   string                   `json:"instanceId" example:"edge-7"`
	AppName      string                   `json:"appName" example:"pennon-edge"`
	Version      string                   `json:"version,omitempty" example:"1.0.0"`
	Region       string                   `json:"region,omitempty" example:"eu-north-1"`
	Hosting      string                   `json:"hosting,omitempty" example:"self-hosted"`
	Node         string                   `json:"node" doc:"The server that knows of it" example:"pennon-0-1f2e3d"`
	Source       string                   `json:"source" enum:"acked,polled,reported" doc:"Whether it is on a link, polls, or is known by what an edge told only"`
	TokenName    string                   `json:"tokenName,omitempty" example:"edges"`
	StartedAt    *api.Time                `json:"startedAt,omitempty"`
	ConnectedAt  *api.Time                `json:"connectedAt,omitempty" doc:"Since when it is on its link"`
	HeardAt      *api.Time                `json:"heardAt,omitempty" doc:"When it confirmed, asked or told last"`
	Streams      *int                     `json:"streams,omitempty" doc:"SDKs that stream from it, as it told last" example:"1000"`
	CPU          *float64                 `json:"cpuUsage,omitempty" doc:"As it told: Pennon tells seconds since its start"`
	Memory       *float64                 `json:"memoryBytes,omitempty" example:"18259968"`
	Latency      *FleetLatencySchema      `json:"upstreamLatency,omitempty" doc:"How long its own requests for flags took"`
	Environments []FleetEnvironmentSchema `json:"environments" nullable:"false"`
	Edges        []FleetEdgeSchema        `json:"edges" nullable:"false" doc:"The edges behind it"`
}

// FleetLatencySchema is how long requests took, in milliseconds.
type FleetLatencySchema struct {
	Average float64 `json:"avgMs" example:"1.5"`
	P99     float64 `json:"p99Ms" example:"4"`
	Count   float64 `json:"count" example:"40"`
}

// FleetEnvironmentSchema is what an edge has of an environment.
type FleetEnvironmentSchema struct {
	Environment  string   `json:"environment" example:"production"`
	Projects     []string `json:"projects,omitempty" doc:"Absent: not told"`
	Revision     int64    `json:"revision" example:"118"`
	StaleSeconds float64  `json:"staleSeconds" doc:"For how long it has lacked the environment's newest change" example:"0"`
}

// FleetApplicationSchema is the SDKs of an application.
type FleetApplicationSchema struct {
	AppName        string  `json:"appName" doc:"Empty: they do not say, or there are too many" example:"shop"`
	Environment    string  `json:"environment" example:"production"`
	Kind           string  `json:"kind" enum:"delivered,browsers,polled"`
	Clients        int     `json:"clients" example:"40"`
	Behind         int     `json:"behind" doc:"Of these, those that lack the environment's newest change" example:"0"`
	OldestRevision int64   `json:"oldestRevision" example:"118"`
	NewestRevision int64   `json:"newestRevision" example:"118"`
	StaleSeconds   float64 `json:"staleSeconds" doc:"For how long the furthest behind has lacked something" example:"0"`
}

type fleetOutput struct{ Body FleetSchema }

func (a *API) fleet(ctx context.Context, _ *struct{}) (*fleetOutput, error) {
	known, err := a.config.Fleet.Fleet(ctx)
	if err != nil {
		return nil, err
	}
	schema := FleetSchema{Nodes: []FleetNodeSchema{}, Edges: fleetEdges(known.Edges), Applications: []FleetApplicationSchema{}}
	for i := range known.Nodes {
		schema.Nodes = append(schema.Nodes, fleetNode(&known.Nodes[i].Report, known.Nodes[i].ReportedAt))
	}
	for _, app := range known.Applications {
		schema.Applications = append(schema.Applications, FleetApplicationSchema{
			AppName: app.App, Environment: app.Environment, Kind: string(app.Kind), Clients: app.Clients, Behind: app.Behind,
			OldestRevision: app.Oldest, NewestRevision: app.Newest, StaleSeconds: seconds(app.Stale),
		})
	}
	return &fleetOutput{Body: schema}, nil
}

func fleetNode(report *fleet.Report, at time.Time) FleetNodeSchema {
	schema := FleetNodeSchema{
		Node: report.Node, Version: report.Version, StartedAt: api.At(report.Started), ReportedAt: api.At(at), Revision: report.Revision,
		Edges: len(report.Edges), PollsMissed: report.Missed,
	}
	for i := range report.Environments {
		for _, group := range report.Environments[i].Groups {
			switch group.Kind {
			case fleet.Delivered:
				schema.Streams += group.Clients
			case fleet.Browsers:
				schema.Browsers += group.Clients
			case fleet.Polled:
				schema.Pollers += group.Clients
			case fleet.Acked: // edges are counted one by one
			}
		}
	}
	return schema
}

func fleetEdges(nodes []*fleet.Node) []FleetEdgeSchema {
	schemas := make([]FleetEdgeSchema, 0, len(nodes))
	for _, n := range nodes {
		schema := FleetEdgeSchema{
			InstanceID: n.Instance, AppName: n.App, Version: n.Version, Region: n.Region, Hosting: n.Hosting, Node: n.Server,
			Source: string(n.Source), TokenName: n.Token, StartedAt: api.AtOrNil(n.Started), ConnectedAt: api.AtOrNil(n.Connected),
			HeardAt: api.AtOrNil(n.Heard), Streams: n.Streams, Environments: []FleetEnvironmentSchema{}, Edges: fleetEdges(n.Edges),
		}
		if n.Process != nil {
			schema.CPU, schema.Memory = &n.Process.CPU, &n.Process.Memory
		}
		if n.Upstream != nil && n.Upstream.Features.Count > 0 {
			schema.Latency = &FleetLatencySchema{Average: n.Upstream.Features.Average, P99: n.Upstream.Features.P99, Count: n.Upstream.Features.Count}
		}
		for _, served := range n.Environments {
			schema.Environments = append(schema.Environments, FleetEnvironmentSchema{
				Environment: served.Environment, Projects: served.Projects, Revision: served.Revision, StaleSeconds: seconds(served.Stale),
			})
		}
		schemas = append(schemas, schema)
	}
	return schemas
}

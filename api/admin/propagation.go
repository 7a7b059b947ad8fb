package admin

import (
	"context"
	"math"
	"time"

	"github.com/pennonhq/pennon/api"
	"github.com/pennonhq/pennon/control/access"
	controlfleet "github.com/pennonhq/pennon/control/fleet"
	"github.com/pennonhq/pennon/fleet"
)

// PropagationSchema tells who has a revision of an environment.
type PropagationSchema struct {
	Environment    string                    `json:"environment" example:"production"`
	Revision       int64                     `json:"revision" doc:"The revision that was asked for" example:"118"`
	ChangeRevision int64                     `json:"changeRevision" doc:"The newest change of the environment up to that revision: who has it lacks nothing" example:"117"`
	Head           int64                     `json:"head" doc:"The newest revision there is" example:"118"`
	WrittenAt      *api.Time                 `json:"writtenAt" nullable:"true" doc:"When the change was committed, on the database's clock; null: not remembered"`
	Change         *PropagationChangeSchema  `json:"change,omitempty" doc:"What changed, while the change log remembers"`
	Timed          bool                      `json:"timed" doc:"The change is among the last 32 of the environment, of which times are remembered"`
	Acked          PropagationProgressSchema `json:"acked" doc:"Edges on a link, which confirm what they serve"`
	Delivered      PropagationProgressSchema `json:"delivered" doc:"Streams of SDKs, by what was written to their connection"`
	Browsers       PropagationProgressSchema `json:"browsers" doc:"Streams of evaluated flags, by what was written to their connection"`
	Polled         PropagationProgressSchema `json:"polled" doc:"SDKs that poll, by what they were answered from last"`
	Edges          []PropagationEdgeSchema   `json:"edges" nullable:"false" doc:"Edges of the environment, also those behind others"`
	Nodes          []PropagationNodeSchema   `json:"nodes" nullable:"false" doc:"The instance's servers"`
}

// PropagationChangeSchema is what a revision changed.
type PropagationChangeSchema struct {
	Kind    string   `json:"kind" example:"feature"`
	Entity  string   `json:"entity" example:"checkout"`
	Project *string  `json:"project,omitempty" example:"default"`
	At      api.Time `json:"at"`
}

// PropagationProgressSchema tells how far the clients of a kind are.
type PropagationProgressSchema struct {
	Have    int                       `json:"have" example:"998"`
	Waiting int                       `json:"waiting" example:"2"`
	Took    *PropagationTookSchema    `json:"took,omitempty" doc:"How long it took from the commit; absent where nothing was measured"`
	Slowest []PropagationClientSchema `json:"slowest" nullable:"false" doc:"Those that wait, furthest behind first, then those it took longest"`
}

// PropagationTookSchema tells how long a change took, in milliseconds from its commit: what a server took to learn of it by
// the database's clock, and from there by the server's own. Streams and polls are off by a fifth at most, upwards.
type PropagationTookSchema struct {
	Clients int     `json:"clients" doc:"Clients that were there before the change and were seen to get it" example:"998"`
	P50     float64 `json:"p50Ms" example:"4.2"`
	P99     float64 `json:"p99Ms" example:"17.9"`
	Max     float64 `json:"maxMs" example:"31.5"`
}

// PropagationClientSchema is a client, or the streams of an application that are at the same place.
type PropagationClientSchema struct {
	AppName      string    `json:"appName" example:"shop"`
	ID           string    `json:"id,omitempty" doc:"Of the edge's instance, or of the SDK's connection" example:"edge-7"`
	Node         string    `json:"node" doc:"The server it is connected to" example:"pennon-0-1f2e3d"`
	Clients      int       `json:"clients" example:"1"`
	Revision     int64     `json:"revision" doc:"What it has; 0: not known, or nothing" example:"116"`
	Has          bool      `json:"has"`
	TookMs       *float64  `json:"tookMs,omitempty" example:"12.5"`
	StaleSeconds float64   `json:"staleSeconds" doc:"For how long it has lacked the environment's newest change" example:"1.5"`
	HeardAt      *api.Time `json:"heardAt,omitempty" doc:"When it confirmed or asked last"`
}

// PropagationEdgeSchema tells what an edge has.
type PropagationEdgeSchema struct {
	InstanceID   string   `json:"instanceId" example:"edge-7"`
	AppName      string   `json:"appName" example:"pennon-edge"`
	Version      string   `json:"version,omitempty" example:"1.0.0"`
	Node         string   `json:"node" doc:"The server that knows of it" example:"pennon-0-1f2e3d"`
	Behind       string   `json:"behind,omitempty" doc:"The edge it is connected to; absent: a server" example:"edge-1"`
	Source       string   `json:"source" enum:"acked,polled,reported" doc:"How it is known: reported is what the edge itself told, up to some minutes ago"`
	Revision     int64    `json:"revision" example:"118"`
	Has          bool     `json:"has"`
	TookMs       *float64 `json:"tookMs,omitempty" doc:"From the commit until it confirmed" example:"6.1"`
	StaleSeconds float64  `json:"staleSeconds" doc:"For how long it has lacked the environment's newest change" example:"0"`
	HeardAt      api.Time `json:"heardAt" doc:"When it confirmed, asked or told last"`
	Streams      *int     `json:"streams,omitempty" doc:"SDKs that stream from it, as it told last" example:"1000"`
}

// PropagationNodeSchema tells what a server of the instance has.
type PropagationNodeSchema struct {
	Node       string   `json:"node" example:"pennon-0-1f2e3d"`
	Revision   int64    `json:"revision" example:"118"`
	Has        bool     `json:"has"`
	TookMs     *float64 `json:"tookMs,omitempty" doc:"From the commit until it had learned of it" example:"2.3"`
	ReportedAt api.Time `json:"reportedAt" doc:"When it told of its clients last"`
}

type (
	propagationInput struct {
		Environment string `path:"environment" doc:"The environment's name"`
		Revision    int64  `query:"revision" minimum:"1" doc:"Default: the environment's newest change" example:"118"`
	}
	propagationOutput struct{ Body PropagationSchema }
)

func (a *API) registerFleet() {
	const tag = "Fleet"
	read(a, access.Anyone, op(get, "/environments/{environment}/propagation", "getPropagation", tag), a.propagation)
	read(a, access.ReadClientAPIToken, op(get, "/fleet", "getFleet", tag), a.fleet)
}

func (a *API) propagation(ctx context.Context, in *propagationInput) (*propagationOutput, error) {
	answer, err := a.config.Fleet.Propagation(ctx, in.Environment, in.Revision)
	if err != nil {
		return nil, err
	}
	return &propagationOutput{Body: propagationSchema(answer)}, nil
}

func propagationSchema(answer *controlfleet.Answer) PropagationSchema {
	schema := PropagationSchema{
		Environment: answer.Environment, Revision: answer.Asked, ChangeRevision: answer.Revision, Head: answer.Head,
		WrittenAt: api.AtOrNil(answer.Written), Timed: answer.Remembered && answer.Written != nil,
		Acked: progressSchema(answer.Kinds[fleet.Acked]), Delivered: progressSchema(answer.Kinds[fleet.Delivered]),
		Browsers: progressSchema(answer.Kinds[fleet.Browsers]), Polled: progressSchema(answer.Kinds[fleet.Polled]),
		Edges: []PropagationEdgeSchema{}, Nodes: []PropagationNodeSchema{},
	}
	if change := answer.Change; change != nil {
		schema.Change = &PropagationChangeSchema{Kind: change.Kind, Entity: change.Entity, Project: change.Project, At: api.At(change.At)}
	}
	for _, edge := range answer.Edges {
		schema.Edges = append(schema.Edges, PropagationEdgeSchema{
			InstanceID: edge.Instance, AppName: edge.App, Version: edge.Version, Node: edge.Node, Behind: edge.Behind,
			Source: string(edge.Source), Revision: edge.Revision, Has: edge.Has, TookMs: hundredths(edge.Took),
			StaleSeconds: seconds(edge.Stale), HeardAt: api.At(edge.Heard), Streams: edge.Streams,
		})
	}
	for _, node := range answer.Nodes {
		schema.Nodes = append(schema.Nodes, PropagationNodeSchema{
			Node: node.Node, Revision: node.Revision, Has: node.Has, TookMs: hundredths(node.Took), ReportedAt: api.At(answer.ReportedAt[node.Node]),
		})
	}
	return schema
}

func progressSchema(progress *fleet.Progress) PropagationProgressSchema {
	schema := PropagationProgressSchema{Have: progress.Have, Waiting: progress.Waiting, Slowest: []PropagationClientSchema{}}
	if took := progress.Took; took != nil {
		schema.Took = &PropagationTookSchema{
			Clients: took.Clients, P50: *hundredths(&took.P50), P99: *hundredths(&took.P99), Max: *hundredths(&took.Max),
		}
	}
	for _, client := range progress.Slowest {
		schema.Slowest = append(schema.Slowest, PropagationClientSchema{
			AppName: client.App, ID: client.ID, Node: client.Node, Clients: client.Clients, Revision: client.Revision, Has: client.Has,
			TookMs: hundredths(client.Took), StaleSeconds: seconds(client.Stale), HeardAt: api.AtOrNil(client.Heard),
		})
	}
	return schema
}

// hundredths rounds milliseconds to what they can be exact to.
func hundredths(milli *float64) *float64 {
	if milli == nil {
		return nil
	}
	rounded := math.Round(*milli*100) / 100
	return &rounded
}

// seconds rounds to milliseconds.
func seconds(d time.Duration) float64 { return float64(d.Milliseconds()) / 1000 }

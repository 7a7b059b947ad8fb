package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/pennonhq/pennon/client"
)

// Fleet shows servers, edges and applications.
type Fleet struct {
	Connection
}

// Run prints the fleet.
func (c *Fleet) Run(ctx context.Context, s *Session) error {
	answer, err := s.GetFleetWithResponse(ctx)
	if err != nil {
		return err
	}
	return s.show(answer.Body, func(out io.Writer) error { return writeFleet(out, answer.JSON200) })
}

func writeFleet(out io.Writer, f *client.FleetSchema) error {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	t := newTable(out, "SERVER", "VERSION", "UP FOR", "REVISION", "EDGES", "STREAMS", "BROWSERS", "POLLERS")
	for i := range f.Nodes {
		n := &f.Nodes[i]
		now := f.Nodes[0].ReportedAt // of the server that answered
		t.row(n.Node, n.Version, now.Sub(n.StartedAt).Round(time.Second).String(), number(n.Revision), number(n.Edges), number(n.Streams), number(n.Browsers), number(n.Pollers))
	}
	if err := t.flush(); err != nil {
		return err
	}
	if len(f.Edges) > 0 {
		t = section(out, "EDGE", "APP", "VERSION", "KNOWN", "STREAMS", "MEMORY", "LAST HEARD", "HAS")
		addEdges(t, f.Edges, "")
		if err := t.flush(); err != nil {
			return err
		}
	}
	if len(f.Applications) == 0 {
		return nil
	}
	t = section(out, "APPLICATION", "ENVIRONMENT", "BY", "CLIENTS", "BEHIND", "REVISIONS", "LACKING FOR")
	for i := range f.Applications {
		a := &f.Applications[i]
		revisions := number(a.OldestRevision)
		if a.NewestRevision != a.OldestRevision {
			revisions += " to " + number(a.NewestRevision)
		}
		name := a.AppName
		if name == "" {
			name = "(no name)"
		}
		t.row(name, a.Environment, map[client.FleetApplicationSchemaKind]string{"delivered": "stream", "browsers": "browser stream", "polled": "polling"}[a.Kind],
			number(a.Clients), number(a.Behind), revisions, lacking(a.StaleSeconds))
	}
	return t.flush()
}

// addEdges adds edges, those behind others indented.
func addEdges(t *table, edges []client.FleetEdgeSchema, indent string) {
	for i := range edges {
		e := &edges[i]
		memory := "-"
		if e.MemoryBytes != nil {
			memory = fmt.Sprintf("%.1f MB", *e.MemoryBytes/1e6)
		}
		var has []string
		for j := range e.Environments {
			served := &e.Environments[j]
			text := served.Environment + " " + strconv.FormatInt(served.Revision, 10)
			if served.StaleSeconds > 0 {
				text += " (lacking for " + lacking(served.StaleSeconds) + ")"
			}
			has = append(has, text)
		}
		t.row(indent+e.InstanceID, e.AppName, or(e.Version, "-"), string(e.Source), numberOr(e.Streams), memory, momentOr(e.HeardAt, "-"), strings.Join(has, ", "))
		addEdges(t, e.Edges, indent+"  ")
	}
}

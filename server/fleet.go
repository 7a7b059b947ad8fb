package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"os"
	"slices"
	"strings"
	"time"

	controlfleet "github.com/pennonhq/pennon/control/fleet"
	"github.com/pennonhq/pennon/fleet"
	"github.com/pennonhq/pennon/metrics"
	"github.com/pennonhq/pennon/sse"
)

// lagEdges is how many edges, those furthest behind, have a series of their own.
const lagEdges = 50

// placed is what topics know of where their streams are. Streams of other topics only say that there is something to ask
// for, which holds nothing.
type placed interface {
	Holds(cursor sse.Cursor) (environment string, revision int64, browsers bool)
}

// connectFleet has it known who takes flags from this node. It comes before whatever else hears of changes.
func (s *Server) connectFleet() {
	s.fleet = fleet.New(fleet.Config{
		Node: nodeName(), Version: s.config.Version, Streams: s.whereStreamsAre,
		Observe: func(kind fleet.Kind, took time.Duration, clients int) {
			s.measured.propagation[kind].Observe(took.Seconds(), uint64(clients))
		},
	})
	s.fleet.Follow(s.store)
	s.reports = &controlfleet.Exchange{Pool: s.pool, Registry: s.fleet, Logger: s.config.Logger}
}

// nodeName names this process: the host's name is not enough, as there may be several on it, and it may come back.
func nodeName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "node"
	}
	random := make([]byte, 3)
	_, _ = rand.Read(random) // never fails (crypto/rand, Go 1.24)
	return host + "-" + hex.EncodeToString(random)
}

// delivered is told of messages handed to the system.
func (s *Server) delivered(d sse.Delivery) {
	s.measured.delivered(d)
	if topic, ok := d.Topic.(placed); ok {
		environment, revision, browsers := topic.Holds(d.Cursor)
		s.fleet.Delivered(kindOf(browsers), environment, revision, d.Messages)
	}
}

func kindOf(browsers bool) fleet.Kind {
	if browsers {
		return fleet.Browsers
	}
	return fleet.Delivered
}

// whereStreamsAre tells where this node's streams are.
func (s *Server) whereStreamsAre(ctx context.Context) []fleet.Group {
	var groups []fleet.Group
	for _, h := range s.hub.Survey(ctx) {
		topic, ok := h.Topic.(placed)
		if !ok {
			continue
		}
		// Only the revision counts: topics of browsers compare it with their own.
		environment, revision, browsers := topic.Holds(sse.Cursor{Revision: h.Revision})
		groups = append(groups, fleet.Group{
			Kind: kindOf(browsers), Environment: environment, App: h.Client, Revision: revision, Clients: h.Streams, Slow: h.Slow,
		})
	}
	return groups
}

// collectFleet writes what is known of this node's clients.
func (s *Server) collectFleet(w *metrics.Writer) {
	edges := s.fleet.Edges()
	w.Value("pennon_edges", "Edges on a link.", metrics.KindGauge, float64(len(edges)))
	if w.Family("pennon_edge_lag_revisions",
		"Revisions that an edge on a link has not confirmed, of the edges furthest behind.", metrics.KindGauge) {
		head := s.store.Cursor().Revision
		slices.SortFunc(edges, func(a, b fleet.EdgePart) int {
			return cmp.Or(cmp.Compare(a.Held(), b.Held()), strings.Compare(a.Instance, b.Instance))
		})
		told := map[[2]string]bool{} // an edge that has just come back may be there twice
		for i := range edges[:min(len(edges), lagEdges)] {
			name := [2]string{edges[i].App, edges[i].Instance}
			if told[name] {
				continue
			}
			told[name] = true
			w.Sample(float64(max(head-edges[i].Held(), 0)), label("app_name", edges[i].App), label("instance", edges[i].Instance))
		}
	}
	if w.Family("pennon_propagation_seconds",
		"From when this node learned of a change until a client had it, by how that is known.", metrics.KindHistogram) {
		for _, kind := range fleet.Kinds {
			w.Histogram(s.measured.propagation[kind], label("kind", string(kind)))
		}
	}
}

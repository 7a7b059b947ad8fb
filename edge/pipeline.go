package edge

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/pennonhq/pennon/fault"
	"github.com/pennonhq/pennon/usage"
)

// pipeline is the way of usage through an edge: in from SDKs and from edges below, each named report once; merged; out to
// the upstream; and, what could not be sent when the edge stopped, into the backup.
type pipeline struct {
	ledger    *usage.Ledger
	forwarder *Forwarder
	logger    *slog.Logger
	left      func() []savedReport // what the stopped forwarder could not send
	ended     chan struct{}        // closed when the forwarder has stopped
	kept      atomic.Bool          // left is in the backup
}

// savedUsage is what the backup keeps of usage.
type savedUsage struct {
	Reports []savedReport `json:"reports,omitempty"` // that could not be sent
	Taken   []string      `json:"taken,omitempty"`   // names of the newest reports of each edge below
}

func newPipeline(config Config, upstream *Upstream, tokens *Tokens) *pipeline {
	p := &pipeline{ledger: usage.NewLedger(), logger: config.Logger.With("component", "usage"), ended: make(chan struct{})}
	p.forwarder = &Forwarder{
		Buffer: usage.NewBuffer(), Upstream: upstream, Form: Bulk, Interval: config.MetricsInterval, Logger: config.Logger,
		Used: tokens.uses, Secret: tokens.secretOf,
	}
	p.forwarder.Buffer.TellFlagsApart()
	p.left = sync.OnceValue(func() []savedReport { return p.forwarder.remaining(maxSaved) })
	return p
}

// run forwards until ctx is done, and then what is left.
func (p *pipeline) run(ctx context.Context) error {
	defer close(p.ended)
	return p.forwarder.Run(ctx)
}

// once takes a report of an edge below, unless it was taken before. It implements client.Once.
func (p *pipeline) once(_ context.Context, id usage.ReportID, batch usage.Batch) error {
	if p.forwarder.Buffer.Full() {
		return fault.New(fault.Unavailable, "This edge cannot keep more usage until its upstream takes some. Try again later.")
	}
	if p.ledger.Take(id) {
		p.forwarder.Buffer.Add(batch)
	}
	return nil
}

// saved is what the next run has to know as of now: while the edge runs, reports of an earlier run that still wait; once the
// forwarder has stopped, everything.
func (p *pipeline) saved() *savedUsage {
	s := &savedUsage{}
	select {
	case <-p.ended:
		s.Reports = p.left()
	default:
		s.Reports = p.forwarder.saved()
	}
	for _, id := range p.ledger.Taken() {
		s.Taken = append(s.Taken, id.String())
	}
	if len(s.Reports)+len(s.Taken) == 0 {
		return nil
	}
	return s
}

// restore takes in what an earlier run has saved.
func (p *pipeline) restore(s *savedUsage) {
	if s == nil {
		return
	}
	for _, text := range s.Taken {
		if id, ok := usage.ParseReportID(text); ok {
			p.ledger.Take(id)
		}
	}
	if len(s.Reports) > 0 {
		p.logger.Info("reports of usage that an earlier run could not send are sent now", "reports", len(s.Reports))
	}
	p.forwarder.restore(s.Reports)
}

// end tells what is lost, when everything else has ended.
func (p *pipeline) end() {
	if len(p.left()) > 0 && !p.kept.Load() {
		p.forwarder.abandon()
	}
}

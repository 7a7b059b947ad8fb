package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/pennonhq/pennon/client"
)

// propagationInterval is how often it is asked who has a revision.
const propagationInterval = time.Second

// Propagation tells who has a revision.
type Propagation struct {
	Connection
	environmentArgument

	Revision int64 `name:"revision" help:"The revision; by default the environment's newest change."`
	Watch    bool  `name:"watch" help:"Print it anew whenever it has changed, until interrupted."`
}

// Run prints who has the revision, once or whenever that has changed. Watched, JSON is one answer a line.
func (c *Propagation) Run(ctx context.Context, s *Session) error {
	params := &client.GetPropagationParams{Revision: given(c.Revision)}
	var shown []byte
	for {
		answer, err := s.GetPropagationWithResponse(ctx, c.Name, params)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return s.environmentError(ctx, c.Name, err)
		case !c.Watch:
			return s.show(answer.Body, func(out io.Writer) error { return writePropagation(out, answer.JSON200) })
		}
		var text bytes.Buffer
		if err := writePropagation(&text, answer.JSON200); err != nil {
			return err
		}
		if !bytes.Equal(text.Bytes(), shown) {
			if err := c.update(s, answer.JSON200, text.Bytes(), shown == nil); err != nil {
				return err
			}
			shown = text.Bytes()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(propagationInterval):
		}
	}
}

func (c *Propagation) update(s *Session, p *client.PropagationSchema, text []byte, first bool) error {
	if s.json {
		return s.line(p)
	}
	if !first {
		if _, err := fmt.Fprintln(s.Out); err != nil {
			return err
		}
	}
	_, err := s.Out.Write(text)
	return err
}

func writePropagation(out io.Writer, p *client.PropagationSchema) error {
	headline := fmt.Sprintf("%s at revision %d", clean(p.Environment), p.ChangeRevision)
	if change := p.Change; change != nil {
		headline += fmt.Sprintf(": %s %s, %s", clean(change.Kind), clean(change.Entity), moment(change.At))
	}
	if _, err := fmt.Fprintf(out, "%s\n\n", headline); err != nil {
		return err
	}
	t := newTable(out, "KIND", "HAVE IT", "WAITING", "P50", "P99", "MAX")
	kinds := []struct {
		name string
		of   *client.PropagationProgressSchema
	}{{"acked by edges", &p.Acked}, {"delivered to SDKs", &p.Delivered}, {"delivered to browsers", &p.Browsers}, {"polled by SDKs", &p.Polled}}
	for _, kind := range kinds {
		p50, p99, longest := "-", "-", "-"
		if took := kind.of.Took; took != nil {
			p50, p99, longest = milliseconds(took.P50Ms), milliseconds(took.P99Ms), milliseconds(took.MaxMs)
		}
		t.row(kind.name, strconv.FormatInt(kind.of.Have, 10), strconv.FormatInt(kind.of.Waiting, 10), p50, p99, longest)
	}
	if err := t.flush(); err != nil {
		return err
	}
	if len(p.Edges) > 0 {
		t = section(out, "EDGE", "APP", "BEHIND", "KNOWN", "REVISION", "HAS IT", "TOOK", "LACKING FOR", "STREAMS")
		for i := range p.Edges {
			e := &p.Edges[i]
			t.row(e.InstanceID, e.AppName, or(e.Behind, e.Node), string(e.Source), strconv.FormatInt(e.Revision, 10), yesNo(e.Has),
				tookOr(e.TookMs), lacking(e.StaleSeconds), numberOr(e.Streams))
		}
		if err := t.flush(); err != nil {
			return err
		}
	}
	if err := writeWaiting(out, p); err != nil {
		return err
	}
	t = section(out, "SERVER", "REVISION", "HAS IT", "TOOK")
	for i := range p.Nodes {
		n := &p.Nodes[i]
		t.row(n.Node, strconv.FormatInt(n.Revision, 10), yesNo(n.Has), tookOr(n.TookMs))
	}
	return t.flush()
}

// writeWaiting names who is behind. Edges have a table of their own.
func writeWaiting(out io.Writer, p *client.PropagationSchema) error {
	var t *table
	for _, progress := range []*client.PropagationProgressSchema{&p.Delivered, &p.Browsers, &p.Polled} {
		for i := range progress.Slowest {
			c := &progress.Slowest[i]
			if c.Has {
				continue
			}
			if t == nil {
				t = section(out, "WAITING", "ID", "SERVER", "CLIENTS", "REVISION", "LACKING FOR", "LAST SEEN")
			}
			t.row(c.AppName, or(c.ID, "-"), c.Node, strconv.FormatInt(c.Clients, 10), strconv.FormatInt(c.Revision, 10), lacking(c.StaleSeconds), momentOr(c.HeardAt, "-"))
		}
	}
	if t == nil {
		return nil
	}
	return t.flush()
}

// section is a further table.
func section(out io.Writer, header ...string) *table {
	t := &table{out: out}
	t.row("")
	t.row(header...)
	return t
}

// milliseconds writes milliseconds as people read them.
func milliseconds(milli float64) string {
	switch {
	case milli < 100:
		return strconv.FormatFloat(milli, 'f', 1, 64) + " ms"
	case milli < 10_000:
		return strconv.FormatFloat(milli, 'f', 0, 64) + " ms"
	default:
		return (time.Duration(milli) * time.Millisecond).Round(time.Second).String()
	}
}

func tookOr(milli *float64) string {
	if milli == nil {
		return "-"
	}
	return milliseconds(*milli)
}

func lacking(seconds float64) string {
	if seconds == 0 {
		return "-"
	}
	return milliseconds(seconds * 1000)
}

func numberOr(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}

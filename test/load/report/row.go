package report

import (
	"fmt"
	"math"
)

// Bar is the bound a figure or a ratio is held against, inclusive.
type Bar struct {
	Limit   float64
	AtLeast bool   // the figure must reach Limit; otherwise it must not exceed it
	Text    string // how the bar is written in the table, for example "≤ 1/10"
}

// AtMost is the bar "≤ limit".
func AtMost(limit float64) *Bar { return &Bar{Limit: limit, Text: "≤ " + Number(limit)} }

// AtLeast is the bar "≥ limit".
func AtLeast(limit float64) *Bar {
	return &Bar{Limit: limit, AtLeast: true, Text: "≥ " + Number(limit)}
}

// OneIn is the bar "≤ 1/n".
func OneIn(n int) *Bar { return &Bar{Limit: 1 / float64(n), Text: fmt.Sprintf("≤ 1/%d", n)} }

// Met tells whether the median of the figure keeps the bar. A figure that was never taken does not.
func (b *Bar) Met(f Figure) bool {
	median := f.Median()
	if math.IsNaN(median) {
		return false
	}
	if b.AtLeast {
		return median >= b.Limit
	}
	return median <= b.Limit
}

// Measured is one system's side of a row: its figure, or why there is none.
type Measured struct {
	Figure Figure
	Err    error  // the measurement was tried and failed
	None   string // there is nothing to measure, and why; shown as it is
}

func (m Measured) cell() string {
	switch {
	case m.Err != nil:
		return "error" // the reason is told under the table
	case len(m.Figure.Taken()) > 0:
		return m.Figure.String()
	case m.None != "":
		return m.None
	}
	return "not measured"
}

// Failed tells whether a figure was due and is missing.
func (m Measured) Failed() bool {
	return m.Err != nil || len(m.Figure.Taken()) == 0 && m.None == ""
}

// Row is one case: the same thing measured on Pennon, on its bare-Go ceiling and on the Unleash server.
type Row struct {
	Case    string // what is measured, with its unit
	Pennon  Measured
	Ceiling Measured
	Peer    Measured

	Bar          *Bar // on Pennon's own figure
	ToCeilingBar *Bar // on Pennon / ceiling, same round
	ToPeerBar    *Bar // on Pennon / Unleash server, same round
}

// Verdict is what a row says about its bars.
type Verdict string

// The verdicts of a row. NoBar is for rows that only inform.
const (
	Met    Verdict = "✓"
	Missed Verdict = "✗"
	Failed Verdict = "✗ error"
	NoBar  Verdict = "–"
)

// Verdict holds the row against its bars. A figure that failed and is needed by a bar fails the row.
func (r Row) Verdict() Verdict {
	if r.Pennon.Failed() || r.Ceiling.Failed() || r.Peer.Failed() {
		return Failed
	}
	verdict := NoBar
	for _, check := range []struct {
		bar    *Bar
		figure Figure
	}{
		{r.Bar, r.Pennon.Figure},
		{r.ToCeilingBar, r.Pennon.Figure.Over(r.Ceiling.Figure)},
		{r.ToPeerBar, r.Pennon.Figure.Over(r.Peer.Figure)},
	} {
		if check.bar == nil {
			continue
		}
		if !check.bar.Met(check.figure) {
			return Missed
		}
		verdict = Met
	}
	return verdict
}

// cells returns the row's Markdown cells in column order.
func (r Row) cells() []string {
	pennon := r.Pennon.cell()
	if r.Bar != nil {
		pennon += " (" + r.Bar.Text + ")"
	}
	return []string{
		r.Case, pennon,
		r.Ceiling.cell(), ratioCell(r.Pennon, r.Ceiling, r.ToCeilingBar),
		r.Peer.cell(), ratioCell(r.Pennon, r.Peer, r.ToPeerBar),
		string(r.Verdict()),
	}
}

func ratioCell(of, to Measured, bar *Bar) string {
	text := "–"
	if ratio := of.Figure.Over(to.Figure); len(ratio.Taken()) > 0 {
		text = ratio.String()
	}
	if bar != nil {
		text += " (" + bar.Text + ")"
	}
	return text
}

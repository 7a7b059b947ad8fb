package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Table is one area of the report.
type Table struct {
	Title string
	About string // how the figures of the area are taken; Markdown
	Peer  string // the published program; empty: unleash-server
	Rows  []Row
}

// Document is the whole report.
type Document struct {
	Title  string
	Head   []string // facts on the run, one a list item; Markdown
	Tables []Table
	Notes  string // how to read it; Markdown
}

func (t Table) columns() []string {
	return []string{"case", "pennon", "ceiling", "ratio (bar)", t.peer(), "ratio (bar)", ""}
}

func (t Table) peer() string { return cmp.Or(t.Peer, "unleash-server") }

// WriteTo writes the document as Markdown.
func (d Document) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", d.Title)
	for _, fact := range d.Head {
		fmt.Fprintf(&b, "- %s\n", fact)
	}
	fmt.Fprintf(&b, "\n%s\n", strings.TrimSpace(d.Notes))
	for _, table := range d.Tables {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n", table.Title, strings.TrimSpace(table.About))
		writeRow(&b, table.columns())
		writeRow(&b, []string{"---", "---", "---", "---", "---", "---", "---"})
		for _, row := range table.Rows {
			writeRow(&b, row.cells())
		}
		for i, failure := range table.failures() {
			if i == 0 {
				b.WriteString("\nNot measured:\n\n")
			}
			fmt.Fprintf(&b, "- %s\n", failure)
		}
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// failures lists the reasons for the table's errors, each once, on one line.
func (t Table) failures() []string {
	var failures []string
	for _, row := range t.Rows {
		for _, side := range []struct {
			system string
			err    error
		}{{"pennon", row.Pennon.Err}, {"ceiling", row.Ceiling.Err}, {t.peer(), row.Peer.Err}} {
			if side.err == nil {
				continue
			}
			failure := side.system + ": " + strings.Join(strings.Fields(side.err.Error()), " ")
			if !slices.Contains(failures, failure) {
				failures = append(failures, failure)
			}
		}
	}
	return failures
}

func writeRow(b *strings.Builder, cells []string) {
	b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
}

// Tally counts the rows of each verdict.
func (d Document) Tally() map[Verdict]int {
	tally := map[Verdict]int{}
	for _, table := range d.Tables {
		for _, row := range table.Rows {
			tally[row.Verdict()]++
		}
	}
	return tally
}

package report

import (
	"fmt"
	"io"
	"strings"
)

// Table is one area of the report.
type Table struct {
	Title string
	About string // how the figures of the area are taken; Markdown
	Rows  []Row
}

// Document is the whole report.
type Document struct {
	Title  string
	Head   []string // facts on the run, one a list item; Markdown
	Tables []Table
	Notes  string // how to read it; Markdown
}

var columns = []string{"case", "pennon", "ceiling", "ratio (bar)", "unleash-server", "ratio (bar)", ""}

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
		writeRow(&b, columns)
		writeRow(&b, []string{"---", "---", "---", "---", "---", "---", "---"})
		for _, row := range table.Rows {
			writeRow(&b, row.cells())
		}
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
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
